"""Access: what a connector reads through, and what a run asks of it."""

from __future__ import annotations

from typing import Protocol, TypeVar

from headwater_runtime.clock import Clock
from headwater_runtime.log import Log
from headwater_runtime.transport import Transport

__all__ = ["Access"]

A = TypeVar("A", bound="Access")


class Access(Protocol):
    """A Client, a Database or a Place: declared once, made ready for each run by `begin`."""

    @property
    def clock(self) -> Clock:
        """The run's clock."""

    @property
    def log(self) -> Log:
        """The run's log."""

    @property
    def kept(self) -> str:
        """The sealed credential that the next run needs, "" if none. The sync saves it at once when it changes."""

    def begin(self: A, transport: Transport, clock: Clock, log: Log, kept: str | None = "") -> A:  # noqa: PYI019  (no Self in 3.10)
        """Return it ready for one run. Connects to nothing. `kept` is the credential that the run before it left.

        None: there is no state to keep the next one in.
        """

    def sign_in(self) -> None:
        """Obtain a credential, where one has to be asked for, before anything is read."""

    def try_out(self) -> bool:
        """Ask the source one cheap question for the setup form; False: reading a first page says more. Raises HeadwaterError."""

    def close(self) -> None:
        """End the run's connections. Does not raise."""
