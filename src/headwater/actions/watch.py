"""Watch: how an action tells the face that called it what is going on, and asks it the one thing it may ask."""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["Level", "Silent", "Watch"]

Level = Literal["debug", "info", "good", "warning", "error"]


class Watch(Protocol):
    """The face of a running action."""

    def step(self, title: str) -> None:
        """Begin a new part of the work."""

    def line(self, text: str, level: Level = "info") -> None:
        """Tell one line of what is going on."""

    def status(self, text: str) -> None:
        """Tell how far it is. Each status takes the place of the one before; where nothing can be replaced, none is shown."""

    def confirm(self, question: str) -> bool:
        """Ask a yes-or-no question and return the answer. Raises UsageError where nobody can answer."""


class Silent:
    """A watch for callers that only want the report. It agrees to nothing."""

    def step(self, title: str) -> None:
        """Show nothing."""

    def line(self, text: str, level: Level = "info") -> None:
        """Show nothing."""

    def status(self, text: str) -> None:
        """Show nothing."""

    def confirm(self, question: str) -> bool:  # noqa: ARG002
        """Say no: what needs a yes must be asked for by an option."""
        return False
