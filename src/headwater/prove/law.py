"""Law, Case and Judgement: what is claimed, what was tried, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from headwater.prove.rig import Rig

__all__ = ["Case", "Effort", "Judgement", "Law", "NotJudgedError", "Verdict"]

Effort = Literal["full", "quick"]
Verdict = Literal["passed", "failed", "not applicable"]


@dataclass(frozen=True)
class Case:
    """One thing that was tried. `name` holds what replays it; `problem` is empty when the law held."""

    name: str
    problem: str = ""


@dataclass(frozen=True)
class Law:
    """A claim about every connector. `check` tries it case after case; it raises NotJudgedError where it cannot judge.

    What it returns at the end, if anything, is what was not tried: it limits the verdict, which stands.
    """

    number: int
    name: str
    check: Callable[[Rig], Generator[Case, None, str | None]]


class NotJudgedError(Exception):
    """The law cannot be judged, or not wholly, for this connector; the message is the reason a report shows."""


@dataclass(frozen=True)
class Judgement:
    """What came of one law. `reason` says why it is not applicable, or what limits a verdict; `failures` replay."""

    number: int
    name: str
    verdict: Verdict
    cases: int
    seconds: float
    reason: str = ""
    failures: tuple[Case, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)
