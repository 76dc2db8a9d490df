"""The cursor by ranges of the key: a large table is read side by side, and one that was broken off goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from headwater_runtime.call import Slice
from headwater_runtime.cursor import FullRefresh, Progress, Saved
from headwater_runtime.errors import HeadwaterError, require
from headwater_runtime.moments import declared, read, written
from headwater_runtime.pages import Page, Readable
from headwater_runtime.sql.rows import Rows
from headwater_runtime.watermark import Watermark

__all__ = ["InRanges"]


@dataclass(frozen=True)
class InRanges:
    """Reads a table in ranges of its key of about `rows` rows, any number of them side by side (`Stream(…, parallel=4)`).

    `then` says what later syncs read. With a Watermark only the first pass is in ranges: once that is complete the mark is set
    and the Watermark goes on. With FullRefresh every pass is.

    No loss: everything up to `until`, the key at which the last range given out ends, is done or in `open`; a range begins
    where the one before it ends, as the database sorts keys, and the last one has no end. It moves up page by page, for pages
    come in the order of the key, and leaves `open` when it is read to its end. The state holds as many ranges as are
    read at a time. What changes behind the readers bears a time after the pass began (`then`, its lag and the database's oldest
    transaction bound the mark as they do there), so the next sync reads it. A row inserted behind the readers
    without a `since` is the next pass's. Overlap of a pass that was broken off: none but pages that no checkpoint covered.
    PostgreSQL reads all ranges of a pass in one snapshot; elsewhere each is in its own.
    """

    then: Watermark | FullRefresh = field(default_factory=FullRefresh)
    rows: int = 500_000

    def __post_init__(self) -> None:
        require(self.rows >= 1, f"InRanges of {self.rows} rows bring nothing", hint="give InRanges(…, rows=500_000)")
        what, hint = "delete_vanished does not go with InRanges: no slice sees all rows", "use FullRefresh() within it"
        require(not getattr(self.then, "delete_vanished", False), what, hint=hint)
        ordered = getattr(self.then, "order", "none")
        what = "a first pass in ranges of the key is in the order of the key"
        require(ordered in {"none", "ascending"}, what, hint="drop order='descending'")

    @property
    def name(self) -> str:
        """With the name of what follows."""
        return f"ranges, {self.then.name}"

    @property
    def fills(self) -> frozenset[str]:
        """A range of the key, and what follows fills."""
        return self.then.fills | {"range"}

    def check(self, source: Readable) -> None:
        """Raise ConfigError for what has no key to cut ranges of."""
        what = "ranges are cut of the key of a table or query, and there is none here"
        hint = "give db.table(…, key=…), or another cursor in sync.py"
        require(isinstance(source, Rows) and source.durable, what, source.where, hint)
        self.then.check(source)

    def begin(self, saved: Saved, source: Readable, now: datetime) -> Progress:
        """Go on with the ranges that are open; with what follows, once there is a mark."""
        if isinstance(self.then, Watermark):
            if "since" in saved:
                return self.then.begin(saved, source, now)
            oldest = cast("Rows", source).horizon()
            now = now if oldest is None else min(now, oldest + self.then.lag)
        return _Ranging(self, saved, cast("Rows", source), now)


@dataclass(eq=False)
class _Range:
    """From behind `above` (None: the first row) up to `up_to` (None: no end). `at`: where to go on in it."""

    above: list[Any] | None
    up_to: list[Any] | None
    at: Any = None
    slice: Slice | None = None


class _Ranging(Progress):
    """One pass."""

    def __init__(self, cursor: InRanges, saved: Saved, source: Rows, now: datetime) -> None:
        self._cursor, self._source = cursor, source
        self._began = read(saved["began"]) if "began" in saved else now
        self._seen = read(saved["seen"]) if "seen" in saved else None
        self._open = [_Range(*entry) for entry in saved.get("open", ())]
        self._until: list[Any] | None = saved.get("until")
        self._cut = bool(saved.get("cut"))  # the last range, which has no end, was given out
        self._snapshot: str | None = None
        self._checked = self._complete = False
        self._stamp = cursor.then.stamp if isinstance(cursor.then, Watermark) else None
        self._start = cursor.then._first if isinstance(cursor.then, Watermark) else None  # noqa: SLF001  (its declaration)

    def next(self) -> Slice | None:
        found = next((one for one in self._open if one.slice is None), None)
        if found is None:
            if self._cut:
                return None
            end = self._source.cut(self._until, self._cursor.rows)
            found = _Range(self._until, end)
            self._open.append(found)
            self._until, self._cut = end or self._until, end is None
        part: Mapping[str, Any] = {"above": found.above, "up_to": found.up_to, "snapshot": self._shared()}
        found.slice = Slice(part=part, start=self._start, at=found.at)
        return found.slice

    def _shared(self) -> str:
        if self._snapshot is None:
            database = self._source.client
            self._snapshot = database.share(self._source.origin) if database.snapshot else ""
        return self._snapshot

    def wanted(self, slice: Slice, page: Page) -> bool:  # noqa: A002, ARG002
        if self._stamp is not None and page.records and not self._checked:
            self._stamp.check(page)
            self._checked = True
        return True

    def moved(self, slice: Slice, page: Page) -> None:  # noqa: A002
        high = None if self._stamp is None else self._stamp.highest(page)
        if high is not None:
            self._seen = high if self._seen is None else max(self._seen, high)
        if page.position is not None:
            self._of(slice).at = page.position

    def done(self, slice: Slice) -> None:  # noqa: A002
        self._open.remove(self._of(slice))
        if self._cut and not self._open:
            self._complete = True
            if self._snapshot:
                self._source.client.unshare(self._snapshot)

    def failed(self, slice: Slice, error: HeadwaterError) -> bool:  # noqa: A002, ARG002
        self._of(slice).slice = None
        return False

    def saved(self) -> dict[str, Any]:
        if self._complete:
            return self._mark()
        kept: dict[str, Any] = {"began": written(self._began)}
        kept |= {} if self._seen is None else {"seen": written(self._seen)}
        kept |= {} if self._until is None else {"until": self._until}
        kept |= {"cut": True} if self._cut else {}
        kept["open"] = [[one.above, one.up_to, one.at] for one in self._open]
        return kept

    def _mark(self) -> dict[str, Any]:
        """Return what the cursor that follows goes on from."""
        if self._seen is None or not isinstance(self._cursor.then, Watermark):
            return {}
        then = self._cursor.then
        first = {} if then.start is None else {"from": written(declared(then.start))}
        return {**first, "since": written(min(self._seen, self._began - then.lag))}

    def _of(self, slice: Slice) -> _Range:  # noqa: A002
        return next(one for one in self._open if one.slice is slice)
