"""The only way out: Emit takes whole pages of rows and the state that covers them.

On Fivetran it is SdkEmit, one SDK operation a row. A local engine can pass an Emit of its own and take pages as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headwater_runtime.batch import Batch
from headwater_runtime.records import Row
from headwater_runtime.tables import Table
from headwater_runtime.values import sdk_row

__all__ = ["Emit", "SdkEmit"]


class Emit(Protocol):
    """Takes operations in order. A checkpoint covers every row given before it."""

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert `rows`, or replace the columns they name in rows of the same key."""

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        """Change the columns `rows` name in rows of the same key."""

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Mark the rows with these keys as deleted."""

    def truncate(self, table: Table) -> None:
        """Mark every row that was in `table` before as deleted."""

    def checkpoint(self, state: Mapping[str, Any], *, urgent: bool = False) -> None:
        """Commit what was emitted, then save `state`; `urgent`: both are done when this returns, whatever else may go on."""


class SdkEmit:
    """Emit through the SDK's operations."""

    def __init__(self) -> None:
        from fivetran_connector_sdk import Operations  # noqa: PLC0415  (importing the runtime must not start the SDK)

        self._operations = Operations

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Emit one SDK upsert a row."""
        _each(self._operations.upsert, table, rows)

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        """Emit one SDK update a row."""
        _each(self._operations.update, table, rows)

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Emit one SDK delete a key."""
        _each(self._operations.delete, table, keys)

    def truncate(self, table: Table) -> None:
        """Emit one SDK truncate."""
        self._operations.truncate(table.name, **_schema_argument(table))

    def checkpoint(self, state: Mapping[str, Any], *, urgent: bool = False) -> None:  # noqa: ARG002
        """Emit one SDK checkpoint; it returns when everything before is committed."""
        self._operations.checkpoint(dict(state))


def _each(operation: Any, table: Table, rows: Sequence[Row]) -> None:
    where, extra = f"table {table.name}", _schema_argument(table)
    by_row = (sdk_row(row, table.columns, where) for row in rows)
    for row in rows.sent(table.columns, where) if isinstance(rows, Batch) else by_row:
        operation(table.name, row, **extra)


def _schema_argument(table: Table) -> dict[str, str]:
    # SDKs before 3.0 do not know the argument, so a connector without schemas must not pass it.
    return {} if table.schema is None else {"schema": table.schema}
