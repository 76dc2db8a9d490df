"""From an Arrow array to the form a column is kept in, at C speed, where that surely is what its values would become one by one.

Whatever is not sure, or is an error, is left to the encoding of single values: None stands for that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fivetran_connector_sdk_core import DataType

from headwater.engine.forms import Form
from headwater.engine.spelling import (
    DAY_OR_MOMENT,
    MOMENT,
    UTC_MOMENT,
    array_of,
    as_dates,
    as_integers,
    as_moments,
    as_reals,
    data_of,
    date_texts,
    exact_integers,
    exact_moments,
    in_python,
    moment_texts,
    shapes_of,
    time_texts,
    without_blanks,
)
from headwater.engine.sqltypes import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
)
from headwater.engine.texts import LONG_MIN, all_utc_moments, first_typed, type_of, type_of_array
from headwater_runtime.values import sdk_value

__all__ = ["Typed", "cleaned", "plain", "typed"]

Typed = tuple[Form, pa.Array, SqlType | None]


class _Asked(NamedTuple):
    """What a column's values are to become: the declared type, and whether by the runtime's rules."""

    declared: DataType | None
    exact: bool


_STRINGS = (DataType.STRING, DataType.XML)
_INTEGERS = (DataType.LONG, DataType.INT, DataType.SHORT)
_INT_RANGE = (-(2**31), 2**31 - 1)
_EXACT_DIGITS, _EXACT_SCALE = 10**15, 22  # decimals that a double holds so that its shortest text is theirs
_DECIMAL_TEXT = r"^(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?)?$"  # as Python writes it again; or nothing
_FEW_WORDS = 64
_BOOLEANS = frozenset({"true", "false"})
_DATETIMES = (DataType.UTC_DATETIME, DataType.NAIVE_DATETIME)


def plain(array: pa.Array) -> pa.Array:
    """Return the same values in the type that `typed` knows, where there are several for one thing."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = pc.cast(array, kind.value_type)
        kind = array.type
    if pa.types.is_large_string(kind):
        return pc.cast(array, pa.string())
    if pa.types.is_large_binary(kind):
        return pc.cast(array, pa.binary())
    if pa.types.is_decimal256(kind) and kind.precision <= 38:
        return pc.cast(array, pa.decimal128(kind.precision, kind.scale))
    return array


def typed(array: pa.Array, declared: DataType | None, *, exact: bool) -> Typed | None:
    """Return the form for values of a column that is `declared` (None: it is not), an array, and the type they ask for.

    `exact`: by the runtime's rules; else by the SDK's alone, for which strings, int64, float64 and bool are known here.
    """
    rule = next((rule for known, rule in _RULES if known(array.type)), None)
    try:
        return None if rule is None else rule(array, _Asked(declared, exact))
    except (pa.ArrowInvalid, OverflowError):
        return None  # the encoding has the words to refuse it with


def cleaned(texts: pa.Array) -> pa.Array:
    """Drop NUL characters, as the SDK does."""
    if b"\0" in data_of(texts):  # one look at all of them is quicker than a kernel
        return pc.replace_substring(texts, "\0", "")
    return texts


# -- Texts ------------------------------------------------------------------------------------------------------------


def _texts(array: pa.Array, asked: _Asked) -> Typed | None:
    declared, exact = asked
    if declared is None:
        return _said(cleaned(array))
    if declared in _STRINGS:
        return Form.TEXT, cleaned(array), VARCHAR
    if not exact:  # the SDK takes a moment as it writes one itself
        texts = cleaned(array)
        return (Form.TEXT, texts, None) if declared == DataType.UTC_DATETIME and all_utc_moments(texts) else None
    rule = _DECLARED_TEXTS.get(declared)
    return None if rule is None else rule(array, declared)


def _said(texts: pa.Array) -> Typed:
    """Return the form for texts that nothing is declared for: what they say, if their spelling can be had again from it."""
    start = first_typed(texts)
    guess = None if start is None else type_of(texts[start].as_py())
    if guess in (None, VARCHAR):
        return Form.TEXT, texts, guess
    if guess == BIGINT:
        numbers = exact_integers(texts)
        if numbers is not None:
            return Form.INT, numbers, BIGINT
    elif guess == BOOLEAN:
        words = pc.unique(texts)
        if len(words) <= 3 and _BOOLEANS.issuperset(word for word in words.to_pylist() if word is not None):
            return Form.BOOL, pc.equal(texts, "true"), BOOLEAN
    elif guess == DATE:
        days = as_dates(texts)
        if days is not None:
            return (Form.DATE, days, DATE) if days.null_count == texts.null_count else (Form.TEXT, texts, DATE)
    elif guess in (TIMESTAMP, TIMESTAMPTZ):
        return _said_moments(texts, guess)
    return Form.TEXT, texts, type_of_array(texts)


def _said_moments(texts: pa.Array, guess: SqlType) -> Typed:
    zoned = guess == TIMESTAMPTZ
    shapes = shapes_of(texts)
    moments = as_moments(texts, UTC_MOMENT if zoned else MOMENT, shapes, zoned=zoned)
    if moments is None:
        return Form.TEXT, texts, type_of_array(texts)
    if exact_moments(texts, moments, shapes):
        return (Form.UTC if zoned else Form.NAIVE), moments, guess
    return Form.TEXT, texts, guess


def _integer_texts(texts: pa.Array, declared: DataType) -> Typed | None:
    numbers = as_integers(texts)
    return None if numbers is None else _integers(numbers, _Asked(declared, exact=True))


def _real_texts(texts: pa.Array, declared: DataType) -> Typed | None:
    numbers = as_reals(texts)
    return None if numbers is None else _floats(numbers, _Asked(declared, exact=True))


def _decimal_texts(texts: pa.Array, _declared: DataType) -> Typed | None:
    if not pc.all(pc.match_substring_regex(texts, _DECIMAL_TEXT)).as_py():
        return None
    return Form.TEXT, without_blanks(texts), None


def _boolean_texts(texts: pa.Array, _declared: DataType) -> Typed | None:
    words = pc.dictionary_encode(texts)
    if len(words.dictionary) > _FEW_WORDS:
        return None
    try:
        meant = [sdk_value(word, "BOOLEAN") for word in words.dictionary.to_pylist()]
    except ValueError:
        return None
    return Form.BOOL, pa.array(meant, pa.bool_()).take(words.indices), BOOLEAN


def _day_texts(texts: pa.Array, _declared: DataType) -> Typed | None:
    days = as_dates(texts)
    return None if days is None else (Form.DATE, days, DATE)


def _moment_texts(texts: pa.Array, declared: DataType) -> Typed | None:
    shapes = shapes_of(texts)
    zoned = any(UTC_MOMENT.fullmatch(shape) for shape in shapes)
    moments = as_moments(texts, UTC_MOMENT if zoned else DAY_OR_MOMENT, shapes, zoned=zoned)
    return None if moments is None else _moments(moments, _Asked(declared, exact=True))


_DECLARED_TEXTS: Mapping[DataType, Callable[[pa.Array, DataType], Typed | None]] = {
    DataType.LONG: _integer_texts,
    DataType.INT: _integer_texts,
    DataType.SHORT: _integer_texts,
    DataType.FLOAT: _real_texts,
    DataType.DOUBLE: _real_texts,
    DataType.DECIMAL: _decimal_texts,
    DataType.BOOLEAN: _boolean_texts,
    DataType.NAIVE_DATE: _day_texts,
    DataType.NAIVE_DATETIME: _moment_texts,
    DataType.UTC_DATETIME: _moment_texts,
    DataType.BINARY: lambda texts, _: (Form.BINARY, pc.cast(texts, pa.binary()), BLOB),
}


# -- Numbers ----------------------------------------------------------------------------------------------------------


def _integers(array: pa.Array, asked: _Asked) -> Typed | None:
    declared, exact = asked
    numbers = pc.cast(array, pa.int64())
    if declared in (DataType.DOUBLE, DataType.FLOAT) and exact:
        return _floats(pc.cast(numbers, pa.float64(), safe=False), asked)
    if declared in _STRINGS and exact:
        return Form.TEXT, pc.cast(numbers, pa.string()), VARCHAR
    if declared == DataType.DECIMAL and exact:
        return Form.INT, numbers, None
    if declared is not None and declared not in _INTEGERS:
        return None
    if declared is None and not exact and pc.index(numbers, LONG_MIN).as_py() >= 0:
        return None  # the one number of 64 bits that the SDK makes a float
    if declared in (DataType.INT, DataType.SHORT):
        bounds = pc.min_max(numbers).as_py()
        if bounds["min"] is not None and (bounds["min"] < _INT_RANGE[0] or bounds["max"] > _INT_RANGE[1]):
            return None
    return Form.INT, numbers, BIGINT


def _floats(array: pa.Array, asked: _Asked) -> Typed | None:
    declared, exact = asked
    if declared not in (None, DataType.DOUBLE, DataType.FLOAT):
        return None
    numbers = pc.cast(array, pa.float64())
    odd = bool(pc.any(pc.is_nan(numbers)).as_py())
    if odd:  # NaN becomes null, as it does in the SDK
        numbers = pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    if declared == DataType.DOUBLE:
        return Form.DOUBLE, numbers, DOUBLE
    if declared == DataType.FLOAT or not exact:
        return Form.FLOAT, numbers, FLOAT
    most = pc.max(pc.abs(numbers)).as_py()
    return None if most == math.inf or (odd and most is None) else (Form.REAL, numbers, DOUBLE)


def _decimals(array: pa.Array, asked: _Asked) -> Typed | None:
    declared = asked.declared
    precision, scale = array.type.precision, array.type.scale
    if declared == DataType.DECIMAL:
        return (Form.DECIMAL, array, None) if pa.types.is_decimal128(array.type) and 0 <= scale <= precision else None
    if declared in _INTEGERS:
        return _integers(array, asked)
    numbers = _exact_doubles(array)
    return None if numbers is None else _floats(numbers, asked)


def _exact_doubles(decimals: pa.Array) -> pa.Array | None:
    """Return the same numbers as doubles, if each double's shortest text is the number; None if that is not sure."""
    if not pa.types.is_decimal128(decimals.type) or not 0 <= decimals.type.scale <= _EXACT_SCALE:
        return None
    words = np.frombuffer(decimals.buffers()[1], np.int64)[2 * decimals.offset : 2 * (decimals.offset + len(decimals))]
    low, high = words[0::2], words[1::2]
    valid = pc.is_valid(decimals) if decimals.null_count else None
    if valid is not None:
        missing = pc.invert(valid).to_numpy(zero_copy_only=False)
        low, high = np.where(missing, 0, low), np.where(missing, 0, high)
    if bool(((high != low >> 63) | (low >= _EXACT_DIGITS) | (low <= -_EXACT_DIGITS)).any()):
        return None
    return array_of(low / 10.0**decimals.type.scale, valid)


def _booleans(array: pa.Array, asked: _Asked) -> Typed | None:
    declared, exact = asked
    if declared in _STRINGS and exact:
        return Form.TEXT, pc.cast(array, pa.string()), VARCHAR
    return (Form.BOOL, array, BOOLEAN) if declared in (None, DataType.BOOLEAN) else None


# -- Moments and bytes ------------------------------------------------------------------------------------------------


def _days(array: pa.Array, asked: _Asked) -> Typed | None:
    declared = asked.declared
    if not in_python(array):
        return None
    if declared in (None, DataType.NAIVE_DATE):
        return Form.DATE, array, DATE
    if declared in _STRINGS:
        return Form.TEXT, date_texts(array), VARCHAR
    if declared in _DATETIMES:
        return _moments(pc.cast(array, pa.timestamp("us")), asked)
    return None


def _moments(array: pa.Array, asked: _Asked) -> Typed | None:
    declared = asked.declared
    zone = array.type.tz
    if array.type.unit != "us" or zone not in (None, "UTC") or not in_python(array):
        return None
    if declared is None:
        return (Form.NAIVE, array, TIMESTAMP) if zone is None else (Form.UTC, array, TIMESTAMPTZ)
    if declared in _STRINGS:
        return Form.TEXT, moment_texts(array), VARCHAR
    if declared == DataType.NAIVE_DATETIME:
        return Form.NAIVE, pc.cast(array, pa.timestamp("us")), TIMESTAMP
    if declared == DataType.UTC_DATETIME:
        return Form.INSTANT, _in_utc(array), TIMESTAMPTZ
    return None


def _in_utc(moments: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(moments, pa.int64()), pa.timestamp("us", "UTC"))


def _times(array: pa.Array, asked: _Asked) -> Typed | None:
    declared = asked.declared
    return (Form.TEXT, time_texts(array), VARCHAR) if declared is None or declared in _STRINGS else None


def _bytes(array: pa.Array, asked: _Asked) -> Typed | None:
    declared = asked.declared
    return (Form.BINARY, array, BLOB) if declared in (None, DataType.BINARY) else None


def _is_time(kind: pa.DataType) -> bool:
    return bool(kind == pa.time64("us"))


_RULES: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array, _Asked], Typed | None]], ...] = (
    (pa.types.is_string, _texts),
    (pa.types.is_integer, _integers),
    (pa.types.is_floating, _floats),
    (pa.types.is_boolean, _booleans),
    (pa.types.is_timestamp, _moments),
    (pa.types.is_date32, _days),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_binary, _bytes),
    (_is_time, _times),
)
