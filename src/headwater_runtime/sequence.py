"""The cursor by id: what was added lies above the last id, and what changed below it is asked for by its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from headwater_runtime.call import Slice
from headwater_runtime.cursor import Progress, Saved
from headwater_runtime.errors import ContractError, HeadwaterError, require
from headwater_runtime.moments import NONE, Stamp, floored, read, written
from headwater_runtime.pages import Page, Readable
from headwater_runtime.ranges import Open, Range, ranged
from headwater_runtime.records import lookup
from headwater_runtime.watermark import LAG

__all__ = ["Sequence"]

ADDED, CHANGED = 32, 8  # ranges to cut what was added into, and what may have changed: enough for as many lanes
SIZE = 1_000  # records a page where the paging tells no size


@dataclass(frozen=True)
class Sequence:
    """Reads by whole-number ids the source gives out in ascending order, each range of them by Keyset.

    `newest` gives the record with the highest id and is asked when a pass begins: up to there the ids are read in ranges
    that do not touch, so any number of lanes may read them. Without it there is one range without an end. `changed` is the
    field with a record's time of change: the ids below are read again, asked only for what changed since the mark.

    No loss: `until` is the highest id when the pass began, and all at or below it is done or in `open`; the lower end of a
    range moves to the last emitted id page by page, which keys sorted by the source allow: nothing is inserted behind the
    reader but ids that show late. Those, and edits, bear a time of change after the pass began (minus `lag`), and the mark
    `since` is never set past that moment, nor past what was seen; it moves at the end of the pass. A pass that is broken off
    keeps the moment it began. Without `changed`, ids that show late are found if they are among the last `lookback` up to the
    highest. Where the highest id has become lower, so has `until`.
    Overlap: of ids none but `lookback` (without `newest` from where the pass before began, for then nobody knew the highest),
    of changes `unit` + `lag` before the mark and what lies at it. `rows` counts them.
    """

    newest: Readable | None = None
    changed: str = ""
    unit: timedelta = NONE
    lookback: int = 0
    lag: timedelta = LAG

    @property
    def name(self) -> str:
        """With the field the mark goes by."""
        return f"sequence {self.changed}".strip()

    @property
    def fills(self) -> frozenset[str]:
        """The upper end where there is one, the start where changes are asked for."""
        return frozenset(({"up_to"} if self.newest else set()) | ({"start"} if self.changed else set()))

    def check(self, source: Readable) -> None:
        """Raise ConfigError for a paging that does not go from id to id."""
        kind, hint = source.shape.split()[0], "give paging=Keyset('id', …) in api.py, or another cursor in sync.py"
        require(kind == "Keyset", f"a Sequence needs Keyset paging, not {kind}", source.where, hint)

    def begin(self, saved: Saved, source: Readable, now: datetime) -> _Counting:
        """Go on with what is open and what was added; with nothing open, also with what changed."""
        paging: Any = getattr(source, "paging", None)
        return _Counting(self, saved, now, str(getattr(paging, "path", "id")), source.largest or SIZE)


class _Counting(Progress):
    """One pass."""

    def __init__(self, cursor: Sequence, saved: Saved, now: datetime, key: str, size: int) -> None:
        self._cursor, self._stamp = cursor, Stamp(cursor.changed) if cursor.changed else None
        newest = None if cursor.newest is None else _highest(cursor.newest, key)
        until = int(saved.get("until", 0))
        self._below = until if newest is None else min(until, newest)  # what an earlier pass has opened
        self._until = self._below if newest is None else newest
        self._since = read(saved["since"]) if "since" in saved else None
        going_on = "began" in saved
        self._began = read(saved["began"]) if going_on else now
        self._seen = read(saved["seen"]) if going_on and "seen" in saved else None
        self._base = min(int(saved.get("base", until)), self._until) if going_on else self._until
        self._rows = int(saved.get("rows", 0))
        before = min(int(saved.get("base", until)), self._below)
        left = self._left(saved) if going_on else self._anew(max(0, before - cursor.lookback))
        self._open = Open(left)
        self._widths = {kind: max(size, self._span(kind) // parts) for kind, parts in ((False, ADDED), (True, CHANGED))}
        self._checked = False
        self._finish()

    def _left(self, saved: Saved) -> Iterator[Range[int]]:
        for found in (ranged(entry, int) for entry in saved.get("open", ())):
            yield replace(found, hi=min(found.hi or self._below, self._below))
        yield Range(self._below, self._end)

    def _anew(self, seam: int) -> Iterator[Range[int]]:
        yield Range(seam, self._end)
        if self._stamp is not None:
            yield Range(0, seam, since=None if self._since is None else written(self._since))

    @property
    def _end(self) -> int | None:
        return None if self._cursor.newest is None else self._until

    def _span(self, changes: bool) -> int:  # noqa: FBT001
        return sum(found.hi - found.lo for found in self._open if found.hi and (found.since is not None) is changes)

    def next(self) -> Slice | None:
        found = self._open.take(
            lambda whole: whole.hi and min(whole.hi, whole.lo + self._widths[whole.since is not None])
        )
        if found is None:
            return None
        start = None if found.since is None else floored(read(found.since), self._cursor.unit)
        found.slice = Slice(start=start, up_to=found.hi, at=found.lo or None)
        return found.slice

    def wanted(self, slice: Slice, page: Page) -> bool:  # noqa: A002
        if self._stamp is not None and page.records and not self._checked:
            self._stamp.check(page)
            self._checked = True
        if slice.up_to is not None and page.position is not None and _whole(page.position, page) > slice.up_to:
            what = f"the source sent id {page.position} where ids up to {slice.up_to} were asked for"
            hint = "send the upper end in api.py: UpTo() in a condition that the source obeys"
            raise ContractError(what, where=page.where, hint=hint)
        return True

    def moved(self, slice: Slice, page: Page) -> None:  # noqa: A002
        found = self._open.of(slice)
        self._rows += len(page.records)
        high = None if self._stamp is None else self._stamp.highest(page)
        if high is not None:
            self._seen = high if self._seen is None else max(self._seen, high)
        if page.position is not None:
            found.lo = max(found.lo, _whole(page.position, page))

    def done(self, slice: Slice) -> None:  # noqa: A002
        found = self._open.of(slice)
        if found.hi is None:
            self._until = max(self._until, found.lo)
        self._open.drop(found)
        self._finish()

    def failed(self, slice: Slice, error: HeadwaterError) -> bool:  # noqa: A002, ARG002
        self._open.of(slice).slice = None
        return False

    def saved(self) -> dict[str, Any]:
        until = next((found.lo for found in self._open if found.hi is None), self._until)
        kept: dict[str, Any] = {"until": until, "rows": self._rows}
        kept |= {"since": written(self._since)} if self._since is not None else {}
        kept |= {"base": self._base} if self._cursor.lookback and self._base != until else {}
        if self._open:
            kept |= {"began": written(self._began)} | ({} if self._seen is None else {"seen": written(self._seen)})
            kept |= {"open": left} if (left := self._open.saved(int, until)) else {}
        return kept

    def _finish(self) -> None:
        if not self._open and self._seen is not None:
            mark = min(self._seen, self._began - self._cursor.lag)
            self._since = mark if self._since is None else max(self._since, mark)


def _highest(newest: Readable, key: str) -> int:
    """Return the highest id there is, 0 if there is none."""
    for page in newest.read(skip=True):  # the highest may be one that fails alone
        if page.records:
            return max(_whole(lookup(record, key), page) for record in page.records)
    return 0


def _whole(value: Any, page: Page) -> int:
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, str) and value.isdigit())):
        what = f"an id is {type(value).__name__} but a Sequence counts in whole numbers"
        hint = "check the field in Keyset('…') of api.py; for other keys use Token or Watermark in sync.py"
        raise ContractError(what, where=page.where, hint=hint)
    return int(value)
