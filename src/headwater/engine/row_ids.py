"""The key of a row without one: the SDK's hash over its cells."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fivetran_connector_sdk_core.constants import CELL_BINARY, CELL_DOUBLE, CELL_FLOAT, CELL_NULL

from headwater.engine.cells import Cells
from headwater.engine.columns import Column, Form
from headwater.engine.landing import source_texts
from headwater.engine.spelling import data_of

__all__ = ["renamed", "row_id", "row_ids"]

_BETWEEN = "\x1f"
_PLAIN = bytes(code for code in range(0x20, 0x7F) if chr(code) not in "'\\")  # what Python shows as it is
_BY_VALUE = frozenset({Form.BINARY, Form.FLOAT, Form.DOUBLE})


def renamed(row: Mapping[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    """Return `row` under the destination's names; the first of two columns of one name counts."""
    found: dict[str, Any] = {}
    for source, value in row.items():
        found.setdefault(rename(source), value)
    return found


def row_id(row: Cells, rename: Callable[[str], str]) -> str:
    """Return the key of a row without one: the SDK's hash over its cells, by column name."""
    cells = sorted(renamed(row, rename).items())
    return _hash(_BETWEEN.join(f"{name}={_cell_value(cell)!r}" for name, cell in cells).encode())


def row_ids(columns: Mapping[str, Column]) -> pa.Array:
    """Return the keys of the rows that have these columns, by the destination's names."""
    cells = [pc.binary_join_element_wise(f"{name}=", _shown(columns[name]), "") for name in sorted(columns)]
    rows = pc.cast(pc.binary_join_element_wise(*cells, _BETWEEN), pa.binary())
    return pa.array(map(_hash, rows.to_pylist()), pa.string())


def _hash(row: bytes) -> str:
    return base64.b64encode(hashlib.sha1(row, usedforsecurity=False).digest()).decode()


def _shown(column: Column) -> pa.Array:
    """Return the values of a column's cells as Python shows them."""
    if column.form == Form.CELLS:
        values = [_cell_value(cell) for cell in column.array.to_pylist()]
    elif column.form in _BY_VALUE:
        values = column.array.to_pylist()
    else:
        texts = source_texts(column)
        if not data_of(texts).translate(None, _PLAIN):
            return pc.fill_null(pc.binary_join_element_wise("'", texts, "'", ""), "None")
        values = texts.to_pylist()
    return pa.array(map(repr, values), pa.string())


def _cell_value(cell: bytes) -> Any:
    kind = cell[0]
    if kind == CELL_NULL:
        return None
    if kind == CELL_BINARY:
        return cell[1:]
    if kind in (CELL_FLOAT, CELL_DOUBLE):
        return float(cell[1:])
    return cell[1:].decode().replace("\0", "")
