"""From what a driver gives to the Arrow columns of a batch: exact, or null and counted where no record could hold it.

What has no place in a record is told of, never changed silently: dates beyond the years 1 to 9999, infinite times, and
NaN or infinity in a column of decimals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater_runtime.batch import JSON
from headwater_runtime.errors import ContractError
from headwater_runtime.sql.server import Column
from headwater_runtime.tables import ColumnType
from headwater_runtime.times import iso

__all__ = ["DECIMAL_MAX", "INTEGERS", "decimal", "restored", "settled", "tabled", "undecodable", "written"]

DECIMAL_MAX = 38  # digits of the widest decimal that destinations have
INTEGERS: Mapping[pa.DataType, ColumnType] = {
    pa.int8(): "SHORT",
    pa.int16(): "SHORT",
    pa.int32(): "INT",
    pa.int64(): "LONG",
    pa.uint8(): "SHORT",
    pa.uint16(): "INT",
    pa.uint32(): "LONG",
    pa.uint64(): {"type": "DECIMAL", "precision": 20, "scale": 0},
}
_US, _UTC = pa.timestamp("us"), pa.timestamp("us", "UTC")
_LIMITS = {
    pa.date32(): (date.min, date.max),
    _US: (datetime.min, datetime.max),  # noqa: DTZ901  (such columns have no zone)
    _UTC: (datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)),
}
_FORMS = {
    "decimal": r"^\s*[-+]?\d+(\.\d*)?\s*$",
    "date": r"^\d{4}-\d\d-\d\d$",
    "time": r"^\d{4}-\d\d-\d\d[ T][\d:.]+(\+00)?$",
}
_NATURAL: Mapping[type, pa.DataType] = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
Unfit = Callable[[str, int], None]


def decimal(precision: int, scale: int) -> tuple[pa.DataType, ColumnType]:
    """Return the types of decimals: text, every digit of it, where they are wider than a destination's."""
    if not 0 <= scale <= precision <= DECIMAL_MAX or precision == 0:
        return pa.string(), "STRING"
    return pa.decimal128(precision, scale), {"type": "DECIMAL", "precision": precision, "scale": scale}


def settled(table: pa.Table, columns: Sequence[Column], unfit: Unfit, where: str) -> pa.Table:
    """Return `table` with each column as its Column says; `unfit` is told how many values of which became null."""
    arrays = []
    for column, found in zip(columns, table.columns, strict=True):
        array, lost = _settled(found, column, where)
        if lost:
            unfit(column.name, lost)
        arrays.append(array)
    fields = [
        pa.field(column.name, array.type, metadata=JSON if column.declared == "JSON" else None)
        for column, array in zip(columns, arrays, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def undecodable(table: pa.Table, columns: Sequence[Column]) -> dict[int, str]:
    """Return the rows of which a text, sent as bytes because nothing checks its encoding, is not UTF-8, and its column."""
    found: dict[int, str] = {}
    for column, array in zip(columns, table.columns, strict=True):
        if pa.types.is_string(column.arrow) and pa.types.is_binary(array.type):
            try:
                array.cast(pa.string())
            except pa.ArrowInvalid:
                found |= {at: column.name for at, value in enumerate(array.to_pylist()) if not _is_text(value)}
    return found


def _is_text(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def tabled(rows: Sequence[Sequence[Any]], columns: Sequence[Column]) -> pa.Table:
    """Return rows of a driver as columns: texts, bytes, or values of the column's own type."""
    arrays = [
        _array(list(values), column.arrow) for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _array(values: list[Any], wanted: pa.DataType) -> pa.Array:
    given = next((type(value) for value in values if value is not None), type(None))
    if given is str and not pa.types.is_binary(wanted):
        return pa.array(values, pa.string())
    if given is bytes and pa.types.is_string(wanted):
        return pa.array(values, pa.binary())
    return pa.array(values, _NATURAL.get(given, wanted))  # as another type a number would lose what that cannot hold


def _settled(array: pa.ChunkedArray, column: Column, where: str) -> tuple[pa.ChunkedArray, int]:
    if isinstance(array.type, pa.BaseExtensionType):
        array = pa.chunked_array([chunk.storage for chunk in array.chunks], array.type.storage_type)
    wanted, nulls = column.arrow, array.null_count
    if pa.types.is_null(wanted):  # the values' own type
        return array, 0
    if array.type != wanted:
        array = _cast(array, column, where)
    if wanted in _LIMITS and not _within(array, wanted):
        low, high = _limits(wanted)
        whole = array.cast(pa.int32() if wanted == pa.date32() else pa.int64())
        fits = pc.and_(pc.greater_equal(whole, low), pc.less_equal(whole, high))
        array = pc.if_else(fits, array, pa.scalar(None, wanted))
    return array, array.null_count - nulls


def _limits(wanted: pa.DataType) -> tuple[pa.Scalar, pa.Scalar]:
    whole = pa.int32() if wanted == pa.date32() else pa.int64()
    low, high = (pa.scalar(limit, wanted).cast(whole) for limit in _LIMITS[wanted])
    return low, high


def _within(array: pa.ChunkedArray, wanted: pa.DataType) -> bool:
    whole = pa.int32() if wanted == pa.date32() else pa.int64()
    found = pc.min_max(array.cast(whole)).as_py()
    low, high = _limits(wanted)
    return found["min"] is None or (found["min"] >= low.as_py() and found["max"] <= high.as_py())


def _cast(array: pa.ChunkedArray, column: Column, where: str) -> pa.ChunkedArray:
    wanted = column.arrow
    kind = "decimal" if pa.types.is_decimal(wanted) else "date" if wanted == pa.date32() else "time"
    with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if kind != "date" or not pa.types.is_timestamp(array.type):  # its time of day would be cut off
            return _exact(array, wanted)
    timed = kind == "date" and pa.types.is_string(array.type) and _any(array, _FORMS["time"])
    if pa.types.is_string(array.type) and (wanted in _LIMITS or kind == "decimal") and not timed:
        fits = pc.match_substring_regex(array, _FORMS[kind])
        array = pc.if_else(fits, array, pa.scalar(None, pa.string()))
        try:
            return _exact(array, wanted)
        except pa.ArrowInvalid:
            if wanted in _LIMITS:  # the form of a date, but none: 2024-02-31, 0000-00-00
                return pa.chunked_array([[_parsed(value, wanted) for value in array.to_pylist()]], wanted)
    what = f"column '{column.name}' holds {array.type} that is no {wanted}, as it was when the reading began"
    raise ContractError(what, where=where, hint="its type was changed meanwhile: run the sync again")


def _any(array: pa.ChunkedArray, form: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(array, form)).as_py())


def _exact(array: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if wanted == _UTC and pa.types.is_string(array.type):
        array = pc.replace_substring_regex(array, r"\+00(:00)?$", "Z")
    return array.cast(wanted)


def _parsed(text: str | None, wanted: pa.DataType) -> Any:
    try:
        if text is None:
            return None
        if wanted == pa.date32():
            return date.fromisoformat(text)
        moment = iso(text)
        return moment if moment.tzinfo or wanted != _UTC else moment.replace(tzinfo=timezone.utc)
    except ValueError:
        return None


# -- Positions: what of a key is kept as JSON -----------------------------------------------------------------------------


def written(value: Any) -> Any:
    """Return a record's value as JSON has it; `restored` makes the same value of it."""
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has none of these
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def restored(value: Any, column: Column, where: str) -> Any:
    """Return the value that was `written` of a column. Raises ContractError if the column's type is another by now.

    Texts and numbers have another order: what lies behind a key as the one does not as the other.
    """
    kind = column.arrow
    try:
        if value is None or pa.types.is_null(kind):
            return bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value
        return _restored(value, kind)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        what = f"the saved position does not fit column '{column.name}', which is {column.native or kind} now"
        hint = "raise `version=` of the stream in sync.py, or reset the connection: it is read from the beginning"
        raise ContractError(what, where=where, hint=hint) from error


def _restored(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return _a(bool if pa.types.is_boolean(kind) else int, value)
    if pa.types.is_decimal(kind):
        return Decimal(str(value))
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_binary(kind):
        return bytes.fromhex(value["bytes"])
    if kind == pa.date32():
        return date.fromisoformat(value)
    if pa.types.is_timestamp(kind):
        return iso(_a(str, value))
    return _a(str, value)


def _a(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value
