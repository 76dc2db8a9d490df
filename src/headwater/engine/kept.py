"""A table's columns and key as JSON, for destinations whose own catalog cannot say all of it (Parquet has no keys)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.engine.catalog import Existing
from headwater.engine.sqltypes import parse_type

__all__ = ["as_json", "from_json"]


def as_json(table: Existing) -> dict[str, Any]:
    """Return `table` as an object; the columns keep their order."""
    return {"columns": {name: str(kind) for name, kind in table.columns.items()}, "key": list(table.key)}


def from_json(kept: Mapping[str, Any]) -> Existing:
    """Return what `as_json` was given."""
    return Existing({name: parse_type(kind) for name, kind in kept["columns"].items()}, tuple(kept["key"]))
