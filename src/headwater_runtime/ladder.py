"""The ladder of page sizes: down where queries fail or take long, up again where they do not, over what fails alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from headwater_runtime.bad import Failure
from headwater_runtime.call import Position
from headwater_runtime.errors import HeadwaterError
from headwater_runtime.paging import Paging, Sizes

if TYPE_CHECKING:
    from headwater_runtime.client import Answer

__all__ = ["TRIES", "Got", "Ladder"]

TRIES = 2  # of one query before a smaller one is tried
GOOD = 5  # pages in a row before a larger one is tried; twice as many each time that fails
PATIENT = 80
OUTAGE = 10  # records in a row that fail alone: that is no longer the records


@dataclass(frozen=True)
class Got:
    """An answer, where it was asked for, and by which paging: at the size of the step. `failed` were stepped over before."""

    position: Position | None
    answer: Answer
    where: str
    paging: Paging
    step: int = 0
    failed: tuple[Failure, ...] = ()


class Ask(Protocol):
    """Asks for one page."""

    def __call__(self, position: Position | None, step: int = 0, *, attempts: int = 0, counted: bool = True) -> Got:
        """Return the page at `position`."""


class Ladder:
    """Asks for the pages of one reading, beginning with the largest size that is at most `begin` (0: the largest).

    A record that fails alone, at size 1, is a suspect: it is stepped over if `step_over` gives the position behind it, and
    confirmed only by the next success. Many suspects in a row are an outage: the first error is raised and none is confirmed.
    """

    def __init__(
        self,
        sizes: Sizes,
        begin: int,
        ask: Ask,
        step_over: Callable[[Position | None], Position | None],
        failure: Callable[[Position | None, HeadwaterError], Failure],
    ) -> None:
        self._sizes, self._ask, self._step_over, self._failure = sizes, ask, step_over, failure
        steps = sizes.steps
        self._at = next((at for at, step in enumerate(steps) if step <= begin), len(steps) - 1) if begin else 0
        self._good, self._needed = 0, GOOD
        self._raised = False  # the last change of size was upward, and nothing has come of it yet

    @property
    def top(self) -> bool:
        """Whether the size is the largest."""
        return self._at == 0

    def ask(self, position: Position | None) -> Got:
        """Return the page at `position`, or at the first one behind it that can be read. Raises what the client raises."""
        suspects: list[Failure] = []
        first: HeadwaterError | None = None
        while True:
            step = self._sizes.steps[self._at]
            smallest = step == self._sizes.steps[-1]
            attempts = TRIES if suspects or not smallest else 0
            try:
                got = self._ask(position, step, attempts=attempts, counted=self.top)
            except HeadwaterError as error:
                if not error.heavy:
                    raise
                if not smallest:
                    self._down()
                    continue
                first = first or error
                behind = self._step_over(position) if step == 1 else None
                if behind is None or len(suspects) + 1 == OUTAGE:
                    raise first from first.__cause__
                suspects.append(self._failure(position, error))
                position = behind
            else:
                self._judge(got.answer.seconds)
                return replace(got, failed=tuple(suspects))

    def _down(self) -> None:
        if self._raised:  # the step up was too early
            self._needed = min(PATIENT, self._needed * 2)
        self._at, self._good, self._raised = min(self._at + 1, len(self._sizes.steps) - 1), 0, False

    def _judge(self, seconds: float) -> None:
        if seconds > self._sizes.slow:
            self._down()
            return
        if self._raised:
            self._needed, self._raised = GOOD, False
        self._good += 1
        if not self.top and self._good >= self._needed:
            self._at, self._good, self._raised = self._at - 1, 0, True
