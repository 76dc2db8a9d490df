"""A column of some rows, kept as the source wrote it until it is known what it has to become.

The SDK sends cells: a byte that says which kind of cell it is, and its text. A destination column may widen as long as
rows arrive, and the text a widened column shows is the source's. So a column keeps its values in a form from which that
text can be had again, most often a typed Arrow array, and is converted only when it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fivetran_connector_sdk_core.constants import (
    CELL_BINARY,
    CELL_DOUBLE,
    CELL_FLOAT,
    CELL_JSON,
    CELL_NULL,
    CELL_SCALAR,
)

from headwater.engine.cells import Encoding
from headwater.engine.forms import Form
from headwater.engine.sqltypes import BLOB, DOUBLE, FLOAT, JSON, SqlType, widest
from headwater.engine.texts import first_typed, type_of_array
from headwater.engine.typed import Typed, cleaned, plain, typed

__all__ = ["Column", "Form", "column_of_array", "column_of_cells", "column_of_values", "split_cells"]


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
_ARROW_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def column_of_cells(cells: Sequence[bytes | None], declared: SqlType | None, present: pa.Array | None = None) -> Column:
    """Return the column of the SDK's cells; None stands for a row that does not name the column."""
    forms = split_cells(cells)
    if not forms:
        return _blank(len(cells), present)
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
        return _blank(len(values), present)
    array = _array(values, kinds.pop()) if len(kinds) == 1 else None
    if array is not None:
        fast = typed(array, encoding.data_types.get(name), exact=encoding.columns is not None)
        if fast is not None:
            return _typed_column(fast, declared, present)
    return column_of_cells(encoding.column(values, name), declared, present)


def column_of_array(array: pa.Array, name: str, encoding: Encoding, declared: SqlType | None) -> Column:
    """Return the column of an Arrow array, with the same result as if each of its values had been encoded. Raises likewise.

    The array's type is one of those a `Batch` may hold; what is not known to be quick goes through its values.
    """
    if array.null_count == len(array):
        return _blank(len(array), None)
    array = plain(array)
    fast = typed(array, encoding.data_types.get(name), exact=True)
    if fast is None:
        return column_of_values(array.to_pylist(), name, encoding, declared)
    return _typed_column(fast, declared, None)


def _typed_column(fast: Typed, declared: SqlType | None, present: pa.Array | None) -> Column:
    form, array, asked = fast
    if array.null_count == len(array) and form not in (Form.FLOAT, Form.DOUBLE):  # of nothing but empty texts
        return _blank(len(array), present)
    return Column(form, array, declared or asked, _first(form, array), present)


def _blank(length: int, present: pa.Array | None) -> Column:
    return Column(Form.TEXT, pa.nulls(length, pa.string()), None, length, present)


def _array(values: Sequence[Any], kind: type) -> pa.Array | None:
    """Return the values as an array if all are of a type that needs no encoding; None if it does."""
    try:
        return pa.array(values, _ARROW_TYPES[kind]) if kind in _ARROW_TYPES else None
    except (OverflowError, UnicodeError, pa.ArrowInvalid):
        return None  # encoding knows what becomes of such a value, or the words to refuse it with


def _payload(form: Form, payload: list[bytes | None]) -> pa.Array:
    if form == Form.BINARY:
        return pa.array(payload, pa.binary())
    if form in (Form.FLOAT, Form.DOUBLE):
        return pa.array([None if text is None else float(text) for text in payload], pa.float64(), from_pandas=True)
    return cleaned(pa.array(payload, pa.string()))


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
