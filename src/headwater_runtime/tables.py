"""A table as Fivetran is told about it: its name, its key, and only the column types that must be forced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from headwater_runtime.errors import ConfigError, require

__all__ = ["ColumnType", "Table"]

ColumnType = str | Mapping[str, Any]

NUMBERS = {"BOOLEAN", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE"}
SIMPLE_TYPES = NUMBERS | {"NAIVE_DATE", "NAIVE_DATETIME", "UTC_DATETIME", "BINARY", "XML", "STRING", "JSON"}


@dataclass(frozen=True, init=False)
class Table:
    """A destination table. `key` names its primary-key columns; without one Fivetran keys a row by its whole content.

    `columns` forces types by column name: one of the SDK's type names, or
    `{"type": "DECIMAL", "precision": p, "scale": s}`. Columns that are left out are inferred from the values.
    Raises ConfigError for a type the SDK does not know.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, ColumnType] = field(hash=False)
    schema: str | None

    def __init__(
        self,
        name: str,
        key: str | tuple[str, ...] = (),
        columns: Mapping[str, ColumnType] | None = None,
        schema: str | None = None,
    ) -> None:
        require(name.strip(), "a table needs a name", hint="give Table(...) the name the destination shall show")
        for column, kind in (columns or {}).items():
            _check_type(name, column, kind)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "key", (key,) if isinstance(key, str) else tuple(key))
        object.__setattr__(self, "columns", MappingProxyType(dict(columns or {})))
        object.__setattr__(self, "schema", schema)

    def declaration(self) -> dict[str, Any]:
        """Return the entry the SDK's `schema` function gives for this table."""
        entry: dict[str, Any] = {"table": self.name}
        if self.key:
            entry["primary_key"] = list(self.key)
        if self.columns:
            entry["columns"] = {
                name: kind if isinstance(kind, str) else dict(kind) for name, kind in self.columns.items()
            }
        if self.schema is not None:
            entry["schema"] = self.schema
        return entry


def _check_type(table: str, column: str, kind: ColumnType) -> None:
    if isinstance(kind, str) and kind in SIMPLE_TYPES:
        return
    if not isinstance(kind, str) and kind.get("type") == "DECIMAL" and {"precision", "scale"} <= kind.keys():
        return
    hint = f"use one of {', '.join(sorted(SIMPLE_TYPES))} or {{'type': 'DECIMAL', 'precision': p, 'scale': s}}"
    raise ConfigError(f"column '{column}' has the unknown type {kind!r}", where=f"table {table}", hint=hint)
