"""Watches of the command line: one that shows steps, lines and progress, live on a terminal and plain elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from headwater.actions.watch import Level
from headwater.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["STYLES", "Terminal", "console", "print_line"]

STYLES: dict[Level, str] = {"debug": "dim", "info": "", "good": "green", "warning": "yellow", "error": "red"}


def console() -> Console:
    """Return the console of this process's stdout; a pipe gets lines as long as they are, not cut at 80 columns."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=10_000, soft_wrap=True)


def print_line(screen: Console, text: str, style: str = "", indent: int = 2) -> None:
    """Print `text` indented; what does not fit goes on under it."""
    screen.print(Padding(Text(text, style=style), (0, 0, 0, indent), expand=False))


class Terminal:
    """Shows steps, lines and progress on `console`: a counter where it is a terminal, one line for each part elsewhere.

    `assume_yes` answers every question with yes. A context manager: leaving it takes the counter away.
    """

    def __init__(self, console: Console, *, assume_yes: bool = False) -> None:
        self._console = console
        self._assume_yes = assume_yes
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._counted = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._take_counter_away()

    def step(self, title: str) -> None:
        """Show a heading."""
        self._take_counter_away()
        self._console.print(Text(f"\n› {title}", style="bold cyan"), soft_wrap=True)

    def line(self, text: str, level: Level = "info") -> None:
        """Show a line."""
        print_line(self._console, text, STYLES[level])

    def progress(self, what: str, done: int) -> None:
        """Count up beside `what` on a terminal; elsewhere say once that it has begun."""
        if not self._console.is_terminal:
            if what != self._counted:
                self.line(what)
            self._counted = what
            return
        if self._progress is None or what != self._counted:
            self._take_counter_away()
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TextColumn("{task.completed:,}"),
                TimeElapsedColumn(),
            )
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._progress.start()
            self._task = self._progress.add_task(what, total=None)
            self._counted = what
        self._progress.update(self._task, completed=done)

    def confirm(self, question: str) -> bool:
        """Ask on the terminal."""
        if self._assume_yes:
            self.line(f"{question} yes (--yes)")
            return True
        if not (self._console.is_terminal and sys.stdin.isatty()):
            raise UsageError("this needs a yes and nobody can be asked here", hint="add --yes")
        self._take_counter_away()
        return self._console.input(f"  {question} [y/N] ").strip().lower() in {"y", "yes"}

    def _take_counter_away(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress = None
