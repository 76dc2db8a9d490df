"""A column of some rows, kept as the source wrote it until it is known what it has to become.

The SDK sends cells: a byte that says which kind of cell it is, and its text. A destination column may widen as long as
rows arrive, and the text a widened column shows is the source's. So a column keeps its values in a form from which that
text can be had again, most often a typed Arrow array, and is converted only when it is written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fivetran_connector_sdk_core import DataType
from fivetran_connector_sdk_core.constants import (
    CELL_BINARY,
    CELL_DOUBLE,
    CELL_FLOAT,
    CELL_JSON,
    CELL_NULL,
    CELL_SCALAR,
)

from headwater.engine.cells import Cell, Encoding
from headwater.engine.sqltypes import BIGINT, BLOB, BOOLEAN, DOUBLE, FLOAT, JSON, VARCHAR, SqlType, widest
from headwater.engine.texts import LONG_MIN, all_utc_moments, first_typed, type_of_array

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


_FORMS = {
    CELL_SCALAR: Form.TEXT,
    CELL_JSON: Form.JSON,
    CELL_BINARY: Form.BINARY,
    CELL_FLOAT: Form.FLOAT,
    CELL_DOUBLE: Form.DOUBLE,
}
_TYPES = {Form.FLOAT: FLOAT, Form.DOUBLE: DOUBLE, Form.JSON: JSON, Form.BINARY: BLOB}
_INT_RANGE = (-(2**31), 2**31 - 1)


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
    values: Sequence[Any], name: str, encoding: Encoding, declared: SqlType | None, present: pa.Array | None = None
) -> Column:
    """Return the column of Python values, with the same result as if each had been encoded. Raises like `encoding`."""
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if not kinds:
        return Column(Form.TEXT, pa.nulls(len(values), pa.string()), None, len(values), present)
    if len(kinds) == 1 and kinds != {Cell}:
        fast = _homogeneous(values, kinds.pop(), encoding.data_types.get(name), exact=encoding.columns is not None)
        if fast is not None:
            form, array, asked = fast
            return Column(form, array, declared or asked, _first(form, array), present)
    return column_of_cells(encoding.column(values, name), declared, present)


def _homogeneous(
    values: Sequence[Any], kind: type, declared: DataType | None, *, exact: bool
) -> tuple[Form, pa.Array, SqlType | None] | None:
    """Build the column at C speed if all values are of a type that needs no encoding; None if it does.

    `exact`: a float that is not declared is its decimal text (the runtime's rule), not a cell of 32 bits (the SDK's).
    """
    try:
        if kind is str:
            return _of_texts(values, declared)
        if kind is int:
            return _of_integers(values, declared, exact=exact)
        if kind is float:
            return _of_floats(values, declared, exact=exact)
        if kind is bool and declared in (None, DataType.BOOLEAN):
            return Form.BOOL, pa.array(values, pa.bool_()), BOOLEAN
    except (OverflowError, UnicodeError, pa.ArrowInvalid):
        pass  # encoding knows what becomes of such a value, or the words to refuse it with
    return None


def _of_texts(values: Sequence[str | None], declared: DataType | None) -> tuple[Form, pa.Array, SqlType | None] | None:
    if declared not in (None, DataType.STRING, DataType.XML, DataType.UTC_DATETIME):
        return None
    texts = _clean(pa.array(values, pa.string()))
    if declared == DataType.UTC_DATETIME:  # written as the SDK itself writes a moment
        return (Form.TEXT, texts, None) if all_utc_moments(texts) else None
    return Form.TEXT, texts, type_of_array(texts) if declared is None else VARCHAR


def _of_integers(
    values: Sequence[int | None], declared: DataType | None, *, exact: bool
) -> tuple[Form, pa.Array, SqlType | None] | None:
    if declared not in (None, DataType.LONG, DataType.INT, DataType.SHORT):
        return None
    numbers = pa.array(values, pa.int64())
    if declared is None and not exact and pc.index(numbers, LONG_MIN).as_py() >= 0:
        return None  # the one number of 64 bits that the SDK makes a float
    if declared in (DataType.INT, DataType.SHORT):
        bounds = pc.min_max(numbers).as_py()
        if bounds["min"] < _INT_RANGE[0] or bounds["max"] > _INT_RANGE[1]:
            return None
    return Form.INT, numbers, BIGINT


def _of_floats(
    values: Sequence[float | None], declared: DataType | None, *, exact: bool
) -> tuple[Form, pa.Array, SqlType | None] | None:
    if declared not in (None, DataType.DOUBLE, DataType.FLOAT):
        return None
    numbers = pa.array(values, pa.float64(), from_pandas=True)  # NaN becomes null, as it does in the SDK
    if declared == DataType.DOUBLE:
        return Form.DOUBLE, numbers, DOUBLE
    if declared == DataType.FLOAT or not exact:
        return Form.FLOAT, numbers, FLOAT
    if numbers.null_count == values.count(None) and pc.max(pc.abs(numbers)).as_py() != math.inf:
        return Form.REAL, numbers, DOUBLE
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
