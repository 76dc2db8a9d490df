"""Numbers and moments in texts, and back: whole columns at C speed, where every text is spelled in one of the usual ways.

What these functions cannot tell for sure they leave to others: None says nothing about the texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "DAY",
    "DAY_OR_MOMENT",
    "MOMENT",
    "UTC_MOMENT",
    "array_of",
    "as_dates",
    "as_decimals",
    "as_integers",
    "as_moments",
    "as_reals",
    "data_of",
    "date_texts",
    "exact_integers",
    "exact_moments",
    "in_python",
    "moment_texts",
    "shapes_of",
    "time_texts",
    "without_blanks",
]

_INTEGER_SIGNS = b"-0123456789"
_REAL_SIGNS = b".-0123456789"
_TO_ZEROS = bytes(ord("0") if ord("0") <= code <= ord("9") else code for code in range(256))
_LONG_MIN = -(2**63)
_SURELY_FINITE = 200  # a decimal text of so many characters, without an exponent, is finite
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # the years 1 to 9999, which Python's dates have, in days since 1970
_DAY = 86_400_000_000  # microseconds

# Texts with every digit written as 0.
_SECONDS = r"(?::00(?:\.0{1,6})?)?"
DAY = re.compile(r"0000-00-00")
MOMENT = re.compile(rf"0000-00-00[T ]00:00{_SECONDS}")
UTC_MOMENT = re.compile(rf"0000-00-00T00:00{_SECONDS}(?:Z|[+-]00:00)")
DAY_OR_MOMENT = re.compile(rf"{DAY.pattern}|{MOMENT.pattern}")
_PLAIN_SHAPES = frozenset({"0000-00-00T00:00:00", "0000-00-00T00:00:00.000000"})


def data_of(texts: pa.Array) -> bytes:
    """Return the bytes of all texts, one after the other; what a null may hide among them is there too."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return b""
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return bytes(memoryview(data)[int(places[0]) : int(places[-1])])


def array_of(values: npt.NDArray[Any], valid: pa.Array | None = None) -> pa.Array:
    """Return numbers of numpy's as Arrow's, null where `valid` is false. `pa.array` would import all of numpy.ma for it."""
    kind = pa.from_numpy_dtype(values.dtype)
    validity = None if valid is None else valid.buffers()[1]
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(np.ascontiguousarray(values))])


def without_blanks(texts: pa.Array) -> pa.Array:
    """Return the texts with nulls in place of the empty ones."""
    if pc.min(pc.binary_length(texts)).as_py() != 0:
        return texts
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def as_integers(texts: pa.Array) -> pa.Array | None:
    """Return the integers the texts say, null for the empty text; None unless all are digits, a minus at most before them."""
    if data_of(texts).translate(None, _INTEGER_SIGNS):
        return None
    return _cast(without_blanks(texts), pa.int64())


def exact_integers(texts: pa.Array) -> pa.Array | None:
    """Return the integers the texts say if each is written as its number is; None if one is not, or empty."""
    numbers = as_integers(texts)
    if numbers is None or numbers.null_count != texts.null_count:
        return None
    # No other spelling in digits is as short as the number's own, so one sum tells of all of them.
    length = pc.sum(pc.binary_length(texts)).as_py() or 0
    return numbers if _written_length(numbers) == length else None


def _written_length(numbers: pa.Array) -> int:
    values = numbers.drop_null().to_numpy()
    if not len(values) or values.min() == _LONG_MIN:  # which has no positive counterpart
        return 0
    length, negative = len(values), int((values < 0).sum())
    if negative:
        values = np.abs(values)
        length += negative
    most = int(values.max())
    bound = 10
    while bound <= most:
        length += int((values >= bound).sum())
        bound *= 10
    return length


def as_reals(texts: pa.Array) -> pa.Array | None:
    """Return the numbers the texts say, null for the empty text; None unless all are digits with at most a point and a minus."""
    if data_of(texts).translate(None, _REAL_SIGNS):
        return None
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > _SURELY_FINITE:
        return None
    return _cast(without_blanks(texts), pa.float64())


def as_decimals(texts: pa.Array, precision: int, scale: int) -> pa.Array | None:
    """Return the decimals the texts say, null for the empty text; None unless all are as for reals, and fit without rounding."""
    if data_of(texts).translate(None, _REAL_SIGNS):
        return None
    return _cast(without_blanks(texts), pa.decimal128(precision, scale))


def shapes_of(texts: pa.Array) -> list[str]:
    """Return the different texts there are when every digit is written as 0: a few, where texts are of one kind."""
    validity, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return []
    places = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    zeros = data_of(texts).translate(_TO_ZEROS)
    uniform = _uniform_shape(texts, places, zeros)
    if uniform is not None:
        return [uniform]
    moved = pa.py_buffer(np.ascontiguousarray(places - places[0]))
    if texts.null_count and texts.offset:
        validity = pc.is_valid(texts).buffers()[1]
    masked = pa.Array.from_buffers(
        pa.string(), len(texts), [validity if texts.null_count else None, moved, pa.py_buffer(zeros)]
    )
    return [shape for shape in pc.unique(masked).to_pylist() if shape is not None]


def _uniform_shape(texts: pa.Array, places: npt.NDArray[np.int32], zeros: bytes) -> str | None:
    """Return the one shape of all texts, if it is one and none is null."""
    if texts.null_count:
        return None
    length = int(places[1] - places[0])
    if length * len(texts) != len(zeros) or not bool((np.diff(places) == length).all()):
        return None
    shape = zeros[:length]
    return shape.decode("utf-8", "replace") if zeros == shape * len(texts) else None


def as_dates(texts: pa.Array) -> pa.Array | None:
    """Return the days the texts say, null for the empty text; None unless all are written 2024-02-29 and from the year 1."""
    if not all(DAY.fullmatch(shape) for shape in shapes_of(texts) if shape):
        return None
    days = _cast(without_blanks(texts), pa.date32())
    return days if days is not None and in_python(days) else None


def as_moments(texts: pa.Array, pattern: re.Pattern[str], shapes: Sequence[str], *, zoned: bool) -> pa.Array | None:
    """Return the moments the texts say, null for the empty text; None unless all `shapes` are such and from the year 1."""
    if not all(pattern.fullmatch(shape) for shape in shapes if shape):
        return None
    moments = _cast(without_blanks(texts), pa.timestamp("us", "UTC") if zoned else pa.timestamp("us"))
    return moments if moments is not None and in_python(moments) else None


def exact_moments(texts: pa.Array, moments: pa.Array, shapes: Sequence[str]) -> bool:
    """Tell whether the texts, whose shapes and moments these are, are those that `moment_texts` makes of the moments."""
    ending = "Z" if moments.type.tz else ""
    if not all(shape.endswith(ending) and shape.removesuffix(ending) in _PLAIN_SHAPES for shape in shapes):
        return False
    fractions = int((moments.drop_null().cast(pa.int64()).to_numpy() % 1_000_000 != 0).sum())
    return data_of(texts).count(b".") == fractions and texts.null_count == moments.null_count


def date_texts(days: pa.Array) -> pa.Array:
    """Return days as texts: 2024-02-29."""
    return pc.cast(days, pa.string())


def moment_texts(moments: pa.Array, *, milliseconds: bool = False) -> pa.Array:
    """Return moments as Python's isoformat writes them, with a Z if they have a zone: no fraction, or six digits of one.

    `milliseconds`: where they suffice, three digits, as the SDK writes the moments of a declared column.
    """
    texts = pc.cast(pc.cast(moments, pa.timestamp("us")), pa.string())
    texts = pc.replace_substring(texts, " ", "T", max_replacements=1)
    texts = pc.replace_substring_regex(texts, r"\.000000$", "")
    if milliseconds:
        texts = pc.replace_substring_regex(texts, r"(\.[0-9]{3})000$", r"\1")
    return pc.binary_join_element_wise(texts, "Z", "") if moments.type.tz else texts


def in_python(values: pa.Array) -> bool:
    """Tell whether Python has all these days or moments: its years are 1 to 9999."""
    day = 1 if pa.types.is_date32(values.type) else _DAY
    bounds = pc.min_max(pc.cast(values, pa.int32() if day == 1 else pa.int64()))
    least, most = bounds["min"].as_py(), bounds["max"].as_py()
    return least is None or (least >= _FIRST_DAY * day and most < (_LAST_DAY + 1) * day)


def time_texts(times: pa.Array) -> pa.Array:
    """Return times of day in microseconds as Python's isoformat writes them."""
    return pc.replace_substring_regex(pc.cast(times, pa.string()), r"\.000000$", "")


def _cast(texts: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        return pc.cast(texts, kind)
    except pa.ArrowInvalid:
        return None
