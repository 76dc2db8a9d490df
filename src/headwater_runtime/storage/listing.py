"""Which files there are: a place is walked, and what it shows is sorted on the disk, so that a million files need no memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence

from headwater_runtime.errors import SourceError
from headwater_runtime.storage.entry import Attempt, Entry, Store
from headwater_runtime.storage.pattern import Pattern
from headwater_runtime.storage.trouble import ClosedError, GoneError

__all__ = ["Listing", "raw", "text", "walked"]

DEPTH = 100  # folders within folders; more are a loop that links do not show
BATCH = 1_000


def raw(path: str) -> bytes:
    """Return the bytes of a path: what paths are sorted by. Names that are no Unicode keep theirs."""
    return path.encode("utf-8", "surrogateescape")


def text(path: str) -> str:
    """Return a path as a column can hold it."""
    return raw(path).decode("utf-8", "backslashreplace")


class Listing:
    """Files, sorted by when they were modified, then by path. For one thread."""

    def __init__(self) -> None:
        # A nameless file that goes with the connection, which another thread may find to be garbage.
        self._base = sqlite3.connect("", check_same_thread=False)
        self._base.execute("PRAGMA journal_mode=OFF")
        self._base.execute("PRAGMA synchronous=OFF")
        self._base.execute("CREATE TABLE file (path BLOB PRIMARY KEY, size INT, stamp INT, tag TEXT) WITHOUT ROWID")

    def add(self, entries: Iterable[Entry]) -> None:
        """Add files; one that comes twice counts once."""
        rows = ((raw(one.path), one.size, one.stamp, one.tag) for one in entries)
        self._base.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)", rows)

    def __len__(self) -> int:
        return int(self._base.execute("SELECT count(*) FROM file").fetchone()[0])

    def __iter__(self) -> Iterator[Entry]:
        for path, size, stamp, tag in self._base.execute(
            "SELECT path, size, stamp, tag FROM file ORDER BY stamp, path"
        ):
            yield Entry(path.decode("utf-8", "surrogateescape"), size, stamp, tag)

    def close(self) -> None:
        """Forget them."""
        self._base.close()


def walked(
    store: Store, patterns: Sequence[Pattern], attempt: Attempt, root: str, told: Callable[[str], None]
) -> Iterator[Entry]:
    """Yield the files that a pattern fits. `told` is given what was passed by and may surprise.

    Raises SourceError where the folder to begin with is not there, ConfigError where one may not be listed.
    """
    for pattern in patterns:
        if pattern.single:
            try:
                yield attempt(lambda: store.stat(pattern.path), f"{root}/{pattern.path}")  # noqa: B023  (called at once)
            except GoneError:
                told(f"{root}/{pattern.path} is not there")
            continue
        flat = attempt(lambda: store.flat(pattern.base), root)  # noqa: B023
        for entry in _walk(store, pattern, attempt, root, told) if flat is None else _all(flat, attempt, root):
            if pattern.values(entry.path) is not None:
                blank = entry.size == -1 and entry.blind
                yield from _asked(store, entry, attempt, root, told) if blank else (entry,)


def _asked(store: Store, entry: Entry, attempt: Attempt, root: str, told: Callable[[str], None]) -> Iterator[Entry]:
    """Yield what the store tells of a file of which only the name was listed: nothing of one that is not there."""
    where = f"{root}/{entry.path}"
    try:
        yield attempt(lambda: store.stat(entry.path), where)
    except GoneError:
        told(f"{where} is listed, but not there")
    except ClosedError:
        yield entry  # reading it fails, alone


def _all(more: Callable[[], list[Entry] | None], attempt: Attempt, root: str) -> Iterator[Entry]:
    while (batch := attempt(more, root)) is not None:
        yield from batch


def _walk(store: Store, pattern: Pattern, attempt: Attempt, root: str, told: Callable[[str], None]) -> Iterator[Entry]:
    waiting: list[tuple[str, frozenset[int], tuple[str, ...]]] = [(pattern.base, pattern.begin(), ())]
    while waiting:
        folder, steps, above = waiting.pop()
        where = f"{root}/{folder}" if folder else root
        true = attempt(lambda: store.canonical(folder), where)  # noqa: B023
        if true in above or len(above) > DEPTH:
            told(f"{where} leads back to a folder above it: it is not entered again")
            continue
        try:
            # A folder's names are kept until it is read to its end, so that a broken listing can be asked for again.
            found = _Scan(store, folder)
            while (batch := attempt(found.batch, where)) is not None:
                for name, entry in batch:
                    if entry is not None:
                        yield entry
                    elif inner := pattern.enter(name, steps):
                        waiting.append((f"{folder}/{name}" if folder else name, inner, (*above, true)))
        except GoneError as error:
            if not above:
                hint = "check the path of the place and of the files"
                raise SourceError("the folder is not there", where=where, hint=hint, status=404) from error


class _Scan:
    """One folder, in batches. After a failure it begins anew: a listing takes a file twice as one."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store, self._folder = store, folder
        self._found: Iterator[tuple[str, Entry | None]] | None = None
        self._ended = False

    def batch(self) -> list[tuple[str, Entry | None]] | None:
        """Return what comes next, None at the end."""
        if self._ended:
            return None
        if self._found is None:
            self._found = self._store.scan(self._folder)
        batch = []
        try:
            for one in self._found:
                batch.append(one)
                if len(batch) == BATCH:
                    return batch
        except BaseException:
            self._found = None
            raise
        self._ended = True
        return batch
