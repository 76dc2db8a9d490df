"""Watches of the command line: one that shows steps, lines and a live status on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from headwater.actions.watch import Level
from headwater.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["STYLES", "Terminal", "console", "print_line"]

STYLES: dict[Level, str] = {"debug": "dim", "info": "", "good": "green", "warning": "yellow", "error": "red"}


def console() -> Console:
    """Return the console of this process's stdout; a pipe gets lines as long as they are, not cut at 80 columns."""
    # Bound to the stream of this moment: while a connector runs, what it prints to sys.stdout is captured.
    screen = Console(file=sys.stdout, highlight=False)
    return screen if screen.is_terminal else Console(file=sys.stdout, highlight=False, width=10_000, soft_wrap=True)


def print_line(screen: Console, text: str, style: str = "", indent: int = 2) -> None:
    """Print `text` indented; what does not fit goes on under it."""
    screen.print(Padding(Text(text, style=style), (0, 0, 0, indent), expand=False))


class Terminal:
    """Shows steps and lines on `console`, and a status at its foot where it is a terminal.

    `assume_yes` answers every question with yes. A context manager: leaving it takes the status away.
    """

    def __init__(self, console: Console, *, assume_yes: bool = False) -> None:
        self._console = console
        self._assume_yes = assume_yes
        self._status: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._take_status_away()

    def step(self, title: str) -> None:
        """Show a heading."""
        self._take_status_away()
        self._console.print(Text(f"\n› {title}", style="bold cyan"), soft_wrap=True)

    def line(self, text: str, level: Level = "info") -> None:
        """Show a line."""
        print_line(self._console, text, STYLES[level])

    def status(self, text: str) -> None:
        """Show `text` at the foot of a terminal, in place of the status before."""
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = Live(console=self._console, transient=True, redirect_stdout=False, redirect_stderr=False)
            self._status.start()
        # Room at the right for the ^C a terminal echoes: on a full line it would push the status out of its place.
        self._status.update(Padding(Text(text, style="cyan", no_wrap=True, overflow="ellipsis"), (0, 3, 0, 2)))

    def confirm(self, question: str) -> bool:
        """Ask on the terminal."""
        if self._assume_yes:
            self.line(f"{question} yes (--yes)")
            return True
        if not (self._console.is_terminal and sys.stdin.isatty()):
            raise UsageError("this needs a yes and nobody can be asked here", hint="add --yes")
        self._take_status_away()
        return self._console.input(f"  {question} [y/N] ").strip().lower() in {"y", "yes"}

    def _take_status_away(self) -> None:
        if self._status is not None:
            self._status.stop()
        self._status = None
