"""A column of some rows, kept as the source wrote it until it is known what it has to become.

The SDK sends cells: a byte that says which kind of cell it is, and its text. A destination column may widen as long as
rows arrive, and the text a widened column shows is the source's. So a column keeps its values in a form from which that
text can be had again, most often a typed Arrow array, and is converted only when it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fivetran_connector_sdk_cli.type_coercion import encode_row_data
from fivetran_connector_sdk_core import DataType
from fivetran_connector_sdk_core.constants import (
    CELL_BINARY,
    CELL_DOUBLE,
    CELL_FLOAT,
    CELL_JSON,
    CELL_NULL,
    CELL_SCALAR,
)

from headwater.engine.sqltypes import BIGINT, BLOB, BOOLEAN, DOUBLE, FLOAT, JSON, VARCHAR, SqlType, widest
from headwater.engine.texts import first_typed, type_of_array
from headwater_runtime.values import sdk_row

__all__ = ["Column", "Form", "column_of_cells", "column_of_values", "split_cells"]


class Form(Enum):
    """How a column keeps its values. Each is an Arrow array; the comment says of what."""

    INT = "int"  # int64
    BOOL = "bool"  # bool
    REAL = "real"  # float64, from numbers the SDK would get as decimal text
    FLOAT = "float"  # float64, from the SDK's float cells (32 bits on Fivetran)
    DOUBLE = "double"  # float64, from the SDK's double cells
    TEXT = "text"  # string
    JSON = "json"  # string, JSON text
    BINARY = "binary"  # binary
    CELLS = "cells"  # binary, the SDK's cells as they are: values of several kinds


@dataclass(frozen=True)
class Column:
    """`type` is what the values ask for (None: nothing but nulls and empty texts); `first` where the first of them is.

    `present` tells, row by row, whether the row named the column at all; None: every row did, or it does not matter.
    """

    form: Form
    array: pa.Array
    type: SqlType | None
    first: int
    present: pa.Array | None = None


_NULL_CELL = bytes([CELL_NULL])
_FORMS = {
    CELL_SCALAR: Form.TEXT,
    CELL_JSON: Form.JSON,
    CELL_BINARY: Form.BINARY,
    CELL_FLOAT: Form.FLOAT,
    CELL_DOUBLE: Form.DOUBLE,
}
_TYPES = {Form.FLOAT: FLOAT, Form.DOUBLE: DOUBLE, Form.JSON: JSON, Form.BINARY: BLOB}
LONG_MAX = 2**63 - 1


def column_of_cells(cells: Sequence[bytes | None], declared: SqlType | None, present: pa.Array | None = None) -> Column:
    """Return the column of the SDK's cells; None stands for a row that does not name the column."""
    forms = split_cells(cells)
    if not forms:
        return Column(Form.TEXT, pa.nulls(len(cells), pa.string()), None, len(cells), present)
    first = min(_first(form, part) for form, part in forms.items())
    asked = declared or widest(_type_of_form(form, part) for form, part in forms.items())
    if len(forms) > 1:
        return Column(Form.CELLS, pa.array(cells, pa.binary()), asked, first, present)
    ((form, part),) = forms.items()
    return Column(form, part, asked, first, present)


def split_cells(cells: Sequence[bytes | None]) -> dict[Form, pa.Array]:
    """Return, for each form that occurs, an array as long as `cells` with the values of that form and nulls elsewhere."""
    found = {cell[0] for cell in cells if cell is not None}
    whole = len(found) == 1 and None not in cells
    parts = {}
    for prefix in found - {CELL_NULL}:
        payload: list[bytes | None] = (
            [cell[1:] for cell in cells if cell]
            if whole
            else [cell[1:] if cell is not None and cell[0] == prefix else None for cell in cells]
        )
        parts[_FORMS[prefix]] = _payload(_FORMS[prefix], payload)
    return parts


def column_of_values(
    values: Sequence[Any],
    declared: Any,
    kind: tuple[DataType | None, SqlType | None],
    where: str,
    present: pa.Array | None,
) -> Column:
    """Return the column of Python values, with the same result as if each had gone through the SDK's operations.

    `declared` is the runtime's declaration of the column's type, `kind` the same in the SDK's words and in SQL's.
    """
    fast = _homogeneous(values, kind[0])
    if fast is not None:
        form, array, asked = fast
        return Column(form, array, kind[1] or asked, _first(form, array), present)
    columns = {} if declared is None else {where: declared}
    types = {} if kind[0] is None else {where: kind[0]}
    cells = [_cell(value, where, columns, types) for value in values]
    return column_of_cells(cells, kind[1], present)


def _cell(value: Any, name: str, columns: Mapping[str, Any], types: Mapping[str, DataType]) -> bytes:
    if value is None:
        return _NULL_CELL
    encoded: dict[str, bytes] = encode_row_data(types, sdk_row({name: value}, columns))
    return encoded[name]


def _homogeneous(values: Sequence[Any], declared: DataType | None) -> tuple[Form, pa.Array, SqlType | None] | None:
    """Build the column at C speed if all values are of one type that needs no conversion; None if they are not."""
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return Form.TEXT, pa.nulls(len(values), pa.string()), None
    if len(kinds) > 1:
        return None
    kind = kinds.pop()
    if kind is str and declared in (None, DataType.STRING, DataType.XML):
        texts = _clean(pa.array(values, pa.string()))
        return Form.TEXT, texts, type_of_array(texts) if declared is None else VARCHAR
    if kind is int and declared in (None, DataType.LONG):
        try:
            return Form.INT, pa.array(values, pa.int64()), BIGINT
        except (OverflowError, pa.ArrowInvalid):
            return None
    if kind is float and declared in (None, DataType.DOUBLE):
        numbers = pa.array(values, pa.float64(), from_pandas=True)  # NaN becomes null, as it does in the SDK
        if declared is not None:
            return Form.DOUBLE, numbers, DOUBLE
        if numbers.null_count == values.count(None) and not pc.any(pc.is_inf(numbers)).as_py():
            return Form.REAL, numbers, DOUBLE
    if kind is bool and declared in (None, DataType.BOOLEAN):
        return Form.BOOL, pa.array(values, pa.bool_()), BOOLEAN
    return None


def _payload(form: Form, payload: list[bytes | None]) -> pa.Array:
    if form == Form.BINARY:
        return pa.array(payload, pa.binary())
    if form in (Form.FLOAT, Form.DOUBLE):
        return pa.array([None if text is None else float(text) for text in payload], pa.float64(), from_pandas=True)
    return _clean(pa.array(payload, pa.string()))


def _clean(texts: pa.Array) -> pa.Array:
    """Drop NUL characters, as the SDK does."""
    data = texts.buffers()[2]
    if data is not None and b"\0" in data.to_pybytes():  # one look at all of them is quicker than a kernel
        return pc.replace_substring(texts, "\0", "")
    return texts


def _type_of_form(form: Form, part: pa.Array) -> SqlType | None:
    return type_of_array(part) if form == Form.TEXT else _TYPES[form]


def _first(form: Form, array: pa.Array) -> int:
    if form != Form.TEXT and len(array) and array[0].is_valid:
        return 0
    if form == Form.TEXT:
        start = first_typed(array)
    else:
        index = pc.index(array.is_valid(), True).as_py()
        start = None if index < 0 else index
    return len(array) if start is None else start
