"""What was emitted since the last checkpoint: for each table, chunks of rows in order, with truncates between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine.columns import Column
from headwater.engine.shape import TableName, TableShape

__all__ = ["Buffer", "Change", "Chunk", "Kind", "Section"]


class Kind(IntEnum):
    """What a row asks for. An upsert replaces the whole row; an update and a delete change the columns they name."""

    UPSERT = 0
    UPDATE = 1
    DELETE = 2


@dataclass(frozen=True)
class Chunk:
    """Some rows of one table, column by column. `kinds` is one for all rows, or an int8 array with one for each."""

    length: int
    kinds: Kind | pa.Array
    columns: Mapping[str, Column]

    @property
    def only_upserts(self) -> bool:
        """Whether no row depends on what is in the destination."""
        return self.kinds is Kind.UPSERT

    @property
    def some_upserts(self) -> bool:
        """Whether there is a row that may be new."""
        if isinstance(self.kinds, Kind):
            return self.only_upserts
        return bool(pc.any(pc.equal(self.kinds, int(Kind.UPSERT))).as_py())


@dataclass
class Section:
    """Chunks in order, to be applied together. `truncates`: all rows written before it are to be marked as deleted first."""

    truncates: bool = False
    chunks: list[Chunk] = field(default_factory=list)


@dataclass
class Change:
    """All that happened to one table."""

    shape: TableShape
    sections: list[Section] = field(default_factory=lambda: [Section()])


class Buffer:
    """The changes of all tables, in the order in which the tables first appeared."""

    def __init__(self) -> None:
        self.changes: dict[TableName, Change] = {}

    def add(self, shape: TableShape, chunk: Chunk) -> None:
        """Append rows."""
        self._change(shape).sections[-1].chunks.append(chunk)

    def truncate(self, shape: TableShape) -> None:
        """Mark everything before as deleted."""
        self._change(shape).sections.append(Section(truncates=True))

    def take(self) -> list[Change]:
        """Return all changes and forget them."""
        taken, self.changes = list(self.changes.values()), {}
        return taken

    def _change(self, shape: TableShape) -> Change:
        change = self.changes.get(shape.name)
        if change is None:
            change = self.changes[shape.name] = Change(shape)
        return change
