"""Watches of the command line: a live one for a terminal, plain lines for everything else, and none for `--json`."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from headwater.actions.watch import Level
from headwater.errors import UsageError

__all__ = ["Terminal", "console"]

STYLES: dict[Level, str] = {"debug": "dim", "info": "", "good": "green", "warning": "yellow", "error": "red"}


def console() -> Console:
    """Return the console of this process's stdout; a pipe gets lines as long as they are, not cut at 80 columns."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=10_000, soft_wrap=True)


class Terminal:
    """Shows steps, lines and progress on `console`: a bar where it is a terminal, a line at each tenth elsewhere.

    `assume_yes` answers every question with yes. A context manager: leaving it takes the bar away.
    """

    def __init__(self, console: Console, *, assume_yes: bool = False) -> None:
        self._console = console
        self._assume_yes = assume_yes
        self._progress: Progress | None = None
        self._tasks: dict[str, int] = {}
        self._tenths: dict[str, int] = {}

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._take_bar_away()

    def step(self, title: str) -> None:
        """Show a heading."""
        self._take_bar_away()
        self._console.print(Text(f"\n› {title}", style="bold cyan"), soft_wrap=True)

    def line(self, text: str, level: Level = "info") -> None:
        """Show a line."""
        self._console.print(Text(f"  {text}", style=STYLES[level]), soft_wrap=True)

    def progress(self, what: str, done: int, total: int) -> None:
        """Move the bar of `what`, or write a line when another tenth is through."""
        if self._console.is_terminal:
            self._move_bar(what, done, total)
            return
        tenth = done * 10 // max(total, 1)
        if tenth > self._tenths.get(what, 0):
            self._tenths[what] = tenth
            self.line(f"{what}: {done} of {total}")

    def confirm(self, question: str) -> bool:
        """Ask on the terminal."""
        if self._assume_yes:
            self.line(f"{question} yes (--yes)")
            return True
        if not (self._console.is_terminal and sys.stdin.isatty()):
            raise UsageError("this needs a yes and nobody can be asked here", hint="add --yes")
        self._take_bar_away()
        return self._console.input(f"  {question} [y/N] ").strip().lower() in {"y", "yes"}

    def _move_bar(self, what: str, done: int, total: int) -> None:
        if self._progress is None:
            columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._progress.start()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)  # type: ignore[arg-type]

    def _take_bar_away(self) -> None:
        if self._progress is not None:
            self._progress.stop()
        self._progress, self._tasks = None, {}
