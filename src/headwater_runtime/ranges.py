"""Cursors that read an axis in ranges: Windows of time here, a Sequence of ids in sequence.py.

The invariant of both, at every moment: what is done and what is in `open` make up the axis from its beginning to `until`.
A range leaves `open` when its last page is emitted, and in no other way; while it is being read it is in `open` too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar

from headwater_runtime.call import Position, Slice
from headwater_runtime.cursor import Progress, Saved, resumable
from headwater_runtime.errors import ContractError, HeadwaterError, SourceError, TransientError, require
from headwater_runtime.moments import NONE, declared, floored, read, written
from headwater_runtime.pages import Page, Readable
from headwater_runtime.watermark import LAG

__all__ = ["Open", "Range", "Windows", "ranged"]

P = TypeVar("P", int, datetime)
GROWS = 3  # whole windows without a failure before the next ones are twice as wide
LEAST = timedelta(seconds=1)  # a window is not cut below this where neither `unit` nor `smallest` says more


@dataclass
class Range(Generic[P]):
    """From `lo` to `hi` (None: no end). `at`: where to go on in it. `since`: only what changed then or later is asked for."""

    lo: P
    hi: P | None
    at: Position | None = None
    since: str | None = None
    slice: Slice | None = None  # what of it is being read
    rows: int = 0  # read since the slice was handed out
    tries: int = 0

    def joins(self, other: Range[P]) -> bool:
        """Whether `other` goes on where this ends, with nothing of their own to remember."""
        return self.hi == other.lo and self.since == other.since and self.at is None and other.at is None


class Open(Generic[P]):
    """The ranges that are not done, in the order they are read."""

    def __init__(self, ranges: Iterable[Range[P]]) -> None:
        self._ranges: list[Range[P]] = list(_joined(ranges))

    def __iter__(self) -> Iterator[Range[P]]:
        return iter(self._ranges)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def take(self, end: Callable[[Range[P]], P | None]) -> Range[P] | None:
        """Return the first range that nobody reads, cut at `end` of it; None if there is none. One broken off stays whole."""
        for index, found in enumerate(self._ranges):
            if found.slice is None:
                cut = end(found) if found.at is None else found.hi
                if cut != found.hi and cut is not None:
                    self._ranges.insert(index + 1, replace(found, lo=cut, tries=0))
                    found.hi = cut
                found.rows = 0
                return found
        return None

    def of(self, slice: Slice) -> Range[P]:  # noqa: A002
        """Return the range that is read as `slice`."""
        return next(found for found in self._ranges if found.slice is slice)

    def drop(self, done: Range[P]) -> None:
        """Take out a range that is done."""
        self._ranges = [found for found in self._ranges if found is not done]

    def saved(self, text: Callable[[P], Any], until: P) -> list[list[Any]]:
        """Return what lies below `until`, neighbours as one."""
        below = (
            replace(found, hi=until if found.hi is None or found.hi > until else found.hi)
            for found in self._ranges
            if found.lo < until
        )
        return [_entry(found, text) for found in _joined(below)]


def _joined(ranges: Iterable[Range[P]]) -> Iterator[Range[P]]:
    last: Range[P] | None = None
    for found in ranges:
        if found.hi is not None and found.lo >= found.hi:
            continue
        if last is not None and last.joins(found):
            last.hi = found.hi
            continue
        if last is not None:
            yield last
        last = replace(found, slice=None)
    if last is not None:
        yield last


def _entry(found: Range[P], text: Callable[[P], Any]) -> list[Any]:
    more: dict[str, Any] = {} if found.at is None else {"at": found.at}
    more |= {} if found.since is None else {"since": found.since}
    return [text(found.lo), None if found.hi is None else text(found.hi), *([more] if more else [])]


@dataclass(frozen=True)
class Windows:
    """Reads from `start` to now, in windows of `step` at most, what happened in each.

    `until` is now − `lag`, cut down to `unit` (what the source's filter can tell apart: a day); the last window as sent
    reaches to now − `lag`, but the unit that is not over is read again next time. `End` is the last unit *included*; with
    unit 0 it is the next window's start, so that one moment is in both: also right where the source compares moments more
    finely than it can be told them. Units are those of UTC; where the source's days are those of a zone behind it, by the
    Pacific say, a day over here is not over there: `lag` is then longer by those hours.

    `lag` is how far our clock may be ahead of the source's and how long a record may take to show. By a clock that is ahead
    by two seconds the day is over while it still fills, and what comes in these seconds lies before `until` for ever, where
    nothing looks back. So `until` stays behind by `lag`, and the source is not asked for what its own clock has not reached.
    The price: what is younger than `lag` comes a sync later (by the day: in the first minutes of a day, that day). With a
    `lookback` that is longer than both together, lag=timedelta(0) has no such price and loses nothing.

    No loss: a window leaves `open` when it was read to its end; until then it is read again whole, or from its last
    position where that is durable. What appears in a window, or changes, after it was read is the business of `lookback`:
    it must show no later than `lag` + `lookback` after its time. [`base` − `lookback`, `until`) is opened when a pass begins,
    `base` being `until` as it was when the pass before began; once only, so that a sync which is killed again and again
    still gets on.
    A window that is too much for the source comes again in halves, down to `smallest` (None: no halves), there `tries`
    times; after three whole ones the next are twice as wide. A window that brings `most` records was cut by the source: it
    comes in halves down to one unit. `reach`: the source forgets what is older.
    Overlap: `unit` + `lookback`, and the windows that were broken off. Lanes end in any order; rows of one key in several
    windows land in that order, so parallel > 1 is for records that lie in one window.
    """

    start: date | datetime | str | None
    step: timedelta
    unit: timedelta = NONE
    lookback: timedelta = NONE
    lag: timedelta = LAG
    smallest: timedelta | None = None
    most: int | None = None
    tries: int = 3
    reach: timedelta | None = None
    fills = frozenset({"start", "end"})

    def __post_init__(self) -> None:
        problem = ""
        if self.start is None and self.reach is None:
            problem = "need a start, or the reach of the source"
        if self.step <= NONE or self.step < self.unit or self.tries < 1:
            problem = "need a step of at least one unit, and a try"
        if self.smallest is not None and not NONE < self.smallest <= self.step:
            problem = "need a smallest above 0 and at most the step"
        where = f"start {self.start}, step {self.step}"
        require(not problem, f"Windows {problem}", where, "mend Windows(…) in sync.py")
        _ = self._first

    @property
    def _first(self) -> datetime | None:
        return None if self.start is None else floored(declared(self.start), self.unit)

    @property
    def name(self) -> str:
        """With the unit that the axis is counted in."""
        return f"windows {self.unit.total_seconds():.0f}" if self.unit else "windows"

    def check(self, source: Readable) -> None:
        """Any paging will do."""

    def begin(self, saved: Saved, source: Readable, now: datetime) -> _Windowed:
        """Go on with what is open; with nothing open, from the last `until` less the lookback."""
        return _Windowed(self, saved, source, now)


class _Windowed(Progress):
    """One pass. `edge` is the end of the axis as read, a unit beyond `until` at most, its end as remembered."""

    def __init__(self, cursor: Windows, saved: Saved, source: Readable, now: datetime) -> None:
        self._cursor, self._unit = cursor, cursor.unit
        self._where = source.where
        # With `most`, what was read before a break would not be counted; a job is read again whole.
        self._keeps = resumable(source) and (not cursor.most or source.shape.startswith("Job "))
        self._top = now - cursor.lag
        self._until = self._base = floored(self._top, self._unit)
        self._edge = self._until + self._unit
        oldest = None if cursor.reach is None else _raised(now - cursor.reach, self._unit)
        self._step = self._aligned(cursor.step)
        self._width = self._step
        if "width" in saved:
            self._width = min(self._step, self._aligned(timedelta(seconds=saved["width"])))
        self._whole = 0  # windows of that width without a failure
        self._from = cursor._first or oldest or self._edge  # noqa: SLF001  (its declaration)
        ranges = list(self._left(saved)) if "until" in saved else [Range(self._from, self._edge)]
        if oldest is not None and any(found.lo < oldest for found in ranges):
            source.client.log.warning(
                f"{self._where}: what happened before {written(oldest)} is out of the source's reach"
            )
            ranges = [replace(found, lo=max(found.lo, oldest)) for found in ranges]
        self._open = Open(ranges)

    def _left(self, saved: Saved) -> Iterator[Range[datetime]]:
        """Yield what an earlier pass left, or what this one begins with, in order."""
        before, until = read(saved.get("from", saved["until"])), read(saved["until"])
        if self._from < before:
            yield Range(self._from, min(before, self._edge))
        self._from = min(self._from, before)
        until = min(until, self._until)  # a clock that went back takes the end of the axis with it
        base = min(until, read(saved.get("base", saved["until"])))
        open_ = [ranged(entry, read) for entry in saved.get("open", ())]
        if open_:
            self._base = base
            for found in open_:
                hi = min(found.hi or until, until)
                yield replace(found, hi=hi, at=found.at if self._keeps and hi == found.hi else None)
        else:
            until = max(base - self._cursor.lookback, before)
        yield Range(floored(until, self._unit), self._edge)

    def next(self) -> Slice | None:
        found = self._open.take(lambda whole: whole.lo + min(self._width, (whole.hi or self._edge) - whole.lo))
        if found is None or found.hi is None:
            return None
        end = self._top if found.hi == self._edge else found.hi - self._unit
        found.slice = Slice(start=found.lo, end=end, at=found.at)
        return found.slice

    def moved(self, slice: Slice, page: Page) -> None:  # noqa: A002
        found = self._open.of(slice)
        found.rows += len(page.records) + len(page.failed)
        if page.position is not None and self._keeps:
            found.at = page.position

    def done(self, slice: Slice) -> None:  # noqa: A002
        found, most = self._open.of(slice), self._cursor.most
        if most and found.rows >= most:
            if not self._halved(found, self._unit or self._cursor.smallest or LEAST):
                found.slice = None
                raise ContractError(
                    f"the source gives at most {most} records an answer, and as many lie between "
                    f"{written(found.lo)} and {written(found.hi or self._edge)}: some may be missing",
                    where=self._where,
                    hint="ask for less in api.py (a filter, a part), or read this source by a key",
                )
            return
        self._open.drop(found)
        if self._width < self._step and (found.hi or self._edge) - found.lo >= self._width:
            self._whole += 1
            if self._whole == GROWS:
                self._width, self._whole = min(self._step, self._width * 2), 0

    def failed(self, slice: Slice, error: HeadwaterError) -> bool:  # noqa: A002
        found, smallest = self._open.of(slice), self._cursor.smallest
        found.slice = None
        # A query too heavy for the source, or a job it failed at: not what is wrong at any size.
        mendable = (
            error.heavy if isinstance(error, TransientError) else isinstance(error, SourceError) and not error.status
        )
        if smallest is None or not mendable:
            return False
        if self._halved(found, max(smallest, self._unit)):
            return True
        found.tries += 1
        return found.tries < self._cursor.tries

    def saved(self) -> dict[str, Any]:
        kept: dict[str, Any] = {"from": written(self._from), "until": written(self._until)}
        kept |= {"base": written(self._base)} if self._base != self._until else {}
        kept |= {"open": left} if (left := self._open.saved(written, self._until)) else {}
        return kept | ({"width": self._width.total_seconds()} if self._width < self._step else {})

    def _halved(self, found: Range[datetime], least: timedelta) -> bool:
        """Have a range come again in halves, the position in it forgotten; False if it is too narrow for that."""
        whole = (found.hi or self._edge) - found.lo
        if whole <= least:
            return False
        half = max(self._aligned(whole / 2), -(-least // self._unit) * self._unit if self._unit else least)
        if half >= whole:
            return False
        self._width, self._whole = min(self._width, half), 0
        found.at = found.slice = None
        return True

    def _aligned(self, span: timedelta) -> timedelta:
        return max(self._unit, span // self._unit * self._unit) if self._unit else span


def _raised(moment: datetime, unit: timedelta) -> datetime:
    down = floored(moment, unit)
    return down if down == moment else down + unit


def ranged(entry: list[Any], value: Callable[[Any], P]) -> Range[P]:
    """Return an entry of a saved `open`, its bounds made by `value`."""
    more: dict[str, Any] = entry[2] if len(entry) > 2 else {}
    return Range(value(entry[0]), None if entry[1] is None else value(entry[1]), more.get("at"), more.get("since"))
