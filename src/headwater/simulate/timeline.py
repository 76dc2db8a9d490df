"""Timeline: when each record of a population came to be and last changed, by index, so that nothing has to be stored.

The records a vendor starts with lie evenly between two moments of the past. What is added, edited or deleted later is
stamped with the clock of the server, as a vendor does: a window that ended before now can no longer miss it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone

from headwater.simulate.indices import Indices
from headwater_runtime.clock import Clock

__all__ = ["FIRST", "LAST", "TODAY", "Following", "Spans", "Timeline"]

FIRST = datetime(2024, 1, 2, tzinfo=timezone.utc)
LAST = datetime(2024, 12, 20, tzinfo=timezone.utc)
TODAY = datetime(2025, 1, 1, tzinfo=timezone.utc)  # when a FakeClock starts; what counts as now until a server runs
MILLISECOND = timedelta(milliseconds=1)


class Spans(Indices):
    """Indices in a few runs, in order: as good as a list of them, whatever their number."""

    def __init__(self, runs: Sequence[range]) -> None:
        self.runs = tuple(run for run in runs if run)
        self._ends: list[int] = []
        for run in self.runs:
            self._ends.append(len(self) + len(run))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[int]:
        for run in self.runs:
            yield from run

    def number(self, at: int) -> int:
        """Return the index at place `at` of all runs."""
        run = bisect_left(self._ends, at + 1)
        return self.runs[run][at - (self._ends[run - 1] if run else 0)]

    def meet(self, other: Spans) -> Spans:
        """Return the indices that are in both; the runs of each ascend."""
        cut = [range(max(a.start, b.start), min(a.stop, b.stop)) for a in self.runs for b in other.runs]
        return Spans(sorted(cut, key=lambda run: run.start))

    def without(self, indices: Sequence[int]) -> Spans:
        """Return the same indices but for these; `indices` ascend."""
        runs = list(self.runs)
        for index in indices:
            runs = [
                part
                for run in runs
                for part in ((run[: index - run.start], run[index - run.start + 1 :]) if index in run else (run,))
            ]
        return Spans(runs)


class Timeline:
    """Moments for `count` records spread from `first` to `last`, `ties` neighbours sharing one, and for all that follow."""

    def __init__(self, count: int, *, first: datetime = FIRST, last: datetime = LAST, ties: int = 1) -> None:
        self.clock: Clock | None = None
        self._count = count
        self._first = first
        self._step = max(1, (last - first) // MILLISECOND // max(1, count))
        self._ties = ties
        self._later: list[tuple[range, datetime]] = []
        self._changed: dict[int, datetime] = {}

    def now(self) -> datetime:
        """Return the time of the server's clock."""
        return self.clock.now() if self.clock else TODAY

    def at(self, index: int) -> datetime:
        """Return when record `index` came to be."""
        if index < self._count:
            return self._first + index // self._ties * self._ties * self._step * MILLISECOND
        return self._later[bisect_right(self._later, index, key=lambda grown: grown[0].start) - 1][1]

    def changed(self, index: int) -> datetime:
        """Return when record `index` last changed; its beginning where it never did."""
        return self._changed.get(index) or self.at(index)

    def between(self, start: datetime, stop: datetime) -> Spans:
        """Return the records that came to be from `start` until before `stop`, in the order they were added."""
        ends = [bisect_left(range(self._count), moment, key=self.at) for moment in (start, stop)]
        return Spans([range(*ends), *(run for run, moment in self._later if start <= moment < stop)])

    def changed_between(self, start: datetime, stop: datetime) -> Spans:
        """Return the records whose last change lies from `start` until before `stop`, by index."""
        kept = self.between(start, stop).without(sorted(self._changed))
        edited = [index for index, moment in sorted(self._changed.items()) if start <= moment < stop]
        runs = [*kept.runs, *(range(index, index + 1) for index in edited)]
        return Spans(sorted(runs, key=lambda run: run.start))

    def grew(self, indices: range, late: float = 0.0) -> None:
        """Stamp records that were just added, `late` seconds before now."""
        if indices:
            self._later.append((indices, self.now() - timedelta(seconds=late)))

    def edited(self, index: int) -> None:
        """Stamp a record that was just changed."""
        self._changed[index] = self.now()


class Following(Timeline):
    """The moments of records that come to be with those of another population: record `i` with its record `origin(i)`.

    `origin` never falls as `i` rises, and `count` tells how many there are.
    """

    def __init__(self, leader: Timeline, origin: Callable[[int], int], count: Callable[[], int]) -> None:
        super().__init__(0)
        self._leader = leader
        self._origin = origin
        self._many = count

    def now(self) -> datetime:
        """Return the time of the server's clock."""
        return self._leader.now()

    def at(self, index: int) -> datetime:
        """Return when record `index` came to be."""
        return self._leader.at(self._origin(index))

    def between(self, start: datetime, stop: datetime) -> Spans:
        """Return the records that came to be from `start` until before `stop`."""
        every = range(self._many())
        runs = self._leader.between(start, stop).runs
        ends = ([bisect_left(every, edge, key=self._origin) for edge in (run.start, run.stop)] for run in runs)
        return Spans([range(*one) for one in ends])
