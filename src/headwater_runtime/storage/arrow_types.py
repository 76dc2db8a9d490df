"""Arrow columns of any type, made into the types that a batch may hold, each value of which Python can hold too.

What that changes is little and told: moments are kept to the microsecond. A row with a moment, day or time that is no
Python value (the year 12000) is bad.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["ODD", "Normal", "normal", "plain_type"]

DAY = 86_400_000_000  # microseconds
SECONDS = (-62_135_596_800, 253_402_300_799)  # from the start of the year 1 to the end of 9999, since 1970
DAYS = (-719_162, 2_932_896)
PARTS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}  # of a second
FINER = "moments are finer than a microsecond: what is beyond it is cut"
ODD = "it holds a moment outside the years 1 to 9999, a text that is not UTF-8, or a struct with two fields of one name"


class Normal(NamedTuple):
    """A table of plain types, the rows that cannot be in it, and what has changed."""

    table: Any
    bad: list[int]
    notes: tuple[str, ...]


def normal(table: Any) -> Normal:
    """Return `table` with plain types only. `bad` are offsets of rows that are left out."""
    columns: list[Any] = []
    notes: set[str] = set()
    wrong: Any = None
    for column in table.columns:
        odd = _odd(column)
        if odd is not None:
            column = pc.if_else(odd, pa.scalar(None, column.type), column)  # noqa: PLW2901
            wrong = odd if wrong is None else pc.or_(wrong, odd)
        columns.append(_plain(column, notes))
    made = pa.table(columns, names=list(table.schema.names)) if columns else table
    if wrong is None:
        return Normal(made, [], tuple(sorted(notes)))
    bad = [index for index, is_wrong in enumerate(wrong.to_pylist()) if is_wrong]
    return Normal(made.filter(pc.invert(wrong)), bad, tuple(sorted(notes)))


def plain_type(kind: Any) -> Any:
    """Return the type a batch holds values of `kind` in."""
    for is_such, made in _RULES:
        if is_such(kind):
            return made(kind)
    return kind


def _struct(kind: Any) -> Any:
    return pa.struct([(field.name, plain_type(field.type)) for field in kind])


def _map(kind: Any) -> Any:
    return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))


def _dictionary(kind: Any) -> Any:
    value = plain_type(kind.value_type)
    return kind if value.equals(kind.value_type) and pa.types.is_string(value) else value


def _is(*names: str) -> Callable[[Any], bool]:
    tests = [
        test for name in names if (test := getattr(pa.types, f"is_{name}", None))
    ]  # newer types are not everywhere
    return lambda kind: any(test(kind) for test in tests)


_RULES: Sequence[tuple[Callable[[Any], bool], Callable[[Any], Any]]] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), lambda kind: plain_type(kind.storage_type)),
    (_is("timestamp"), lambda kind: pa.timestamp("us", "UTC" if kind.tz else None)),
    (_is("time"), lambda _: pa.time64("us")),
    (_is("date64"), lambda _: pa.date32()),
    (_is("float16"), lambda _: pa.float32()),
    (_is("decimal32", "decimal64"), lambda kind: pa.decimal128(max(kind.precision, 1), kind.scale)),
    (_is("string_view"), lambda _: pa.string()),
    (_is("fixed_size_binary", "binary_view"), lambda _: pa.binary()),
    (_is("duration"), lambda _: pa.string()),
    (
        _is("list", "large_list", "fixed_size_list", "list_view", "large_list_view"),
        lambda kind: pa.list_(plain_type(kind.value_type)),
    ),
    (_is("struct"), _struct),
    (_is("map"), _map),
    (_is("dictionary"), _dictionary),
    (_is("run_end_encoded"), lambda kind: plain_type(kind.value_type)),
)


def _plain(column: Any, notes: set[str]) -> Any:
    kind = column.type
    wanted = plain_type(kind)
    if wanted.equals(kind):
        return column
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type), notes)
    if pa.types.is_duration(kind):
        return _texts_of(column, wanted)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return _microseconds(column, wanted, notes)
    if _is("run_end_encoded")(kind):
        decoded = [pc.run_end_decode(chunk) for chunk in column.chunks]
        return _plain(pa.chunked_array(decoded, kind.value_type), notes)
    if _within(kind, _is("list_view", "large_list_view")):  # Arrow casts these wrongly
        return pa.chunked_array([pa.array(column.to_pylist(), wanted)])
    if _within(kind, lambda one: getattr(one, "unit", "") == "ns"):
        notes.add(FINER)
    return column.cast(wanted, safe=False)


def _microseconds(column: Any, wanted: Any, notes: set[str]) -> Any:
    """Cut nanoseconds, always to the microsecond before."""
    nanoseconds = column.cast(pa.int64())
    cut = pc.divide(nanoseconds, 1_000)  # towards zero
    left = pc.subtract(nanoseconds, pc.multiply(cut, 1_000))
    if pc.any(pc.not_equal(left, 0)).as_py():
        notes.add(FINER)
        cut = pc.if_else(pc.less(left, 0), pc.subtract(cut, 1), cut)
    return cut.cast(wanted)


def _texts_of(column: Any, wanted: Any) -> Any:
    """Write durations as ISO 8601 has them, in seconds."""
    parts = PARTS[column.type.unit]
    found = [None if one is None else _seconds(one, parts) for one in column.cast(pa.int64()).to_pylist()]
    return pa.chunked_array([pa.array(found, wanted)])


def _seconds(value: int, parts: int) -> str:
    whole, rest = divmod(abs(value), parts)
    fraction = f".{rest:0{len(str(parts)) - 1}d}".rstrip("0") if rest else ""
    return f"{'-' if value < 0 else ''}PT{whole}{fraction}S"


def _odd(column: Any) -> Any:
    """Return which values Python has none for, None if it has one for each."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        parts = PARTS[kind.unit]
        return _outside(column, SECONDS[0] * parts, SECONDS[1] * parts + parts - 1)
    if pa.types.is_date32(kind):
        return _outside(column.cast(pa.int32()), *DAYS)
    if pa.types.is_date64(kind):
        return _outside(column, DAYS[0] * DAY // 1_000, DAYS[1] * DAY // 1_000 + DAY // 1_000 - 1)
    if pa.types.is_time32(kind):
        return _outside(column.cast(pa.int32()), 0, 86_400 * PARTS[kind.unit] - 1)
    if pa.types.is_time64(kind):
        return _outside(column, 0, 86_400 * PARTS[kind.unit] - 1)
    if pa.types.is_nested(kind):
        return _untold(column) if _within(kind, _may_be_odd) or not _valid(column) else None
    if _within(kind, _is("string", "large_string", "string_view")) and not _valid(column):
        return _untold(column)
    return None


def _valid(column: Any) -> bool:
    """Whether texts are UTF-8, which files promise and Arrow does not look at."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _outside(column: Any, first: int, last: int) -> Any:
    numbers = column.cast(pa.int64())
    ends = pc.min_max(numbers).as_py()
    if ends["min"] is None or (ends["min"] >= first and ends["max"] <= last):
        return None
    return pc.fill_null(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)), False)


def _untold(column: Any) -> Any:
    """Return which nested values Python cannot hold, by trying."""
    try:
        column.to_pylist()
    except (ValueError, OverflowError, ArithmeticError):
        return pa.chunked_array([pa.array([_fails(one) for one in column])])
    return None


def _fails(scalar: Any) -> bool:
    try:
        scalar.as_py()
    except (ValueError, OverflowError, ArithmeticError):
        return True
    return False


def _may_be_odd(kind: Any) -> bool:
    if pa.types.is_struct(kind):
        return len({one.name for one in kind}) < int(kind.num_fields)
    return bool(pa.types.is_temporal(kind))


def _within(kind: Any, test: Callable[[Any], bool]) -> bool:
    """Whether a type or one of those it is made of is such a one."""
    if test(kind):
        return True
    if pa.types.is_dictionary(kind):
        return _within(kind.value_type, test)
    return any(_within(kind.field(index).type, test) for index in range(kind.num_fields))
