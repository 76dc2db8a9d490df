"""From rows to columns, where that changes nothing: each column all whole numbers, all fractions, all texts or all booleans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timezone
from decimal import Decimal
from operator import itemgetter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater_runtime.records import Row

__all__ = ["largest", "table_of"]

NULL = type(None)
EXACT = 2**53  # up to here a float holds every whole number
TYPES = {
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    date: pa.date32(),
    time: pa.time64("us"),
    NULL: pa.null(),
}
STRICT = frozenset({int, float, bool, date, datetime, time, Decimal})  # Arrow would take others among them too


def table_of(rows: Sequence[Row]) -> Any:
    """Return `rows` as an Arrow table, None if it would not hold their values as they are.

    A field that only some rows have is null in the others. Whole numbers that stand among fractions are fractions.
    """
    if not rows:
        return None
    names = list(rows[0])
    columns = _columns(rows, names)
    if columns is None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = [[row.get(name) for row in rows] for name in names]
    if not names:
        return None
    arrays = []
    for column in columns:
        array = _array(column)
        if array is None:
            return None
        arrays.append(array)
    return pa.table(arrays, names=names)


def _columns(rows: Sequence[Row], names: list[str]) -> list[Sequence[Any]] | None:
    """Return the columns of rows that all have the same fields."""
    if sum(map(len, rows)) != len(rows) * len(names) or not names:
        return None
    if len(names) == 1:
        return [[row[names[0]] for row in rows]] if all(names[0] in row for row in rows) else None
    try:
        return list(zip(*map(itemgetter(*names), rows)))  # noqa: B905  (all are of one length)
    except KeyError:
        return None


def _array(column: Sequence[Any]) -> Any:
    first = next((value for value in column if value is not None), None)
    kind = type(first)
    if kind in STRICT:
        kinds = set(map(type, column)) - {NULL}
        if kinds == {int, float}:
            kind = float
            if any(type(value) is int and not -EXACT <= value <= EXACT for value in column):
                return None
        elif len(kinds) > 1:
            return None
    if kind is datetime:
        return _moments(column)
    if kind is Decimal:
        return _decimals(column)
    if kind not in TYPES:
        return None
    try:
        return pa.array(column, TYPES[kind])
    except OverflowError:
        return _unsigned(column)
    except (pa.ArrowException, UnicodeEncodeError):
        return None


def _moments(column: Sequence[datetime | None]) -> Any:
    zones = {value.tzinfo for value in column if value is not None}
    if zones not in ({None}, {timezone.utc}):
        return None
    return pa.array(column, pa.timestamp("us", None if zones == {None} else "UTC"))


def _decimals(column: Sequence[Decimal | None]) -> Any:
    exponents = {value.as_tuple().exponent for value in column if value is not None}
    if len(exponents) > 1 or not all(isinstance(one, int) and one <= 0 for one in exponents):
        return None  # they are of different scales, and their digits are to stay as they are
    try:
        return pa.array(column)
    except pa.ArrowException:
        return None


def _unsigned(column: Sequence[int | None]) -> Any:
    try:
        return pa.array(column, pa.uint64())
    except (OverflowError, pa.ArrowException):
        return None


def largest(table: Any) -> float:
    """Return the greatest magnitude among a table's fractions: from 2⁶³ on one may have been a whole number."""
    found = 0.0
    for column in table.columns:
        if pa.types.is_floating(column.type) and column.null_count < len(column):
            ends = pc.min_max(column).as_py()
            found = max(found, abs(ends["min"]), abs(ends["max"]))
    return found
