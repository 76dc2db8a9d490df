"""Snapshot: what a destination holds, compared with another destination's and with the vendor's truth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

__all__ = ["Snapshot", "difference", "untruth"]

SHOWN = 3  # keys quoted in a message
MOVING = frozenset({"_fivetran_synced"})  # the moment of writing: the one column two equal destinations differ in


@dataclass(frozen=True)
class Snapshot:
    """Tables by name, in no particular order of rows; deleted rows are among them, marked as such."""

    tables: Mapping[str, pa.Table]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the live rows of `table`; none when it does not exist."""
        held = self.tables.get(table)
        return [] if held is None else [row for row in held.to_pylist() if not row.get("_fivetran_deleted")]

    def size(self) -> int:
        """Return the number of rows in all tables."""
        return sum(table.num_rows for table in self.tables.values())


def difference(whole: Snapshot, other: Snapshot) -> str:
    """Say how `other` differs from `whole`: tables, columns with their types, rows. Empty when it does not."""
    if missing := sorted(set(whole.tables) ^ set(other.tables)):
        return f"only one of the two has table {', '.join(missing)}"
    for name, held in whole.tables.items():
        one, two = _comparable(held), _comparable(other.tables[name])
        if one.schema != two.schema:
            return f"{name} has other columns: {_columns(one, two)}"
        if not one.equals(two):
            return f"{name} differs: {_rows(one, two)}"
    return ""


def untruth(snapshot: Snapshot, table: str, key: tuple[str, ...], truth: Iterable[Mapping[str, Any]]) -> str:
    """Say how `table` differs from the rows it must hold; empty when it holds just these, value for value.

    A connector may add columns of its own. A column that is missing counts as null everywhere.
    """
    held = snapshot.rows(table)
    expected = {tuple(row[name] for name in key): row for row in truth}
    found = {tuple(row.get(name) for name in key): row for row in held}
    if len(found) != len(held):
        return f"{table} holds {len(held) - len(found)} rows too many of the same {', '.join(key)}"
    if lost := [one for one in expected if one not in found]:
        return f"{table} lacks {len(lost)} of {len(expected)} rows: {_some(lost)}"
    if extra := [one for one in found if one not in expected]:
        return f"{table} holds {len(extra)} rows the source does not: {_some(extra)}"
    for one, row in expected.items():
        for name, value in row.items():
            if not _same(value, found[one].get(name)):
                return f"{table} {_some([one])}: {name} is {found[one].get(name)!r}, the source has {value!r}"
    return ""


def _same(true: Any, held: Any) -> bool:
    if isinstance(true, bool) or isinstance(held, bool) or true is None or held is None:
        return true is held
    if isinstance(true, (dict, list)) and isinstance(held, str):
        return bool(json.loads(held) == true)
    if isinstance(true, (int, float)) and isinstance(held, (int, float)):
        return true == held
    return type(true) is type(held) and bool(true == held)


def _comparable(table: pa.Table) -> pa.Table:
    """Return `table` without its moving columns, columns and rows in an order that does not depend on how they came."""
    names = sorted(set(table.column_names) - MOVING)
    return table.select(names).sort_by([(name, "ascending") for name in _order(table, names)])


def _order(table: pa.Table, names: list[str]) -> list[str]:
    """Return the columns to sort by: one without repeats does where there is one, else all of them."""
    for name in names:
        if name.endswith("id") and table[name].null_count == 0 and len(table[name].unique()) == table.num_rows:
            return [name]
    return names


def _columns(one: pa.Table, two: pa.Table) -> str:
    mine, theirs = ({field.name: str(field.type) for field in table.schema} for table in (one, two))
    names = [name for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
    return ", ".join(
        f"{name} {theirs.get(name, 'absent')} instead of {mine.get(name, 'absent')}" for name in names[:SHOWN]
    )


def _rows(one: pa.Table, two: pa.Table) -> str:
    if one.num_rows != two.num_rows:
        return f"{two.num_rows} rows instead of {one.num_rows}"
    names = [name for name in one.column_names if not one[name].equals(two[name])]
    return f"the same number of rows, other values in {', '.join(names[:SHOWN])}"


def _some(keys: list[tuple[Any, ...]]) -> str:
    shown = ", ".join("/".join(map(str, one)) for one in keys[:SHOWN])
    return f"{shown}, …" if len(keys) > SHOWN else shown
