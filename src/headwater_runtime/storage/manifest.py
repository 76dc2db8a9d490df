"""The cursor over files: which were read, and what became of them since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headwater_runtime.call import Position, Slice
from headwater_runtime.cursor import Progress, Saved
from headwater_runtime.errors import HeadwaterError, SourceError, require
from headwater_runtime.pages import Page, Readable
from headwater_runtime.records import Row
from headwater_runtime.storage.entry import Entry
from headwater_runtime.storage.listing import Listing, raw, text
from headwater_runtime.storage.reading import TIMES, ChangedError, FilePage, Files
from headwater_runtime.storage.seen import EXACT, Known, Seen, identity, spelt, unspelt
from headwater_runtime.tables import Table

__all__ = ["Manifest"]

NONE = timedelta(0)
COARSE = timedelta(seconds=2)  # how long a file can change unnoticed where times are told in seconds
BATCH = 10_000  # keys deleted at once


@dataclass(frozen=True)
class Manifest:
    """Reads the files that are new or have changed since they were read: another size, time of change, etag or checksum.

    The latest 20,000 files are remembered one by one, the older ones in at most 4,096 runs by time and path, of which only
    the number of files and the sum of their digests is kept (see `seen`).

    No loss. A file counts as seen, as the listing showed it, only once every row of it is emitted, and the place still
    shows it as in the listing. What is another later, however old its time says it is, differs from what is remembered: by
    name, or by the sum of its run. A sum cannot agree by accident, so a file is never taken for seen without having been.
    Overlap: a file that was broken off goes on behind its last page while it is the same; one that changed is read from its
    beginning. Where a file of a run is added, changed or gone, the run is read again: 64 files up to 260,000 that are folded, and
    in proportion beyond; rows with a key of their own may then be older than those of files that are not read again. What a
    store tells neither time nor etag of is read in every sync.
    Order: by time, then path; what changes while it is read comes last. Where the key is not the file and the line, that order holds
    also for files that are read in parallel.

    `settle`: a file younger than that may still be written, and waits for a later sync. Where the table's key is the file and the line,
    rows that a changed file no longer has are deleted (while it is remembered by name), and with `delete_vanished` those of
    files that are gone: then every file is remembered by name, up to 4 MB of state, and more than the share `at_most` of the
    files at once is refused.
    """

    delete_vanished: bool = False
    at_most: float = 0.5
    settle: timedelta = NONE
    name = "manifest"
    fills = frozenset({"file"})

    def check(self, source: Readable) -> None:
        """Raise ConfigError for anything but files, and for a share that is none."""
        what, hint = f"a Manifest remembers files, not {source.shape.split()[0]}", "read place.files(…) with it"
        require(isinstance(source, Files), what, source.where, hint)
        hint = "give Manifest(…, at_most=0.5) in sync.py something above 0, at most 1"
        require(0 < self.at_most <= 1, f"at_most={self.at_most} is not a share of the files", source.where, hint)

    def fits(self, source: Files, tables: Sequence[Table]) -> None:
        """Raise ConfigError where rows of files that are gone could not be told."""
        for table in tables if self.delete_vanished else ():
            own = (
                source.columns.file
                and source.columns.line
                and set(table.key) == {source.columns.file, source.columns.line}
            )
            hint = f"declare Table('{table.name}', key=('_file', '_line')) in models.py, or drop delete_vanished in sync.py"
            require(own, f"the key of '{table.name}' does not say which file a row is of", source.where, hint)

    def ordered(self, source: Files, tables: Sequence[Table]) -> bool:
        """Say whether two files may have rows of one key: then the later file's are to win."""
        return any(set(table.key) != {source.columns.file, source.columns.line} for table in tables)

    def begin(self, saved: Saved, source: Readable, now: datetime) -> Progress:
        """Go on with what `saved` does not know. The place is listed when the first slice is asked for."""
        if not isinstance(source, Files):
            raise TypeError(source)
        return _Reading(self, saved, source, now)


@dataclass
class _Active:
    """A file that is being read: the rows of it until now, and those there may be of it from before, by member."""

    entry: Entry
    at: Position | None
    rows: dict[str, int]
    before: Mapping[str, int]
    how: str  # it is read: rows of a CSV of another dialect have other numbers
    bad: bool = False
    closed: bool = False


@dataclass
class _Drop:
    """Rows to delete: lines of `name` beyond `after`, up to `upto`."""

    name: str
    after: int
    upto: int


class _Reading(Progress):
    """One pass."""

    def __init__(self, cursor: Manifest, saved: Saved, source: Files, now: datetime) -> None:
        self._cursor, self._source, self._now = cursor, source, now
        self._log = source.client.log
        self._seen = Seen(saved, whole=cursor.delete_vanished)
        self._open: dict[str, _Active] = {}  # broken off, or being read
        for name, size, stamp, tag, at, rows, *how in saved.get("open", ()):
            path = unspelt(name)
            self._open[path] = _Active(Entry(path, size, stamp, tag), at, dict(rows), {}, "".join(how))
        self._drops = [_Drop(*told) for told in saved.get("drop", ())]
        self._lanes: dict[int, tuple[Slice, _Active]] = {}
        self._tries: dict[str, int] = {}
        self._again: list[Entry] = []
        self._waiting: Iterator[Entry] | None = None
        self._gone: list[str] = []
        self._known = self._young = 0

    def next(self) -> Slice | None:
        if self._waiting is None:
            self._waiting = self._listed()
        entry = next(self._waiting, None)
        if (
            entry is None and self._again
        ):  # changed while they were read: later than the others, so their rows are to win
            entry = min(self._again, key=lambda one: (one.stamp, raw(one.path)))
            self._again.remove(entry)
        if entry is None:
            return None
        known, left = self._seen.exact.get(entry.path), self._open.get(entry.path)
        active = _Active(entry, None, {}, known.rows if known is not None else {}, self._source.how)
        if left is not None and left.entry == entry and left.how == active.how and not entry.blind:
            active.at, active.rows = left.at, left.rows
        self._open[entry.path] = active
        part = {"path": entry.path, "size": entry.size, "modified": entry.stamp, "etag": entry.tag}
        at = Slice(part=part, at=active.at)
        self._lanes[id(at)] = at, active
        return at

    def moved(self, slice: Slice, page: Page) -> None:  # noqa: A002
        active = self._lanes[id(slice)][1]
        if not isinstance(page, FilePage):
            raise TypeError(page)
        active.bad, active.closed = active.bad or bool(page.failed), active.closed or page.closed
        if page.position is not None:
            active.at = page.position
            active.rows[page.member] = max(page.upto, active.rows.get(page.member, 0))
        self._note(active, _most(active.before, active.rows), settled=False)

    def done(self, slice: Slice) -> None:  # noqa: A002
        active = self._lanes.pop(id(slice))[1]
        path = active.entry.path
        del self._open[path]
        settled = not active.closed and not active.entry.blind
        if active.bad or active.closed:
            self._log.warning(
                f"{self._source.named(active.entry)}: {'closed to us' if active.closed else 'not wholly read'}"
            )
            self._note(active, _most(active.before, active.rows), settled=settled)
        else:
            for member, upto in active.before.items():
                if (after := active.rows.get(member, 0)) < upto:
                    self._drops.append(_Drop(_shown(path, member), after, upto))
            self._note(active, active.rows, settled=settled)
        self._seen.fold()

    def failed(self, slice: Slice, error: HeadwaterError) -> bool:  # noqa: A002
        active = self._lanes.pop(id(slice))[1]
        if not isinstance(error, ChangedError):
            return False
        path, named = active.entry.path, self._source.named(active.entry)
        tries = self._tries[path] = self._tries.get(path, 0) + 1
        if error.found is None:
            self._log.info(f"{named}: it went while it was read")
        elif tries < TIMES:
            self._again.append(error.found)
        else:
            self._log.warning(f"{named}: it changed {TIMES} times while it was read: the next sync reads it")
        return True

    def saved(self) -> dict[str, Any]:
        left = [
            [spelt(path), one.entry.size, one.entry.stamp, one.entry.tag, one.at, one.rows, one.how]
            for path, one in self._open.items()
            if one.at is not None
        ]
        drops = [[one.name, one.after, one.upto] for one in self._drops]
        more = {"open": left, "drop": drops}
        return {**self._seen.saved(), **{name: value for name, value in more.items() if value}}

    def removed(self, tables: Sequence[Table], *, complete: bool) -> Iterator[tuple[Table, Sequence[Row]]]:
        """Yield the keys of rows to delete: of files that shrank, and once the pass is complete of those that are gone.

        A batch counts as deleted when the next one is asked for. Raises SourceError if too many files are gone.
        """
        columns = self._source.columns
        keyed = [table for table in tables if columns.line and set(table.key) == {columns.file, columns.line}]
        while self._drops:
            for table in keyed:
                yield from ((table, keys) for keys in self._keys(self._drops[0]))
            del self._drops[0]
        if not complete or not self._gone:
            return
        if len(self._gone) > self._cursor.at_most * self._known:
            share = 100 * len(self._gone) // self._known
            what = f"refused: {share} % of files vanished, {len(self._gone)} of {self._known}"
            hint = (
                f"if that is right, raise at_most={self._cursor.at_most} in sync.py for one sync; nothing was deleted"
            )
            raise SourceError(what, where=self._source.where, hint=hint)
        while self._gone:
            path = self._gone[-1]
            for member, upto in self._seen.exact[path].rows.items():
                for table in keyed:
                    yield from ((table, keys) for keys in self._keys(_Drop(_shown(path, member), 0, upto)))
            self._seen.forget(path)
            self._gone.pop()

    def _keys(self, drop: _Drop) -> Iterator[list[Row]]:
        columns = self._source.columns
        for start in range(drop.after + 1, drop.upto + 1, BATCH):
            lines = range(start, min(start + BATCH, drop.upto + 1))
            yield [{columns.file: drop.name, columns.line: line} for line in lines]

    def _note(self, active: _Active, rows: Mapping[str, int], *, settled: bool) -> None:
        entry = active.entry
        if entry.blind and entry.path not in self._seen.exact and len(self._seen.exact) >= EXACT:
            return
        self._seen.note(entry.path, Known(identity(entry), entry.stamp, dict(rows), settled))

    def _listed(self) -> Iterator[Entry]:
        """List the place, take note of what is gone, and yield what is to be read, in order."""
        source, seen, met = self._source, self._seen, set[str]()
        with closing(Listing()) as waiting:
            with closing(Listing()) as listing:
                listing.add(source.listed())
                if not len(listing) and not source.may_be_empty:
                    if not seen.count:
                        raise source.none()
                    self._log.warning(f"{source.where}: no file is there any more")
                waiting.add(seen.unseen((entry for entry in listing if self._ready(entry, met)), met))
                young = f", {self._young:,} too young to be read" if self._young else ""
                self._log.info(f"{source.where}: {len(listing):,} files, {len(waiting):,} to read{young}")
            self._known = len(seen.exact)
            self._gone = [path for path in seen.exact if path not in met]
            self._open = {path: one for path, one in self._open.items() if path in met}
            if not self._cursor.delete_vanished:
                for path in self._gone:
                    seen.forget(path)
                self._gone = []
            source.prepare(waiting)
            yield from waiting

    def _ready(self, entry: Entry, met: set[str]) -> bool:
        """Say whether a file is old enough that nobody may be writing it, nor could change it unnoticed."""
        modified = entry.modified
        if modified is None:
            return True
        coarse = not entry.tag and entry.stamp % 1_000_000 == 0
        ready = abs(self._now - modified) >= max(self._cursor.settle, COARSE if coarse else NONE)
        if not ready:
            self._young += 1
            met.add(entry.path)
        return ready


def _most(before: Mapping[str, int], rows: Mapping[str, int]) -> dict[str, int]:
    return {member: max(before.get(member, 0), rows.get(member, 0)) for member in {**before, **rows}}


def _shown(path: str, member: str) -> str:
    return text(path) + (f"/{member}" if member else "")
