"""The way in for any connector: the sink behind the SDK's public operations, which hands over one encoded row at a time."""

from __future__ import annotations

import json
import sys

import fivetran_connector_sdk_core as core
from fivetran_connector_sdk_core.constants import CELL_NULL

from headwater.engine.buffer import Kind
from headwater.engine.file_uploads import FileUploads
from headwater.engine.intake import Intake
from headwater.engine.rows import Cells, cells_chunk, renamed
from headwater.engine.shape import TableShape
from headwater.errors import HeadwaterError, ProjectError

__all__ = ["OperationsSink", "null_key_error"]

ROWS_A_CHUNK = 8192  # enough for Arrow to be quick, few enough to be small
_KINDS = {core.RecordType.UPSERT: Kind.UPSERT, core.RecordType.UPDATE: Kind.UPDATE, core.RecordType.DELETE: Kind.DELETE}
_NULL = (None, bytes([CELL_NULL]))


class OperationsSink:
    """What `fivetran_connector_sdk_cli.runtime.install` takes. The SDK calls it under its own lock."""

    def __init__(self, intake: Intake, files: FileUploads | None = None) -> None:
        self._intake = intake
        self._files = files or FileUploads()
        self._waiting: dict[tuple[str | None, str], tuple[list[Cells], list[Kind]]] = {}

    def record(self, record: core.Record) -> None:
        """Take one row. Raises ProjectError for a null in its key."""
        self._intake.admit(1)
        self.take(record.schema, record.table, record.row_data, _KINDS[record.type])

    def take(self, schema: str | None, table: str, cells: Cells, kind: Kind) -> None:
        """Take one admitted row."""
        shape = self._intake.shapes.of(schema, table)
        self._check_key(shape, cells)
        self._intake.count(kind, 1)
        waiting = self._waiting.get((schema, table))
        if waiting is None:
            waiting = self._waiting[schema, table] = ([], [])
        rows, kinds = waiting
        rows.append(cells)
        kinds.append(kind)
        if len(rows) >= ROWS_A_CHUNK:
            self._hand_over(schema, table)

    def truncate(self, truncate: core.Truncate) -> None:
        """Take one truncate."""
        self._intake.admit(1)
        self._hand_over_all()
        self._intake.truncate(self._intake.shapes.of(truncate.schema, truncate.table))

    def checkpoint(self, checkpoint: core.Checkpoint) -> None:
        """Take one checkpoint; everything before it is committed when this returns."""
        self._intake.admit(1)
        self._hand_over_all()
        self._place_files()
        self._intake.checkpoint(json.loads(checkpoint.state_json))

    def warning(self, warning: core.Warning) -> None:
        """Report a warning."""
        self._intake.warn(json.loads(warning.message)["message"])

    def task(self, task: core.Task) -> None:
        """End the sync: the connector called `error`."""
        told = json.loads(task.message)
        self._intake.failure = core.ConnectorTask(told["message"], told.get("trace"))
        raise self._intake.failure

    def file_chunk(self, chunk: core.FileChunk) -> None:
        """Take a piece of a file. Raises ProjectError, WarehouseError; the sync cannot go on after either."""
        self._intake.admit(0)
        schema = self._intake.shapes.naming.schema(chunk.schema)
        try:
            # The SDK sends the pieces of one file from one call: its frame tells the next piece from a second try.
            whole = self._files.take(schema, chunk, sys._getframe(1))  # noqa: SLF001
        except Exception as error:
            self._intake.failure = error
            raise
        self._intake.counts["file_uploads"] += whole

    def finish(self) -> None:
        """Hand over what waits."""
        self._hand_over_all()
        self._place_files()

    def close(self) -> None:
        """Drop the files whose rows were not committed."""
        self._files.close()

    def _place_files(self) -> None:
        """Put files in place before their rows are committed: no row names a file that is not there."""
        try:
            self._files.place()
        except HeadwaterError as error:
            self._intake.failure = error
            raise

    def _check_key(self, shape: TableShape, cells: Cells) -> None:
        for key in shape.key:
            if cells.get(key) in _NULL and renamed(cells, self._intake.shapes.rename).get(key) in _NULL:
                self._intake.failure = null_key_error(shape, key)
                raise self._intake.failure

    def _hand_over_all(self) -> None:
        for schema, table in list(self._waiting):
            self._hand_over(schema, table)

    def _hand_over(self, schema: str | None, table: str) -> None:
        rows, kinds = self._waiting.pop((schema, table))
        shape = self._intake.shapes.of(schema, table)
        self._intake.add(shape, cells_chunk(shape, self._intake.shapes.rename, rows, kinds))


def null_key_error(shape: TableShape, key: str) -> ProjectError:
    """Return the error for a row whose key column `key` is null or missing."""
    return ProjectError(
        f"a row has no value in the key column {key}",
        where=f"table {shape.name.shown}",
        hint="the source left it out, or the key is another column: correct the key, or skip such rows",
    )
