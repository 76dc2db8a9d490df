"""The seam to where rows land. A new destination is one module with a class that fits `Destination`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from headwater.engine.buffer import Change

__all__ = ["Destination"]


class Destination(Protocol):
    """A place where tables land. One run uses it at a time."""

    @property
    def folder(self) -> Path | None:
        """The folder uploaded files are stored under; None if they are to go away with the sync."""

    def open(self, naming: str) -> str:
        """Get ready for a run. Returns the naming in force: what the destination was made with, else `naming`.

        Raises WarehouseError if it cannot be written to.
        """

    def commit(self, changes: Sequence[Change], moment: datetime) -> None:
        """Apply `changes` in one transaction: all of them are there when this returns, none if it raises.

        A change without sections declares: its table, if its key has types, and its columns come into being without rows.
        """

    def counts(self) -> Mapping[str, int]:
        """Return the number of live (not deleted) rows of every table."""

    def close(self) -> None:
        """Let go of what `open` took. What was committed stays."""
