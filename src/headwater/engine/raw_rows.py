"""Rows of hand-written connectors on their way to the sink, as the connector gave them.

The SDK encodes each value of a row as it is emitted; columns of thousands of values are made from the values themselves at a
tenth of the cost. So while a connector runs here, a row whose values need no encoding goes to the sink as it is. What the SDK
would refuse, or change, goes through the SDK: the errors are its own, raised where it raises them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson
from fivetran_connector_sdk_cli import operations
from fivetran_connector_sdk_cli.records import make_record
from fivetran_connector_sdk_cli.type_coercion import encode_row_data
from fivetran_connector_sdk_core import DataType, RecordType

from headwater.engine.cells import Cell
from headwater.engine.texts import LONG_MAX, LONG_MIN

__all__ = ["RawRow", "raw_rows"]

_SEAM = "_build_row_data_record"  # what the SDK's upsert and update call to encode a row
_NONE = type(None)
_PLAIN = frozenset({str, int, float, bool, _NONE})
# Values of these types are the column's as they are; of others the SDK decides.
_SAFE: Mapping[DataType, frozenset[type]] = {
    DataType.STRING: frozenset({str}),
    DataType.XML: frozenset({str}),
    DataType.FLOAT: frozenset({float}),
    DataType.DOUBLE: frozenset({float}),
    DataType.BOOLEAN: frozenset({bool}),
}
_NOTHING: frozenset[type] = frozenset()


class RawRow(NamedTuple):
    """A row as the connector gave it: nothing of it is encoded but what is a `Cell`. Named like the SDK's own record."""

    table: str
    type: RecordType
    row_data: Mapping[str, Any]
    schema: str | None


@contextmanager
def raw_rows() -> Iterator[None]:
    """Let the SDK's upsert and update hand over RawRows where they can. An SDK without the seam goes on as it is."""
    encoded = getattr(operations, _SEAM, None)
    if encoded is None:
        yield
        return
    setattr(operations, _SEAM, _builder(encoded))
    try:
        yield
    finally:
        setattr(operations, _SEAM, encoded)


def _builder(encoded: Callable[..., Any]) -> Callable[..., Any]:
    """Return the stand-in for `encoded`, the SDK's own."""
    declared: dict[tuple[str | None, str], Mapping[str, DataType]] = {}

    def build(schema: str | None, table: str, data: Any, kind: RecordType, file: Any) -> Any:
        if file is not None or type(data) is not dict:
            return encoded(schema, table, data, kind, file)
        types = declared.get((schema, table))
        if types is None:
            make_record(table, kind, {}, schema)  # refuses a name as the SDK does
            types = _declared(schema, table)
            declared[schema, table] = types
        row = data.copy() if not types and _PLAIN.issuperset(map(type, data.values())) else _raw(data, types)
        try:
            orjson.dumps(
                row, default=_skipped
            )  # no text that is not Unicode, no number beyond 64 bits, no name but a text
        except TypeError:
            row = None
        return encoded(schema, table, data, kind, file) if row is None else RawRow(table, kind, row, schema)

    return build


def _declared(schema: str | None, table: str) -> Mapping[str, DataType]:
    columns = operations._get_columns(schema, table)  # noqa: SLF001  (a reader of the registry, beside the seam)
    return {name: kind for name, kind in columns.items() if kind != DataType.UNSPECIFIED}


def _raw(data: dict[str, Any], types: Mapping[str, DataType]) -> dict[str, Any] | None:
    """Return a copy of `data`, with what needs it encoded; None if the SDK refuses a value, as it will again."""
    row = data.copy()
    try:
        for name, value in data.items():
            kind = type(value)
            if kind is not _NONE and not _is_safe(value, kind, types.get(name)):
                row[name] = Cell(encode_row_data(types, {name: value})[name])
    except Exception:  # noqa: BLE001  (whatever it is)
        return None
    return row


def _is_safe(value: Any, kind: type, declared: DataType | None) -> bool:
    if declared is None:
        return kind in _PLAIN
    if kind is int and declared == DataType.LONG:
        return bool(LONG_MIN <= value <= LONG_MAX)
    return kind in _SAFE.get(declared, _NOTHING)


def _skipped(_: Any) -> None:
    """Stand for a Cell, whose value has been looked at."""
