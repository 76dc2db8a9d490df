"""A stream's parts: one entry of a list, or one record of another stream each, with a progress of its own.

No loss: what a part saves is what its own cursor saves, and a part that is forgotten is read from the beginning.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from headwater_runtime.call import Slice
from headwater_runtime.cursor import Cursor, Progress, Saved
from headwater_runtime.errors import HeadwaterError, require
from headwater_runtime.pages import Page, Readable
from headwater_runtime.records import MISSING, lookup

__all__ = ["PerPart", "check_parts"]

MOST = 10_000  # parts remembered
LONGEST = 24  # characters of a part's name in the state; a longer one is kept as its digest


def check_parts(cursor: Cursor, where: str = "") -> None:
    """Raise ConfigError for a cursor that cannot be had once per part."""
    what = "delete_vanished does not go with parts: which rows are whose is not known"
    require(not getattr(cursor, "delete_vanished", False), what, where, "use FullRefresh() without it in sync.py")
    what = "a Sequence with `newest` does not go with parts: the highest id is not that of a part"
    require(getattr(cursor, "newest", None) is None, what, where, "use Sequence() without it in sync.py")


class PerPart:
    """The progresses of all parts of a stream as one. `fields` are the paths that tell one part from another.

    `add` gives it parts: all of a list before the first `next`, those of a parent page by page. Beyond MOST parts those
    least recently read are forgotten, but none that this pass has read: a list that is longer keeps its beginning.
    """

    def __init__(self, cursor: Cursor, source: Readable, saved: Saved, now: datetime, fields: Sequence[str]) -> None:
        check_parts(cursor, source.where)
        self._cursor, self._source, self._now, self._fields = cursor, source, now, fields
        self._kept: dict[str, Saved] = dict(saved.get("parts", {}))  # least recently read first
        self._waiting: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._active: dict[str, _Part] = {}
        self._given: dict[int, tuple[Slice, Slice, _Part]] = {}  # by identity: what was given, and what the part knows
        self._met: set[str] = set()  # parts added in this pass
        self._warned = False

    def add(self, parts: Iterable[Mapping[str, Any]]) -> None:
        """Have `parts` read, after those that wait."""
        for part in parts:
            key = _key(part, self._fields)
            self._met.add(key)
            self._waiting.append((key, part))

    def forget_others(self) -> None:
        """Forget every part that was not added in this pass: called when a pass over all of them is complete."""
        self._kept = {key: saved for key, saved in self._kept.items() if key in self._met}

    def next(self) -> Slice | None:
        """Return the next slice of a part that is being read, or the first one of a part that waits."""
        for part in list(self._active.values()):
            if (found := self._take(part)) is not None:
                return found
        for _ in range(len(self._waiting)):
            key, record = self._waiting.popleft()
            if key in self._active:  # the same part again: after this reading of it
                self._waiting.append((key, record))
                continue
            progress = self._cursor.begin(self._kept.get(key, {}), self._source, self._now)
            part = self._active[key] = _Part(key, record, progress)
            if (found := self._take(part)) is not None:
                return found
        return None

    def wanted(self, slice: Slice, page: Page) -> bool:  # noqa: A002
        """Ask the part."""
        _, inner, part = self._given[id(slice)]
        return part.progress.wanted(inner, page)

    def moved(self, slice: Slice, page: Page) -> None:  # noqa: A002
        """Tell the part."""
        _, inner, part = self._given[id(slice)]
        part.progress.moved(inner, page)

    def done(self, slice: Slice) -> None:  # noqa: A002
        """Tell the part."""
        _, inner, part = self._given[id(slice)]
        part.progress.done(inner)
        self._leave(slice, part)

    def failed(self, slice: Slice, error: HeadwaterError) -> bool:  # noqa: A002
        """Ask the part."""
        _, inner, part = self._given[id(slice)]
        again = part.progress.failed(inner, error)
        self._leave(slice, part)
        return again

    def saved(self) -> dict[str, Any]:
        """Return what each part saves."""
        active = {key: kept for key, part in self._active.items() if (kept := part.progress.saved())}
        parts = {key: kept for key, kept in self._kept.items() if key not in self._active} | active
        return {"parts": parts} if parts else {}

    def _take(self, part: _Part) -> Slice | None:
        inner = part.progress.next()
        if inner is None:
            self._end(part)
            return None
        outer = replace(inner, part=part.record)
        self._given[id(outer)] = outer, inner, part
        part.lanes += 1
        return outer

    def _leave(self, outer: Slice, part: _Part) -> None:
        del self._given[id(outer)]
        part.lanes -= 1

    def _end(self, part: _Part) -> None:
        """Take a part that has no more slices, in lanes or to come, out of those that are being read."""
        if part.lanes:
            return
        del self._active[part.key]
        self._kept.pop(part.key, None)
        if saved := part.progress.saved():
            self._kept[part.key] = saved
        if len(self._kept) > MOST:
            oldest = next(iter(self._kept))
            del self._kept[part.key if oldest in self._met else oldest]
            if not self._warned:
                self._warned = True
                self._source.client.log.warning(
                    f"{self._source.where}: only {MOST} parts are remembered; others are read from the beginning"
                )


class _Part:
    """A part that is being read."""

    def __init__(self, key: str, record: Mapping[str, Any], progress: Progress) -> None:
        self.key, self.record, self.progress, self.lanes = key, record, progress, 0


def _key(part: Mapping[str, Any], fields: Sequence[str]) -> str:
    """Return the part's name in the state: `eu`, `17`, `["eu",17]`, or a digest where that is long."""
    values = [None if (value := lookup(part, path)) is MISSING else value for path in fields]
    whole = values[0] if len(values) == 1 else values
    plain = isinstance(whole, str) and whole[:1].isalpha() and whole not in {"true", "false", "null"}
    text = str(whole) if plain else json.dumps(whole, sort_keys=True, separators=(",", ":"), default=str)
    return text if len(text) <= LONGEST else "#" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
