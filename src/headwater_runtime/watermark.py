"""The cursor by time of change: what has changed at or after the mark is read, and the mark moves to what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from headwater_runtime.call import Slice
from headwater_runtime.cursor import Progress, Saved, resumable
from headwater_runtime.errors import ContractError, require
from headwater_runtime.moments import NONE, Stamp, declared, floored, read, written
from headwater_runtime.pages import Page, Readable

__all__ = ["LAG", "Watermark"]

LAG = timedelta(minutes=5)  # how far apart the two clocks may be, and how long a change may take to show
FORWARD = frozenset({"NextToken", "NextLink", "Keyset"})


@dataclass(frozen=True)
class Watermark:
    """Reads what changed since the last sync by `field`, a time in each record. `start` is the first moment, None: all.

    The mark, `since`, is the latest time seen, but never later than the pass began minus `lag`, the source's promise: a
    change shows, with its time, no later than `lag` after that time; nor later than the oldest transaction began that was
    open then, where the source tells (its `horizon`). Asked for is `since` − `lookback`, cut down to `unit`
    (what the source's filter can tell apart), and everything at that moment again. `from` is the start it was read with:
    with an earlier one all is read anew, for what lies before was never asked for.

    No loss. `order="none"`: the mark moves at the end of the pass. What changed before it was there when the pass began, so
    it was read; what changed while the pass ran bears a time after it. A pass that is broken off goes on behind its last
    key, if the source can (`resumable`), and keeps the moment it began: what changed behind the reader comes again. Without
    a key it begins anew from the old mark. `"ascending"`: the mark moves page by page, which holds only where an edit
    moves a record behind the reader's position, never before it: not under page numbers or offsets; a page out of order is
    an error and takes the mark back. `"descending"`, for sources without a filter: reading stops at the first page that
    lies wholly before the mark, which moves at the very end only.
    Overlap: what changed since `unit` + `lookback` + `lag` before the mark, and at it; descending: one page more.
    """

    field: str
    start: date | datetime | str | None = None
    format: str = ""
    zone: str = "UTC"
    unit: timedelta = NONE
    lookback: timedelta = NONE
    lag: timedelta = LAG
    order: Literal["none", "ascending", "descending"] = "none"

    def __post_init__(self) -> None:
        _ = self.stamp, self._first
        known = self.order in {"none", "ascending", "descending"}
        require(known, f"a Watermark has no order '{self.order}'", hint="one of none, ascending, descending")

    @property
    def name(self) -> str:
        """How the marks of before were come by."""
        return f"watermark {self.stamp.name}" + (f" {self.order}" if self.order != "none" else "")

    @property
    def fills(self) -> frozenset[str]:
        """Only a start, and none for a source without a filter."""
        return frozenset[str]() if self.order == "descending" else frozenset({"start"})

    @property
    def stamp(self) -> Stamp:
        """Where the time of change is in a record."""
        return Stamp(self.field, self.format, self.zone)

    @property
    def _first(self) -> datetime | None:
        return None if self.start is None else floored(declared(self.start), self.unit)

    def check(self, source: Readable) -> None:
        """Raise ConfigError for a mark that would move under numbered pages."""
        kind = source.shape.split()[0]
        what = f"a Watermark that moves page by page needs paging by token, link or key, not {kind}"
        hint = "drop order='ascending' in sync.py: under numbered pages an edit shifts records past the reader"
        require(self.order != "ascending" or kind in FORWARD, what, source.where, hint)

    def begin(self, saved: Saved, source: Readable, now: datetime) -> _Marking:
        """Go on from the mark, or behind the last key of a pass that was broken off."""
        horizon = getattr(source, "horizon", None)
        oldest: datetime | None = None if horizon is None else horizon()
        # What an open transaction has written bears a time after its start, but shows only once it commits.
        now = now if oldest is None else min(now, oldest + self.lag)
        return _Marking(self, saved, now, keeps=resumable(source) and self.order == "none")


class _Marking(Progress):
    """One pass: `since` is the mark, `seen` the latest time so far, `at` where a pass that is broken off goes on."""

    def __init__(self, cursor: Watermark, saved: Saved, now: datetime, *, keeps: bool) -> None:
        self._order, self._stamp, self._keeps = cursor.order, cursor.stamp, keeps
        self._from = None if cursor.start is None else declared(cursor.start)
        if "from" in saved and (self._from is None or self._from < read(saved["from"])):
            saved = {}
        self._since = self._mark = read(saved["since"]) if "since" in saved else None  # now, and when the pass began
        self._at = saved.get("at") if "began" in saved else None
        self._began = now if self._at is None else read(saved["began"])
        self._cap = self._began - cursor.lag
        self._seen = read(saved["seen"]) if self._at is not None and "seen" in saved else None
        self._last: datetime | None = None  # the last time of the page before
        self._given = self._checked = False
        self._looked: tuple[Page | None, datetime | None] = None, None
        self._start = cursor._first  # noqa: SLF001  (its declaration)
        if self._since is not None:
            self._start = floored(self._since - cursor.lookback, cursor.unit)
            self._from = read(saved["from"]) if "from" in saved else None

    def next(self) -> Slice | None:
        if self._given:
            return None
        self._given = True
        return Slice(start=self._start, at=self._at, ordered=self._order == "ascending")

    def wanted(self, slice: Slice, page: Page) -> bool:  # noqa: A002, ARG002
        if page.records and not self._checked:
            self._stamp.check(page)
            self._checked = True
        high = self._highest(page)
        whole = self._order != "descending" or self._start is None or high is None or high >= self._start
        return whole or len(self._stamp.raw(page)) < len(page.records)

    def moved(self, slice: Slice, page: Page) -> None:  # noqa: A002, ARG002
        high = self._highest(page)
        if high is not None:
            self._seen = high if self._seen is None else max(self._seen, high)
            if self._order == "ascending":
                self._advance()
        if page.position is not None and (self._keeps or page.urgent):
            self._at = page.position

    def done(self, slice: Slice) -> None:  # noqa: A002, ARG002
        self._advance()
        self._at = None

    def saved(self) -> dict[str, Any]:
        kept: dict[str, Any] = {} if self._since is None else {"since": written(self._since)}
        if self._at is not None:
            kept |= {"began": written(self._began), "at": self._at}
            kept |= {} if self._seen is None else {"seen": written(self._seen)}
        return kept | ({"from": written(self._from)} if kept and self._from is not None else {})

    def _advance(self) -> None:
        if self._seen is not None:
            mark = min(self._seen, self._cap)
            self._since = mark if self._since is None else max(self._since, mark)

    def _highest(self, page: Page) -> datetime | None:
        """Return the latest time of the page, having checked the order if there is one to rely on."""
        if self._looked[0] is not page:
            high = self._stamp.highest(page) if self._order == "none" else self._ordered(page)
            self._looked = page, high
        return self._looked[1]

    def _ordered(self, page: Page) -> datetime | None:
        values, down = self._stamp.raw(page), self._order == "descending"
        if not values:
            return None
        keys = values if self._stamp.comparable(values) else self._stamp.moments(values, page.where)
        first, last = self._stamp.moments((values[0], values[-1]), page.where)
        if keys != sorted(keys, reverse=down) or (self._last is not None and not down and first < self._last):
            self._since = self._mark  # what lies out of order may lie before the mark that has moved
            what = f"the records do not come in the {self._order} order of '{self._stamp.field}'"
            hint = "ask for that order in api.py, or drop order= in sync.py: the mark then moves at the end only"
            raise ContractError(what, where=page.where, hint=hint)
        self._last = last
        return first if down else last
