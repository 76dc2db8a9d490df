"""A file as a listing shows it, and what every store of files can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import IO, Any, Protocol, TypeVar

from headwater_runtime.times import iso

__all__ = ["Attempt", "Entry", "Store", "microseconds"]

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """One file. `path` is below the place, `size` in bytes, -1 if that is not told.

    `stamp` is when it was modified in microseconds since 1970 (0: not told), `tag` an etag or checksum ("": none).
    """

    __slots__ = ("path", "size", "stamp", "tag")  # a million of them may pass by

    path: str
    size: int
    stamp: int
    tag: str

    @property
    def blind(self) -> bool:
        """Whether nothing tells this content of the file from another of the same size."""
        return not self.stamp and not self.tag

    @property
    def identity(self) -> str:
        """Text that is another once the file is."""
        return f"{self.size} {self.stamp} {self.tag}"

    @property
    def modified(self) -> datetime | None:
        """When it was modified, in UTC."""
        return datetime.fromtimestamp(self.stamp / 1e6, timezone.utc) if self.stamp else None

    def same(self, other: Entry) -> bool:
        """Whether `other`, the file asked for by itself, is still this one.

        Where both have a tag, that decides: a listing and a question for one file may give the time in different units.
        """
        if -1 not in {self.size, other.size} and self.size != other.size:
            return False
        if self.tag and other.tag:
            return self.tag == other.tag
        if not (self.stamp and other.stamp):
            return True
        coarse = self.stamp % 1_000_000 == 0 or other.stamp % 1_000_000 == 0
        return self.stamp // 1_000_000 == other.stamp // 1_000_000 if coarse else self.stamp == other.stamp


class Attempt(Protocol):
    """Runs a function again while its failures may pass, and raises what its last failure means at `where`."""

    def __call__(self, function: Callable[[], T], where: str) -> T:
        """Return what `function` returns."""


class Store(Protocol):
    """One kind of place. Paths are below its root, "" is the root. What a driver raises goes through as it is.

    `firm`: what is read of a file is all of the entry it was opened by, or reading raises CutError. Of another kind of place
    that has to be asked for after reading.
    """

    firm: bool

    def scan(self, folder: str) -> Iterator[tuple[str, Entry | None]]:
        """Yield the names in `folder` with their files, None for a folder; nothing else is asked of the store meanwhile."""

    def flat(self, folder: str) -> Callable[[], list[Entry] | None] | None:
        """Return what gives every file anywhere below `folder`, some at each call, None at the end; None: only `scan` can.

        A call that failed can be made again.
        """

    def stat(self, path: str) -> Entry:
        """Ask for one file. Raises what a driver raises for one that is gone."""

    def canonical(self, folder: str) -> str:
        """Return the folder's true path, for loops."""

    def open(self, entry: Entry, attempt: Attempt, where: str) -> IO[bytes]:
        """Open a file to be read from any position. Passing troubles are dealt with by `attempt`, also while it is read."""

    def close(self) -> None:
        """End all connections. Does not raise."""


def microseconds(moment: Any) -> int:
    """Return a moment as the drivers give it (a datetime, seconds since 1970, ISO 8601) in microseconds; 0 for anything else."""
    if isinstance(moment, str):
        try:
            moment = iso(moment)
        except ValueError:
            return 0
    if isinstance(moment, datetime):
        whole = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return int(whole.timestamp()) * 1_000_000 + whole.microsecond
    return int(moment * 1_000_000) if isinstance(moment, (int, float)) else 0
