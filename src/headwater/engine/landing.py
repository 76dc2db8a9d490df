"""From kept columns to what a destination's column holds: one Arrow array and the SQL expression that casts it."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine.columns import Column, Form, split_cells
from headwater.engine.spelling import (
    DAY_OR_MOMENT,
    UTC_MOMENT,
    as_dates,
    as_decimals,
    as_integers,
    as_moments,
    as_reals,
    date_texts,
    moment_texts,
    shapes_of,
)
from headwater.engine.sqltypes import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    JSON,
    NUMBERS,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
)
from headwater_runtime.values import sdk_value

__all__ = ["MACROS", "Landed", "java_number", "land", "source_texts"]

LEAST_DOUBLE, LEAST_FLOAT = 2.2250738585072014e-308, 1.1754943508222875e-38  # the least normal numbers

_DOUBLE = f"""
CREATE OR REPLACE TEMP MACRO headwater_double(x) AS
CASE WHEN abs(x) < {LEAST_DOUBLE}::DOUBLE THEN 0::DOUBLE ELSE x END"""
_FLOAT = f"""
CREATE OR REPLACE TEMP MACRO headwater_float(x) AS
CASE WHEN abs(x) < {LEAST_FLOAT}::FLOAT THEN 0::FLOAT ELSE x END"""
# A boolean's text counts as 1 or 0 in a column of numbers.
_NUMBER = """
CREATE OR REPLACE TEMP MACRO headwater_number(x) AS
CASE lower(x) WHEN 'true' THEN '1' WHEN 't' THEN '1' WHEN 'false' THEN '0' WHEN 'f' THEN '0'
WHEN '' THEN NULL ELSE x END"""
# In a column of reals NaN is null, in this spelling alone.
_REAL = "CREATE OR REPLACE TEMP MACRO headwater_real(x) AS headwater_number(NULLIF(x, 'NaN'))"
# DuckDB wants an upper-case T, and seconds before a zone.
_MOMENT = "CREATE OR REPLACE TEMP MACRO headwater_moment(x) AS replace(NULLIF(x, ''), 't', 'T')"
_ZONED = """
CREATE OR REPLACE TEMP MACRO headwater_zoned(x) AS
CASE WHEN length(x) IN (17, 22) AND x[17] IN ('Z', '+', '-')
THEN headwater_moment(x[:16] || ':00' || x[17:]) ELSE headwater_moment(x) END"""

MACROS = (_DOUBLE, _FLOAT, _NUMBER, _REAL, _MOMENT, _ZONED)

_NUMERIC_FORMS = frozenset({Form.INT, Form.BOOL, Form.REAL, Form.FLOAT, Form.DOUBLE})
_ZONED_FORMS = frozenset({Form.UTC, Form.INSTANT})
# Forms whose arrays are cast to such a type with the result that their texts would have.
_MOMENTS = {
    Form.DATE: frozenset({DATE, TIMESTAMP, TIMESTAMPTZ}),
    Form.NAIVE: frozenset({TIMESTAMP, TIMESTAMPTZ}),
    Form.UTC: frozenset({TIMESTAMPTZ}),
}
_ARROW = {
    Form.INT: pa.int64(),
    Form.BOOL: pa.bool_(),
    Form.REAL: pa.float64(),
    Form.FLOAT: pa.float64(),
    Form.DOUBLE: pa.float64(),
    Form.TEXT: pa.string(),
    Form.JSON: pa.string(),
    Form.BINARY: pa.binary(),
    Form.DATE: pa.date32(),
    Form.NAIVE: pa.timestamp("us"),
    Form.UTC: pa.timestamp("us", "UTC"),
    Form.INSTANT: pa.timestamp("us", "UTC"),
}
_NARROWER = {"SMALLINT": pa.int16(), "INTEGER": pa.int32()}


@dataclass(frozen=True)
class Landed:
    """`expression` casts the column (written `{0}`) that holds `array` to the target type."""

    array: pa.ChunkedArray
    expression: str


def land(parts: Sequence[Column | int], target: SqlType) -> Landed:
    """Join the parts of one column; a number stands for as many rows that do not name it."""
    columns = [part for part in parts if isinstance(part, Column)]
    valued = [column for column in columns if column.type or column.form != Form.TEXT]
    form = _common_form({column.form for column in valued}, target)
    kind = _ARROW.get(form)
    if kind is None:  # decimals
        kinds = {column.array.type for column in valued}
        form, kind = (form, kinds.pop()) if len(kinds) == 1 else (Form.TEXT, pa.string())
    arrays = [
        pa.nulls(part, kind)
        if isinstance(part, int)
        else (part.array if part.form == form else _converted(part, form, target, kind))
        for part in parts
    ]
    array = pa.chunked_array(arrays, kind)
    if form == Form.TEXT:
        form, array = _parsed(array, target)
    if form == Form.REAL:
        return Landed(_normal(array, target), "{0}")
    if form == Form.DECIMAL and array.type == pa.decimal128(target.precision, target.scale):
        return Landed(array, "{0}")
    if form == Form.INT and target.name in _NARROWER:
        with suppress(pa.ArrowInvalid):  # DuckDB names the number that is too big
            return Landed(pc.cast(array, _NARROWER[target.name]), "{0}")
    return Landed(array, _expression(form, target))


def _parsed(texts: pa.ChunkedArray, target: SqlType) -> tuple[Form, pa.ChunkedArray]:
    """Return the values the texts say, where all are spelled in a usual way: DuckDB takes much longer to read them."""
    form, read = _READ.get(target.name, (Form.TEXT, None))
    if read is None:
        return Form.TEXT, texts
    found = []
    for part in texts.chunks:
        values = read(part, target)
        if values is None:
            return Form.TEXT, texts
        found.append(values)
    return (form, pa.chunked_array(found)) if found else (Form.TEXT, texts)


_READ: Mapping[str, tuple[Form, Callable[[pa.Array, SqlType], pa.Array | None]]] = {
    "SMALLINT": (Form.INT, lambda texts, _: as_integers(texts)),
    "INTEGER": (Form.INT, lambda texts, _: as_integers(texts)),
    "BIGINT": (Form.INT, lambda texts, _: as_integers(texts)),
    "DECIMAL": (Form.DECIMAL, lambda texts, target: as_decimals(texts, target.precision, target.scale)),
    "DOUBLE": (Form.REAL, lambda texts, _: as_reals(texts)),
    "DATE": (Form.DATE, lambda texts, _: as_dates(texts)),
    "TIMESTAMP": (Form.NAIVE, lambda texts, _: as_moments(texts, DAY_OR_MOMENT, shapes_of(texts), zoned=False)),
    "TIMESTAMP WITH TIME ZONE": (
        Form.UTC,
        lambda texts, _: as_moments(texts, UTC_MOMENT, shapes_of(texts), zoned=True),
    ),
}


def _normal(numbers: pa.ChunkedArray, target: SqlType) -> pa.ChunkedArray:
    """Return the numbers as the SDK's runner keeps them: denormal ones and the negative zero are zero."""
    least = LEAST_DOUBLE
    if target == FLOAT:
        numbers, least = pc.cast(numbers, pa.float32(), safe=False), LEAST_FLOAT  # beyond its range is infinity
    return pc.if_else(pc.less(pc.abs(numbers), pa.scalar(least, numbers.type)), pa.scalar(0.0, numbers.type), numbers)


def _common_form(forms: set[Form], target: SqlType) -> Form:
    """Return the form in which all parts can be loaded."""
    if target == JSON:
        return Form.JSON
    if target == BLOB:
        return Form.BINARY if forms <= {Form.BINARY} else Form.TEXT
    if target in (FLOAT, DOUBLE) and forms and forms <= _NUMERIC_FORMS:
        return Form.REAL
    if forms and forms <= _ZONED_FORMS:
        forms = {Form.UTC}
    if len(forms) != 1:
        return Form.TEXT
    (form,) = forms
    if target in _MOMENTS.get(form, ()) or (form == Form.DECIMAL and target.name == "DECIMAL"):
        return form
    if form in (Form.INT, Form.BOOL, Form.TEXT):
        if (form == Form.INT and target == BOOLEAN) or (form == Form.BOOL and target.name == "DECIMAL"):
            return Form.TEXT  # DuckDB takes the number 5 for true and true for 1.00, but their texts for neither
        return form
    return Form.TEXT


def _converted(column: Column, form: Form, target: SqlType, kind: pa.DataType) -> pa.Array:
    if form == Form.REAL and column.form != Form.TEXT:
        return column.array if column.form in (Form.FLOAT, Form.DOUBLE) else _as_double(column.array)
    if form == Form.JSON:
        return _as_json(column)
    if form == Form.TEXT:
        return _as_text(column, target)
    if form == Form.UTC and column.form == Form.INSTANT:
        return column.array
    return pa.nulls(len(column.array), kind)  # nothing but nulls and empty texts


def _as_double(array: pa.Array) -> pa.Array:
    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int64())
    return pc.cast(array, pa.float64(), safe=False)


def _as_text(column: Column, target: SqlType) -> pa.Array:
    """Return the texts from which a column of `target` is cast; for a column of text they are the source's own."""
    if column.form == Form.CELLS:
        return _merged(
            _as_text(Column(form, part, None, 0), target)
            for form, part in split_cells(column.array.to_pylist()).items()
        )
    if column.form in (Form.INT, Form.BOOL):
        return pc.cast(column.array, pa.string())
    if column.form in (Form.FLOAT, Form.DOUBLE, Form.REAL):
        return pa.array([_number_text(column.form, v, target) for v in column.array.to_pylist()], pa.string())
    if column.form == Form.BINARY:
        return pa.array(
            [None if v is None else base64.b64encode(v).decode() for v in column.array.to_pylist()], pa.string()
        )
    return column.array if column.form == Form.TEXT else _TEXTS[column.form](column.array)


def source_texts(column: Column) -> pa.Array:
    """Return the values of a column as the source wrote them."""
    return column.array if column.form == Form.JSON else _as_text(column, VARCHAR)


def _decimal_texts(array: pa.Array) -> pa.Array:
    return pa.array([None if value is None else format(value, "f") for value in array.to_pylist()], pa.string())


_TEXTS: Mapping[Form, Callable[[pa.Array], pa.Array]] = {
    Form.DATE: date_texts,
    Form.NAIVE: moment_texts,
    Form.UTC: moment_texts,
    Form.INSTANT: partial(moment_texts, milliseconds=True),
    Form.DECIMAL: _decimal_texts,
}


def _number_text(form: Form, value: float | None, target: SqlType) -> str | None:
    if value is None:
        return None
    if form == Form.REAL:
        return plain_number(value)
    if target in (VARCHAR, JSON):
        return java_number(value, single=form == Form.FLOAT)
    return repr(value)


def _as_json(column: Column) -> pa.Array:
    """Return JSON texts: a text becomes a JSON string, and so does an integer or a boolean, as the SDK has it."""
    if column.form == Form.JSON:
        return column.array
    if column.form == Form.CELLS:
        return _merged(
            _as_json(Column(form, part, None, 0)) for form, part in split_cells(column.array.to_pylist()).items()
        )
    texts = _as_text(column, JSON).to_pylist()
    if column.form in (Form.FLOAT, Form.DOUBLE):
        return pa.array(texts, pa.string())
    return pa.array([json.dumps(text, ensure_ascii=False) if text else None for text in texts], pa.string())


def _merged(arrays: Iterable[pa.Array]) -> pa.Array:
    return pc.coalesce(*arrays)


def plain_number(value: float) -> str:
    """Return the shortest decimal text of `value`, with a point and without an exponent."""
    return str(sdk_value(value))


def java_number(value: float, *, single: bool) -> str:
    """Return `value` as Java writes a float (`single`) or a double: the text the SDK shows for it in a text column."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    shortest = repr(value)
    if single:
        array = pc.cast(pa.array([value], pa.float64()), pa.float32(), safe=False)
        if math.isinf(array[0].as_py()):
            return "Infinity" if value > 0 else "-Infinity"
        shortest = pc.cast(array, pa.string())[0].as_py()
    sign, digits, exponent = _decimal(shortest)
    if not digits:
        return f"{sign}0.0"
    if -3 <= exponent < 7:  # Java's own bounds for plain notation
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
        whole, fraction = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
        return f"{sign}{whole}.{fraction or '0'}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _decimal(text: str) -> tuple[str, str, int]:
    """Split a decimal text into sign, significant digits and the exponent of the first of them."""
    sign = "-" if text.startswith("-") else ""
    mantissa, _, power = text.lstrip("-").lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    exponent = len(digits) - len(fraction) - 1 + int(power or 0)
    return sign, digits.rstrip("0"), exponent


_AS_IT_IS = {
    (Form.TEXT, VARCHAR),
    (Form.INT, BIGINT),
    (Form.BOOL, BOOLEAN),
    (Form.BINARY, BLOB),
    (Form.DATE, DATE),
    (Form.NAIVE, TIMESTAMP),
    (Form.UTC, TIMESTAMPTZ),
}

_OF_TEXT = {
    BLOB: "from_base64(NULLIF({0}, ''))",  # as bytes are written in a column of text
    BOOLEAN: "CAST(NULLIF({0}, '') AS BOOLEAN)",
    DATE: "CAST(NULLIF({0}, '') AS DATE)",
    TIMESTAMP: "CAST(headwater_moment({0}) AS TIMESTAMP)",
    TIMESTAMPTZ: "CAST(headwater_zoned({0}) AS TIMESTAMP WITH TIME ZONE)",
}


def _expression(form: Form, target: SqlType) -> str:
    if (form, target) in _AS_IT_IS:
        return "{0}"
    if target == DOUBLE:
        return f"headwater_double(CAST({_number_source(form, 'real')} AS DOUBLE))"
    if target == FLOAT:
        return f"headwater_float(CAST({_number_source(form, 'real')} AS FLOAT))"
    if target.name == "DECIMAL" and form == Form.TEXT:
        # The SDK drops a number too big for the column, and fails for what is not a number.
        text, number = "NULLIF({0}, '')", "TRY_CAST({0} AS DOUBLE) IS NOT NULL AND regexp_matches({0}, '[0-9]')"
        return f"COALESCE(TRY_CAST({text} AS {target}), CASE WHEN {number} THEN NULL ELSE CAST({text} AS {target}) END)"
    if target.name == "DECIMAL":
        return f"TRY_CAST({{0}} AS {target})"
    if target.name in NUMBERS:
        return f"CAST({_number_source(form)} AS {target})"
    if form == Form.TEXT and target in _OF_TEXT:
        return _OF_TEXT[target]
    return f"CAST({{0}} AS {target})"


def _number_source(form: Form, kind: str = "number") -> str:
    return f"headwater_{kind}({{0}})" if form == Form.TEXT else "{0}"
