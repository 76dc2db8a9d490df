"""Column types of a destination and how they widen: a small lattice, so the order in which values arrive does not matter.

BOOLEAN < SMALLINT < INTEGER < BIGINT < DECIMAL < FLOAT < DOUBLE
DATE < TIMESTAMP < TIMESTAMP WITH TIME ZONE
everything above and BLOB < VARCHAR < JSON
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from fivetran_connector_sdk_core import Column, DataType

__all__ = [
    "BIGINT",
    "BLOB",
    "BOOLEAN",
    "DATE",
    "DOUBLE",
    "FLOAT",
    "JSON",
    "NUMBERS",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "VARCHAR",
    "SqlType",
    "declared_type",
    "parse_type",
    "wider",
    "widest",
]

MAX_PRECISION = 38


@dataclass(frozen=True)
class SqlType:
    """A column type under DuckDB's name. `precision` and `scale` count for DECIMAL only."""

    name: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"DECIMAL({self.precision},{self.scale})" if self.name == "DECIMAL" else self.name


BOOLEAN = SqlType("BOOLEAN")
SMALLINT = SqlType("SMALLINT")
INTEGER = SqlType("INTEGER")
BIGINT = SqlType("BIGINT")
FLOAT = SqlType("FLOAT")
DOUBLE = SqlType("DOUBLE")
DATE = SqlType("DATE")
TIMESTAMP = SqlType("TIMESTAMP")
TIMESTAMPTZ = SqlType("TIMESTAMP WITH TIME ZONE")
BLOB = SqlType("BLOB")
VARCHAR = SqlType("VARCHAR")
JSON = SqlType("JSON")

_NUMBER_CHAIN = ("BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE")
_MOMENT_CHAIN = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_WHOLE_DIGITS = {"BOOLEAN": 1, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}

NUMBERS = frozenset(_NUMBER_CHAIN) - {"BOOLEAN"}

_DECLARED = {
    DataType.BOOLEAN: BOOLEAN,
    DataType.SHORT: SMALLINT,
    DataType.INT: INTEGER,
    DataType.LONG: BIGINT,
    DataType.FLOAT: FLOAT,
    DataType.DOUBLE: DOUBLE,
    DataType.NAIVE_DATE: DATE,
    DataType.NAIVE_DATETIME: TIMESTAMP,
    DataType.UTC_DATETIME: TIMESTAMPTZ,
    DataType.BINARY: BLOB,
    DataType.XML: VARCHAR,
    DataType.STRING: VARCHAR,
    DataType.JSON: JSON,
}


def declared_type(column: Column) -> SqlType | None:
    """Return the type a connector's schema declares for `column`, None if it leaves it to the values."""
    if column.type == DataType.DECIMAL:
        asked = column.decimal
        precision = min(max(asked.precision if asked else 0, 1), MAX_PRECISION)
        return SqlType("DECIMAL", precision, min(asked.scale if asked else 0, precision))
    return _DECLARED.get(column.type)


def parse_type(text: str) -> SqlType:
    """Return the type DuckDB's catalog calls `text`."""
    if not text.startswith("DECIMAL("):
        return SqlType(text)
    precision, scale = text[len("DECIMAL(") : -1].split(",")
    return SqlType("DECIMAL", int(precision), int(scale))


def wider(one: SqlType | None, other: SqlType | None) -> SqlType | None:
    """Return the narrowest type that holds what both hold; None stands for "nothing known yet"."""
    if one is None or one == other:
        return other
    if other is None:
        return one
    for chain in (_NUMBER_CHAIN, _MOMENT_CHAIN):
        if one.name in chain and other.name in chain:
            low, high = sorted((one, other), key=lambda t: chain.index(t.name))
            return _wider_decimal(low, high) if high.name == "DECIMAL" else high
    return JSON if JSON in (one, other) else VARCHAR


def widest(types: Iterable[SqlType | None]) -> SqlType | None:
    """Return the narrowest type that holds what all of `types` hold."""
    return reduce(wider, types, None)


def _wider_decimal(low: SqlType, high: SqlType) -> SqlType:
    scale = max(low.scale, high.scale)
    whole = max(_WHOLE_DIGITS.get(low.name, low.precision - low.scale), high.precision - high.scale)
    return SqlType("DECIMAL", min(whole + scale, MAX_PRECISION), scale)
