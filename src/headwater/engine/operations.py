"""The way in for any connector: the sink behind the SDK's public operations, which hand over one row at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import fivetran_connector_sdk_core as core

from headwater.engine.buffer import Kind
from headwater.engine.cells import NULL, Cell
from headwater.engine.file_uploads import FileUploads
from headwater.engine.intake import Intake
from headwater.engine.raw_rows import RawRow
from headwater.engine.row_ids import renamed
from headwater.engine.shape import TableShape
from headwater.engine.waiting import Waiting, null_key_error
from headwater.errors import HeadwaterError

__all__ = ["OperationsSink"]

_KINDS = {core.RecordType.UPSERT: Kind.UPSERT, core.RecordType.UPDATE: Kind.UPDATE, core.RecordType.DELETE: Kind.DELETE}


class OperationsSink:
    """What `fivetran_connector_sdk_cli.runtime.install` takes. The SDK calls it under its own lock."""

    def __init__(self, intake: Intake, files: FileUploads | None = None) -> None:
        self._intake = intake
        self._files = files or FileUploads()
        self._waiting = Waiting(intake)

    def record(self, record: core.Record | RawRow) -> None:
        """Take one row. Raises ProjectError for a null in its key."""
        self._intake.admit(1)
        row: Mapping[str, Any] = record.row_data
        if type(record) is not RawRow:
            row = {name: None if cell == NULL else Cell(cell) for name, cell in row.items()}
        table = self._waiting.of(record.schema, record.table)
        for key in table.shape.key:
            if row.get(key) is None:
                self._check_key(table.shape, key, row)
        kind = _KINDS[record.type]
        self._intake.count(kind, 1)
        table.append(row, kind)

    def truncate(self, truncate: core.Truncate) -> None:
        """Take one truncate."""
        self._intake.admit(1)
        self._waiting.hand_over()
        self._intake.truncate(self._intake.shapes.of(truncate.schema, truncate.table))

    def checkpoint(self, checkpoint: core.Checkpoint) -> None:
        """Take one checkpoint; everything before it is committed when this returns."""
        self._intake.admit(1)
        self._waiting.hand_over()
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
        self._waiting.hand_over()
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

    def _check_key(self, shape: TableShape, key: str, row: Mapping[str, Any]) -> None:
        if renamed(row, self._intake.shapes.rename).get(key) is None:
            self._intake.failure = null_key_error(shape, key)
            raise self._intake.failure
