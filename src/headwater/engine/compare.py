"""Two destinations compared by what they hold: tables, columns with their types, keys, rows. Not by when it was written."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.engine.catalog import Existing, quoted, read_tables, sql_name
from headwater.engine.shape import TableName
from headwater.engine.warehouse import Warehouse, reading

__all__ = ["Content", "content", "differences"]

MOVING = "_fivetran_synced"
SHOWN = 3


@dataclass(frozen=True)
class Content:
    """One table: the type of each column by name, the key, and each row as texts in the order of the sorted columns."""

    types: Mapping[str, str]
    key: frozenset[str]
    rows: Counter[tuple[str | None, ...]]

    @property
    def columns(self) -> list[str]:
        """The compared columns in the order of the rows' values."""
        return sorted(name for name in self.types if name != MOVING)


def content(warehouse: Warehouse) -> dict[str, Content]:
    """Return what `warehouse` holds, deleted rows included, ready to be compared."""
    with reading(warehouse) as connection:
        return {name.shown: _content(connection, name, found) for name, found in read_tables(connection).items()}


def differences(expected: Mapping[str, Content], found: Mapping[str, Content]) -> list[str]:
    """Say in sentences how `found` differs from `expected`; empty when it does not. The order of columns does not count."""
    said = [f"table {name} is missing" for name in sorted(expected.keys() - found.keys())]
    said += [f"table {name} should not be there" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        said += [f"{name}: {text}" for text in _between(expected[name], found[name])]
    return said


def _content(connection: Any, name: TableName, found: Existing) -> Content:
    columns = sorted(column for column in found.columns if column != MOVING)
    values = ", ".join(_text(column, str(found.columns[column])) for column in columns) or "NULL"
    rows = connection.execute(f"SELECT {values} FROM {sql_name(name)}").fetchall()
    types = {column: str(kind) for column, kind in found.columns.items()}
    return Content(types, frozenset(found.key), Counter(rows))


def _text(column: str, kind: str) -> str:
    return f"hex({quoted(column)})" if kind == "BLOB" else f"CAST({quoted(column)} AS VARCHAR)"


def _between(expected: Content, found: Content) -> Iterator[str]:
    for column in sorted({*expected.types, *found.types}):
        one, two = expected.types.get(column), found.types.get(column)
        if one != two:
            yield f"column {column} is {two or 'missing'}, expected {one or 'none'}"
    if expected.key != found.key:
        yield f"the key is {sorted(found.key)}, expected {sorted(expected.key)}"
    if expected.types == found.types:
        yield from _row_differences(expected, found)


def _row_differences(expected: Content, found: Content) -> Iterator[str]:
    for what, one, two in (("lacks", expected, found), ("has, and should not,", found, expected)):
        rows = list((one.rows - two.rows).elements())
        shown = "; ".join(_shown(one.columns, row) for row in rows[:SHOWN])
        if rows:
            yield f"{what} {len(rows)} rows: {shown}{' …' if len(rows) > SHOWN else ''}"


def _shown(columns: list[str], row: tuple[str | None, ...]) -> str:
    return "{" + ", ".join(f"{name}: {value!r}" for name, value in zip(columns, row, strict=True)) + "}"
