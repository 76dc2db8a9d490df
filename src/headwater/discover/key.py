"""The primary key: never null and unique over all records read, and named like a key rather than by chance unique."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from headwater.discover.trial import count, fingerprint
from headwater_runtime.records import Row

__all__ = ["Key", "distinct", "find_key", "id_like"]

IDENTITY = re.compile(r"^_?(id|uuid|guid|key|record_?id|pk)$", re.IGNORECASE)
ID_LIKE = re.compile(
    r"(_id|_uuid|_guid|_key|_code|_number|[a-z](Id|ID|Uuid|UUID|Key|Code|Number))$|^(code|number|slug|sku|symbol|email|iso.*)$"
)
DATE_LIKE = re.compile(r"date|day|month|time|period|_at$|[a-z]At$", re.IGNORECASE)
LONGEST = 100  # characters: longer values are text, not keys
MOST_PARTS = 12  # columns tried in pairs


@dataclass(frozen=True)
class Key:
    """The key columns (none: keyless), whether they were found by name too, and what was seen."""

    columns: tuple[str, ...]
    trusted: bool
    evidence: str


def distinct(rows: Sequence[Row]) -> list[Row]:
    """Return `rows` without those that equal an earlier one: a record that came twice says nothing about the key."""
    return list({fingerprint(row): row for row in rows}.values())


def find_key(rows: Sequence[Row], table: str) -> Key:
    """Return the key of `rows`, which are all different.

    In this order: one column named like an id, a pair of such columns (or one and a date), any one column, any pair with an
    id in it. A column is one that every record has, never null, of text or whole numbers.
    """
    names = sorted(_usable(rows), key=lambda name: _likeness(name, table))
    likely = [name for name in names if _likeness(name, table) < 9]
    parts = [*likely, *(name for name in names if name not in likely and DATE_LIKE.search(name))][:MOST_PARTS]
    pairs = [pair for pair in combinations(parts, 2) if pair[0] in likely]
    wide = [pair for name in likely for pair in ((name, other) for other in names if other != name)]
    read = count(len(rows), "record")
    for trusted, choices in (
        (True, [(n,) for n in likely]),
        (True, pairs),
        (False, [(n,) for n in names]),
        (False, wide),
    ):
        for columns in choices:
            if _unique(rows, columns):
                shown = " + ".join(columns)
                note = "" if trusted else "; its name is not that of an id, so it may be unique by chance"
                return Key(
                    columns,
                    trusted and len(rows) > 1,
                    f"{shown}: never null and unique over {read}{note}{_beaten(rows, likely, columns)}",
                )
    return Key(
        (),
        trusted=False,
        evidence=f"no column and no pair of columns is unique over {read}{_beaten(rows, likely, ())}",
    )


def id_like(rows: Sequence[Row]) -> str:
    """Return the column that tells these rows apart and is named like an id, or ""."""
    names = sorted(_usable(rows), key=lambda name: _likeness(name, ""))
    return next((name for name in names if _likeness(name, "") < 9 and _unique(rows, (name,))), "")


def _usable(rows: Sequence[Row]) -> list[str]:
    """Return the columns that every row has with a text or a whole number, in the source's order."""

    def usable(value: object) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (isinstance(value, str) and 0 < len(value) <= LONGEST)

    return [name for name in (rows[0] if rows else ()) if name and all(usable(row.get(name)) for row in rows)]


def _likeness(name: str, table: str) -> int:
    """Return how much `name` looks like a key: 0 for "id", 9 and above for any other column."""
    stem = re.sub(r"[^a-z0-9]", "", table.lower()).rstrip("s")
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if IDENTITY.match(name):
        return 0 if plain == "id" else 1
    if ID_LIKE.search(name):
        return 2 if len(stem) > 2 and plain.startswith(stem) else 3
    return 10 if DATE_LIKE.search(name) else 9


def _unique(rows: Sequence[Row], columns: tuple[str, ...]) -> bool:
    # By text, as a destination would compare: 1 and "1" are one key there.
    return len({tuple(str(row[name]) for name in columns) for row in rows}) == len(rows)


def _beaten(rows: Sequence[Row], likely: Sequence[str], columns: tuple[str, ...]) -> str:
    """Say which id-like columns are not unique: the reader will wonder why they were not taken."""
    lost = []
    for name in likely:
        repeats = len(rows) - len({str(row[name]) for row in rows})
        if repeats and columns != (name,):
            lost.append(f"not {name}: {count(repeats, 'duplicate')}")
    return f" ({'; '.join(lost[:3])})" if lost else ""
