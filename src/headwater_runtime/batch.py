"""Records that came as columns: an Arrow table behind the face of a list of rows, so that nobody makes rows who needs none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from itertools import repeat
from typing import Any, overload

from headwater_runtime import json_text
from headwater_runtime.records import Row
from headwater_runtime.tables import ColumnType
from headwater_runtime.values import INT_MAX, LONG_MAX, sdk_row, sdk_value, type_name

__all__ = ["JSON", "Batch"]

ROWS, SENT = 1_000, 4_000  # made at a time; for the SDK
FEW = 40  # so many are made sooner row by row
DIGITS = 15  # so many a float always gives back
JSON = {b"headwater": b"json"}  # the metadata of a field of JSON texts
NAIVE, UTC, DAY = "timestamp[us]", "timestamp[us, tz=UTC]", "date32[day]"
INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
LIMITS = {"nothing": LONG_MAX, "LONG": LONG_MAX, "INT": INT_MAX, "SHORT": INT_MAX}


class Batch(Sequence[Row]):
    """The rows of `table`, an Arrow table or record batch; each is made when it is asked for, and made anew each time.

    A reader gives it as a page's records. The row function `dict`, the identity, leaves it as it is: a destination of columns
    takes `table`, Fivetran's operations take rows. Any other row function is given its rows. A column of texts that are JSON,
    as a database has them, bears the mark JSON in its field's metadata: its values are what the texts say.
    """

    def __init__(self, table: Any) -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...
    def __getitem__(self, index: int | slice) -> Row | Batch:
        """Return a row, or a batch that shares this one's columns; a slice has no step."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return Batch(self.table.slice(start, max(0, stop - start)))
        at = range(len(self))[index]
        return next(_rows(self.table.slice(at, 1)))

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows; only some of them exist at a time."""
        for start in range(0, len(self), ROWS):
            yield from _rows(self[start : start + ROWS].table)

    def sent(self, columns: Mapping[str, ColumnType], where: str) -> Iterator[Row]:
        """Yield what `sdk_row` makes of each row, some thousand at a time. Raises ContractError behind the last good row."""
        for start in range(0, len(self), SENT):
            part = self[start : start + SENT]
            rows: Iterator[Row] = (sdk_row(row, columns, where) for row in part)
            if len(part) > FEW and hasattr(self.table, "group_by"):  # a record batch cannot tell its ends
                with suppress(Exception):  # row by row it is told which value of which row is refused
                    rows = _rows(part.table, columns)
            yield from rows

    @property
    def json(self) -> list[str]:
        """The columns of texts that are JSON."""
        return [field.name for field in self.table.schema if _kind(field) == "json"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Batch) and bool(self.table.equals(other.table))

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __repr__(self) -> str:
        return f"Batch({len(self)} rows of {', '.join(self.names)})"

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return list(self.table.schema.names)

    @property
    def nbytes(self) -> int:
        """The bytes its values take."""
        return int(self.table.nbytes)

    def column(self, name: str) -> list[Any] | None:
        """Return the values of a column, None if there is none of that name."""
        return _values(self.table, self.names.index(name)) if name in self.names else None

    def ends(self, name: str) -> tuple[Any, Any] | None:
        """Return the lowest and the highest value of a column; None if there is none, or Arrow may not sort as Python does."""
        kind = _kind(self.table.schema.field(name)) if name in self.names else ""
        if kind not in {*INTEGERS, NAIVE, UTC, DAY} or not hasattr(self.table, "group_by"):
            return None
        column = self.table.select([name]).rename_columns(["v"])  # a name that begins with a dot is a path
        ends = column.group_by([], use_threads=False).aggregate([("v", "min_max")]).column(0)[0].as_py()
        return None if ends["min"] is None else (ends["min"], ends["max"])

    def nulls(self, name: str) -> int:
        """Return how many rows have no value in a column."""
        return int(self.table.column(name).null_count) if name in self.names else len(self)


def _rows(table: Any, columns: Mapping[str, ColumnType] | None = None) -> Iterator[Row]:
    names = table.schema.names
    made = [_values(table, at, "" if columns is None else columns.get(name)) for at, name in enumerate(names)]
    rows = zip(*made, strict=True) if made else iter([()] * table.num_rows)
    return map(dict, map(zip, repeat(names), rows))


def _values(table: Any, at: int, declared: ColumnType | None = "") -> list[Any]:
    """Return the values of a column: those Python has, or with `declared`, which may be None, those the SDK takes."""
    array, field, wanted = table.column(at), table.schema.field(at), type_name(declared)
    kind = _kind(field)
    ways = WAYS.get(kind, {})
    ends = Batch(table).ends(field.name) if wanted else None  # raises where Python has no such moment
    if read := ways.get(wanted):
        array = array.cast(NAIVE) if kind == UTC else array  # to write a zone Arrow looks it up for each value
        return [None if text is None else read(text) for text in array.cast("string").to_pylist()]
    values: list[Any] = (array.cast("string") if kind == "string" else array).to_pylist()
    if kind == "json":
        values = [None if value is None else json_text.loads(value.encode()) for value in values]
    whole = kind in INTEGERS and wanted in LIMITS and all(abs(end) <= LIMITS[wanted] for end in ends or ())
    if not wanted or wanted in ways or whole:
        return values
    if kind == "double" and declared is None:
        return [None if value is None else _real(value) for value in values]
    return [None if value is None else sdk_value(value, declared) for value in values]


def _kind(field: Any) -> str:
    """Return a type without its arguments; "string" for words, too, and "json" for texts that are."""
    kind = "json" if (field.metadata or {}).items() >= JSON.items() else str(field.type).partition("(")[0]
    return "string" if kind.startswith("dictionary<values=string,") else kind


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def _naive(text: str) -> str:
    return text.replace(" ", "T").replace(".000000", "")


def _utc(text: str) -> str:
    return _naive(text) + "Z"


def _digits(text: str) -> str:
    return format(Decimal(text), "f") if "E" in text else text


def _number(text: str) -> Any:
    return _real(float(text)) if len(text) <= DIGITS else sdk_value(Decimal(text))


def _real(number: float) -> Any:
    text = repr(number)
    return sdk_value(number) if "e" in text or "n" in text else text


Read = Callable[[str], Any]
STRING: dict[str, Read | None] = dict.fromkeys(("nothing", "STRING", "JSON", "XML"))
DECIMAL: dict[str, Read | None] = {"": Decimal, "nothing": _number, "DECIMAL": _digits}
# By type, and by what is wanted of its values, "" what Python has: what reads the texts that Arrow makes of all at once, which
# takes a fraction of the time that Python's values take one by one; None where the values go as they are.
WAYS: Mapping[str, Mapping[str, Read | None]] = {
    "string": STRING,
    "large_string": STRING,
    "bool": dict.fromkeys(("nothing", "BOOLEAN")),
    "binary": dict.fromkeys(("nothing", "BINARY")),
    "float": dict.fromkeys(("DOUBLE", "FLOAT")),
    "double": dict.fromkeys(("DOUBLE", "FLOAT")),
    "decimal128": DECIMAL,
    "decimal256": DECIMAL,
    NAIVE: {"": datetime.fromisoformat, "NAIVE_DATETIME": datetime.fromisoformat, "nothing": _naive, "STRING": _naive},
    UTC: {"": _moment, "UTC_DATETIME": _moment, "nothing": _utc, "STRING": _utc},
    DAY: {"": date.fromisoformat, "nothing": str, "STRING": str, "NAIVE_DATE": str},
}
