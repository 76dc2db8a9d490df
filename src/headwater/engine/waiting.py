"""Rows that wait, table by table, until there are enough of them to make a chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from headwater.engine.buffer import Chunk, Kind
from headwater.engine.cells import Encoding
from headwater.engine.intake import Intake
from headwater.engine.rows import ROWS_A_CHUNK, batch_chunk, rows_chunk
from headwater.engine.shape import TableShape
from headwater.errors import ProjectError
from headwater_runtime.batch import Batch
from headwater_runtime.tables import ColumnType

__all__ = ["Waiting", "WaitingTable", "null_key_error"]

MOST_ROWS = 30_720  # of a batch in one chunk: a bigger one is taken in parts, which share its memory


class WaitingTable:
    """The rows of one table. An error on the way into a chunk is the intake's `failure`: the sync cannot go on after it."""

    def __init__(self, intake: Intake, shape: TableShape, encoding: Encoding) -> None:
        self.shape = shape
        self._intake = intake
        self._encoding = encoding
        self._rows: list[Mapping[str, Any]] = []
        self._kinds: list[Kind] = []

    def append(self, row: Mapping[str, Any], kind: Kind) -> None:
        """Take one row; it is not to change any more."""
        self._rows.append(row)
        self._kinds.append(kind)
        if len(self._rows) >= ROWS_A_CHUNK:
            self.hand_over()

    def extend(self, rows: Sequence[Mapping[str, Any]], kind: Kind) -> None:
        """Take rows."""
        if isinstance(rows, Batch):
            self._extend_by(rows, kind)
            return
        self._rows += rows
        self._kinds += [kind] * len(rows)
        if len(self._rows) >= ROWS_A_CHUNK:
            self.hand_over()

    def hand_over(self) -> None:
        """Hand over what waits. Raises ProjectError for a null in a key, and what the encoding raises."""
        if self._rows:
            rows, kinds = self._rows, self._kinds
            self._rows, self._kinds = [], []
            self._add(lambda: rows_chunk(self.shape, self._intake.shapes.rename, rows, kinds, self._encoding))

    def _extend_by(self, batch: Batch, kind: Kind) -> None:
        """Take rows that came as columns, after those that wait."""
        self.hand_over()
        table = batch.table if isinstance(batch.table, pa.Table) else pa.Table.from_batches([batch.table])
        for part in table.to_batches(max_chunksize=MOST_ROWS):
            if part.num_rows and not self._add(partial(self._chunk_of, part, kind)):
                for start in range(0, part.num_rows, ROWS_A_CHUNK):
                    self.extend(list(Batch(part.slice(start, ROWS_A_CHUNK))), kind)
                self.hand_over()

    def _chunk_of(self, part: Any, kind: Kind) -> Chunk | None:
        return batch_chunk(self.shape, self._intake.shapes.rename, part, kind, self._encoding)

    def _add(self, make: Callable[[], Chunk | None]) -> bool:
        """Hand over the chunk that `make` makes. Returns whether it made one."""
        try:
            chunk = make()
            for key in self.shape.key if chunk else ():
                column = chunk.columns.get(key) if chunk else None
                if column is None or column.array.null_count:
                    raise null_key_error(self.shape, key)
        except Exception as error:
            self._intake.failure = error
            raise
        if chunk is not None:
            self._intake.add(self.shape, chunk)
        return chunk is not None


class Waiting:
    """The rows of all tables."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._tables: dict[tuple[str | None, str], WaitingTable] = {}

    def of(self, schema: str | None, table: str, columns: Mapping[str, ColumnType] | None = None) -> WaitingTable:
        """Return the table by the source's names. `columns` are the runtime's declarations, None for the SDK's values."""
        found = self._tables.get((schema, table))
        if found is None:
            shape = self._intake.shapes.of(schema, table)
            encoding = Encoding(shape.data_types, columns, f"table {table}")
            found = self._tables[schema, table] = WaitingTable(self._intake, shape, encoding)
        return found

    def hand_over(self) -> None:
        """Hand over everything that waits."""
        for table in self._tables.values():
            table.hand_over()


def null_key_error(shape: TableShape, key: str) -> ProjectError:
    """Return the error for a row whose key column `key` is null or missing."""
    return ProjectError(
        f"a row has no value in the key column {key}",
        where=f"table {shape.name.shown}",
        hint="the source left it out, or the key is another column: correct the key, or skip such rows",
    )
