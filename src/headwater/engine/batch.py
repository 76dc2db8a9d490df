"""The way in for connectors on the runtime: takes whole pages of rows, with the same result as row by row."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from headwater.engine.buffer import Kind
from headwater.engine.intake import Intake
from headwater.engine.waiting import Waiting
from headwater_runtime import Row, Table

__all__ = ["BatchSink"]


class BatchSink:
    """An `Emit` of the runtime's. Threads may share it."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._waiting = Waiting(intake)
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
            self._waiting.hand_over()
            self._intake.truncate(self._intake.shapes.of(table.schema, table.name))

    def checkpoint(self, state: Mapping[str, Any], *, urgent: bool = False) -> None:
        """Commit what was emitted, then save `state`; unless it is urgent, that may go on while the next rows are taken."""
        with self._lock:
            self._intake.admit(1)
            self._waiting.hand_over()
            self._intake.checkpoint(state, ahead=not urgent)

    def finish(self) -> None:
        """Hand over what waits."""
        with self._lock:
            self._waiting.hand_over()

    def _take(self, table: Table, rows: Sequence[Row], kind: Kind) -> None:
        if not rows:
            return
        with self._lock:
            allowed = self._intake.admit(len(rows))
            self._intake.count(kind, allowed)
            if allowed < len(rows):
                self._intake.die()
            self._waiting.of(table.schema, table.name, table.columns).extend(rows, kind)
