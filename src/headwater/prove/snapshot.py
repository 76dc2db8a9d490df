"""Snapshot: what a destination holds, compared with another destination's and with the vendor's truth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headwater.engine import Content, differences

__all__ = ["Snapshot", "difference", "some_keys", "untruth"]

SHOWN = 3  # keys quoted in a message
LONGEST = 300  # characters of a message: a row can be long


@dataclass(frozen=True)
class Snapshot:
    """`contents` is what the engine compares: types, keys, all rows as text. `rows` are the live rows, as Python values."""

    contents: Mapping[str, Content] = field(repr=False)
    rows: Mapping[str, list[dict[str, Any]]] = field(repr=False)


def difference(whole: Snapshot, other: Snapshot) -> str:
    """Say how `other` differs from `whole`: tables, columns with their types, keys, rows. Empty when it does not.

    An empty text is not told from null: which of the two is stored depends on whether its column was there already.
    """
    if not differences(whole.contents, other.contents):
        return ""
    text = "; ".join(differences(_without_empty_texts(whole), _without_empty_texts(other)))
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"


def _without_empty_texts(snapshot: Snapshot) -> dict[str, Content]:
    contents = {}
    for name, content in snapshot.contents.items():
        rows: Counter[tuple[str | None, ...]] = Counter()
        for row, count in content.rows.items():
            rows[tuple(value or None for value in row)] += count
        contents[name] = replace(content, rows=rows)
    return contents


def untruth(snapshot: Snapshot, table: str, key: tuple[str, ...], truth: Iterable[Mapping[str, Any]]) -> str:
    """Say how `table` differs from the rows it must hold; empty when it holds just these, value for value.

    A connector may add columns of its own. A column that is missing counts as null everywhere.
    """
    held = snapshot.rows.get(table, [])
    expected = {tuple(row[name] for name in key): row for row in truth}
    found = {tuple(row.get(name) for name in key): row for row in held}
    if len(found) != len(held):
        return f"{table} holds {len(held) - len(found)} rows too many of the same {', '.join(key)}"
    if lost := [one for one in expected if one not in found]:
        return f"{table} lacks {len(lost)} of {len(expected)} rows: {some_keys(lost)}"
    if extra := [one for one in found if one not in expected]:
        return f"{table} holds {len(extra)} rows the source does not: {some_keys(extra)}"
    for one, row in expected.items():
        for name, value in row.items():
            if not _same(value, found[one].get(name)):
                return f"{table} {some_keys([one])}: {name} is {found[one].get(name)!r}, the source has {value!r}"
    return ""


def _same(true: Any, held: Any) -> bool:
    if isinstance(true, bool) or isinstance(held, bool) or true is None or held is None:
        return true is held
    if isinstance(true, (dict, list)) and isinstance(held, str):
        return bool(json.loads(held) == true)
    if isinstance(true, (int, float)) and isinstance(held, (int, float)):
        return true == held
    return type(true) is type(held) and bool(true == held)


def some_keys(keys: list[tuple[Any, ...]]) -> str:
    """Return the first of `keys` as text."""
    shown = ", ".join("/".join(map(str, one)) for one in keys[:SHOWN])
    return f"{shown}, …" if len(keys) > SHOWN else shown
