"""What every command does around its action: a watch, the report in words or as JSON, errors as one message, exit codes."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from headwater.actions.watch import Silent, Watch
from headwater.errors import HeadwaterError, UsageError, interrupted
from headwater.model import Finding, Report

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Face", "print_report_json"]

INTERRUPTED = 130  # what shells give a command that Ctrl-C ended
LEFT = {
    "debug": "what the last checkpoint committed is kept",
    "new": "what was written and committed is kept",
    "prove": "nothing was written",
}


@dataclass(frozen=True)
class Face:
    """How one command shows itself: `as_json` prints the report and nothing else, `verbose` adds tracebacks."""

    action: str
    as_json: bool = False
    verbose: bool = False
    assume_yes: bool = False

    def run(self, act: Callable[[Watch], Report], render: Callable[[Report, Console], None]) -> NoReturn:
        """Run `act`, show its report by `render` or as JSON, and exit 0 (done), 1 (findings, failed) or 2 (wrong use)."""
        try:
            report = self._json(act) if self.as_json else self._shown(act, render)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (the last stop: a person sees a sentence, not a stack)
            if interrupted(error):
                self._interrupted()
                raise typer.Exit(INTERRUPTED) from None
            if isinstance(error, HeadwaterError):
                self.fail(error)
            unexpected = HeadwaterError(
                f"{self.action} stopped on {type(error).__name__}: {error}",
                hint="this is a fault of Headwater: please report it with the output of the same command and --verbose",
            )
            unexpected.__cause__ = error
            self.fail(unexpected)
        raise typer.Exit(report.exit_code)

    def fail(self, error: HeadwaterError) -> NoReturn:
        """Show `error` as one message and exit."""
        if self.verbose:
            traceback.print_exception(error)
        if self.as_json:
            finding = Finding(f"{self.action}.{_kind(error)}", "error", error.where, error.what, error.hint)
            print_report_json(Report(self.action, "failed", findings=(finding,)))
        else:
            sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(2 if isinstance(error, UsageError) else 1)

    def _interrupted(self) -> None:
        left = LEFT.get(self.action, "")
        if self.as_json:
            finding = Finding(f"{self.action}.interrupted", "error", "", "interrupted", left)
            print_report_json(Report(self.action, "failed", findings=(finding,)))
        else:
            sys.stderr.write(f"\ninterrupted{left and f'; {left}'}\n")

    def _json(self, act: Callable[[Watch], Report]) -> Report:
        report = act(_Agreeing() if self.assume_yes else Silent())
        print_report_json(report)
        return report

    def _shown(self, act: Callable[[Watch], Report], render: Callable[[Report, Console], None]) -> Report:
        from headwater.cli.terminal import Terminal, console

        screen = console()
        with Terminal(screen, assume_yes=self.assume_yes) as terminal:
            report = act(terminal)
        render(report, screen)
        if self.verbose and report.data.get("traceback"):
            sys.stderr.write("\n".join(report.data["traceback"]) + "\n")
        return report


class _Agreeing(Silent):
    """A silent watch of a caller who said --yes."""

    def confirm(self, question: str) -> bool:  # noqa: ARG002
        return True


def print_report_json(report: Report) -> None:
    """Write `report` as one line of JSON on stdout."""
    sys.stdout.write(json.dumps(report.as_dict(), default=_plain) + "\n")
    sys.stdout.flush()


def _kind(error: HeadwaterError) -> str:
    return type(error).__name__.removesuffix("Error").lower()


def _plain(value: Any) -> str:
    return str(value)
