"""What was emitted since the last checkpoint: for each table, chunks of rows in order, with truncates between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from headwater.engine.chunk import Chunk, Kind, joined
from headwater.engine.shape import TableName, TableShape
from headwater.engine.spill import Spill, Spilled
from headwater.engine.sqltypes import SqlType, wider

__all__ = ["BUFFER_BYTES", "Buffer", "Change", "Chunk", "Chunks", "Kind", "Section"]

BUFFER_BYTES = 16 * 1024 * 1024  # what may wait in memory; more of it waits on disk
PAGE_ROWS = 16_384  # chunks are joined until they have so many rows


class Chunks(Collection[Chunk]):
    """Chunks in order. Those on disk are read again each time they are asked for, one at a time."""

    def __init__(self, spill: Spill | None = None) -> None:
        self._spill = spill
        self._done: list[Chunk | Spilled] = []
        self._waiting: list[Chunk] = []
        self._waiting_rows = 0
        self.rows = 0

    def append(self, chunk: Chunk) -> None:
        """Append rows."""
        self._waiting.append(chunk)
        self._waiting_rows += chunk.length
        self.rows += chunk.length
        if self._waiting_rows >= PAGE_ROWS:
            self._join()

    def to_disk(self) -> None:
        """Move everything that is in memory out of it."""
        self._join()
        if self._spill is not None:
            spill = self._spill
            self._done = [one if isinstance(one, Spilled) else spill.write(one) for one in self._done]

    @property
    def on_disk(self) -> int:
        """How many chunks are not in memory."""
        return sum(isinstance(one, Spilled) for one in self._done)

    def __iter__(self) -> Iterator[Chunk]:
        """Yield every chunk."""
        self._join()
        for one in self._done:
            if isinstance(one, Chunk):
                yield one
            elif self._spill is not None:
                yield self._spill.read(one)

    def __len__(self) -> int:
        return len(self._done) + len(self._waiting)

    def __contains__(self, chunk: object) -> bool:
        return any(one is chunk for one in (*self._done, *self._waiting))

    def _join(self) -> None:
        self._done += joined(self._waiting)
        self._waiting, self._waiting_rows = [], 0


@dataclass
class Section:
    """Chunks in order, to be applied together. `truncates`: all rows written before it are to be marked as deleted first."""

    truncates: bool = False
    chunks: Chunks = field(default_factory=Chunks)


@dataclass
class Change:
    """All that happened to one table, and what is known of it without a look at its rows.

    `asked` is the type each column's values ask for, None if they are all null, in the order in which first values came.
    """

    shape: TableShape
    sections: list[Section] = field(default_factory=list)
    rows: int = 0
    size: int = 0  # bytes its values take
    some_upserts: bool = False
    names: set[str] = field(default_factory=set)
    asked: dict[str, SqlType] = field(default_factory=dict)

    def note(self, chunk: Chunk) -> None:
        """Take in what `chunk` says."""
        self.rows += chunk.length
        self.size += chunk.size
        self.some_upserts = self.some_upserts or chunk.some_upserts
        self.names.update(chunk.columns)
        asking = [(column.first, name, column.type) for name, column in chunk.columns.items()]
        for _, name, kind in sorted(asking, key=lambda one: one[0]):
            if kind is not None:
                self.asked[name] = wider(self.asked.get(name), kind) or kind


class Buffer:
    """The changes of all tables, in the order in which the tables first appeared; beyond `limit` bytes they wait on disk."""

    def __init__(self, folder: Path | None = None, limit: int = BUFFER_BYTES) -> None:
        self.changes: dict[TableName, Change] = {}
        self._folder = folder
        self._spill = Spill(folder)
        self._taken: list[Spill] = []
        self._limit = limit
        self._size = 0

    @property
    def spilled(self) -> int:
        """The bytes that wait on disk."""
        return self._spill.size

    @property
    def rows(self) -> int:
        """The rows that wait."""
        return sum(change.rows for change in self.changes.values())

    def add(self, shape: TableShape, chunk: Chunk) -> None:
        """Append rows. Raises WarehouseError if they cannot be put on disk."""
        change = self._change(shape)
        before = change.size
        change.note(chunk)
        change.sections[-1].chunks.append(chunk)
        self._size += change.size - before
        if self._size > self._limit:
            for one in self.changes.values():
                for section in one.sections:
                    section.chunks.to_disk()
            self._size = 0
            pa.default_memory_pool().release_unused()

    def truncate(self, shape: TableShape) -> None:
        """Mark everything before as deleted."""
        self._change(shape).sections.append(Section(True, Chunks(self._spill)))

    def take(self) -> list[Change]:
        """Return all changes, and begin anew. What of them is on disk can be read until `release`."""
        taken, self.changes, self._size = list(self.changes.values()), {}, 0
        if self.spilled:  # memory is for the destination now, and for what comes
            for change in taken:
                for section in change.sections:
                    section.chunks.to_disk()
        self._taken.append(self._spill)
        self._spill = Spill(self._folder)
        return taken

    def release(self) -> None:
        """Give back the disk space of what was taken. A thread may call this while another adds rows."""
        while self._taken:
            self._taken.pop().close()

    def drop(self) -> None:
        """Forget everything, also what was taken."""
        self.changes, self._size = {}, 0
        self._spill.close()
        self.release()

    def _change(self, shape: TableShape) -> Change:
        change = self.changes.get(shape.name)
        if change is None:
            change = self.changes[shape.name] = Change(shape, [Section(False, Chunks(self._spill))])
        return change
