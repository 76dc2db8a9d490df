"""The way in for connectors on the runtime: takes whole pages of rows, with the same result as row by row."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from fivetran_connector_sdk_cli.type_coercion import encode_row_data

from headwater.engine.buffer import Chunk, Kind
from headwater.engine.intake import Intake
from headwater.engine.operations import null_key_error
from headwater.engine.rows import cells_chunk, values_chunk
from headwater.engine.shape import TableShape
from headwater_runtime import Row, Table
from headwater_runtime.values import sdk_row

__all__ = ["BatchSink"]


class BatchSink:
    """An `Emit` of the runtime's. Threads may share it."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._lock = threading.Lock()

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert or replace `rows`."""
        self._take(table, rows, Kind.UPSERT)

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        """Change the columns `rows` name."""
        self._take(table, rows, Kind.UPDATE)

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Mark the rows with these keys as deleted."""
        self._take(table, keys, Kind.DELETE)

    def truncate(self, table: Table) -> None:
        """Mark every row that was in `table` before as deleted."""
        with self._lock:
            self._intake.admit(1)
            self._intake.truncate(self._intake.shapes.of(table.schema, table.name))

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Commit what was emitted, then save `state`."""
        with self._lock:
            self._intake.admit(1)
            self._intake.checkpoint(state)

    def _take(self, table: Table, rows: Sequence[Row], kind: Kind) -> None:
        if not rows:
            return
        with self._lock:
            allowed = self._intake.admit(len(rows))
            taken = rows if allowed == len(rows) else rows[:allowed]
            shape = self._intake.shapes.of(table.schema, table.name)
            try:
                chunk = self._chunk(shape, table, taken, kind)
                _check_key(shape, chunk)
            except Exception as error:
                self._intake.failure = error
                raise
            self._intake.count(kind, len(taken))
            self._intake.add(shape, chunk)
            if allowed < len(rows):
                self._intake.die()

    def _chunk(self, shape: TableShape, table: Table, rows: Sequence[Row], kind: Kind) -> Chunk:
        rename = self._intake.shapes.rename
        if shape.key:
            chunk = values_chunk(shape, rename, rows, kind, table.columns)
            if chunk is not None:
                return chunk
        where = f"table {table.name}"
        cells = [encode_row_data(shape.data_types, sdk_row(row, table.columns, where)) for row in rows]
        return cells_chunk(shape, rename, cells, [kind] * len(cells))


def _check_key(shape: TableShape, chunk: Chunk) -> None:
    for key in shape.key:
        column = chunk.columns.get(key)
        if column is None or column.array.null_count:
            raise null_key_error(shape, key)
