"""The fields of the records: what their values were, a sample of each, and which of them are dates that rise."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from headwater_runtime.records import Row

__all__ = ["DateField", "Fields", "date_fields", "describe"]

DATE_LENGTH = len("2025-01-31")
SAMPLE = 60  # characters of a sample
ISO = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?$")
COMPACT = re.compile(r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$")
EPOCH_NAME = re.compile(r"date|time|epoch|_at$|[a-z]At$|updated|modified|created|_ts$|^ts$", re.IGNORECASE)
EPOCH = (946_684_800, 4_102_444_800)  # the years 2000 to 2100 in seconds
CHANGED = re.compile(r"updat|modif|chang|edit|last_?seen", re.IGNORECASE)
CREATED = re.compile(r"creat|insert|added|receiv|report", re.IGNORECASE)


@dataclass(frozen=True)
class Fields:
    """Every field seen, in order: a sample value as text, and the kinds its values had."""

    samples: dict[str, str]
    types: dict[str, str]
    missing: dict[str, int]


@dataclass(frozen=True)
class DateField:
    """A field that holds a moment in every record, and how the records are ordered by it."""

    name: str
    order: str
    form: str


def describe(rows: Sequence[Row]) -> Fields:
    """Return what the fields of `rows` hold. `missing` counts the records that lack a field or have null in it."""
    kinds: dict[str, dict[str, None]] = {}
    samples: dict[str, str] = {}
    filled: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            seen = kinds.setdefault(name, {})
            samples.setdefault(name, "")
            if value is None:
                continue
            seen[_kind(value)] = None
            filled[name] = filled.get(name, 0) + 1
            samples[name] = samples[name] or _sample(value)
    types = {name: " or ".join(seen) or "always null" for name, seen in kinds.items()}
    return Fields(samples, types, {name: len(rows) - filled.get(name, 0) for name in kinds})


def date_fields(rows: Sequence[Row]) -> list[DateField]:
    """Return the fields that parse as a moment in every record, the likeliest change date first."""
    found = []
    for name in rows[0] if rows else ():
        values = [row.get(name) for row in rows]
        moments = [_moment(name, value) for value in values]
        if None not in moments:
            form = "epoch" if isinstance(values[0], int) else _kind(values[0])
            found.append(DateField(name, _order([moment for moment in moments if moment is not None]), form))
    return sorted(found, key=lambda field: 0 if CHANGED.search(field.name) else 1 if CREATED.search(field.name) else 2)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, (dict, list)):
        return "JSON"
    if not ISO.match(value):
        return "text"
    return "date" if len(value) == DATE_LENGTH else "timestamp"


def _sample(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SAMPLE else text[: SAMPLE - 1] + "…"


def _moment(name: str, value: Any) -> float | None:
    """Return a number that grows with the moment `value` stands for, or None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        seconds = value / 1000 if value > EPOCH[1] else value
        return float(seconds) if EPOCH_NAME.search(name) and EPOCH[0] <= seconds <= EPOCH[1] else None
    if not isinstance(value, str):
        return None
    if COMPACT.match(value):
        return float(value)
    if not ISO.match(value):
        return None
    text = re.sub(r"\s*(Z|UTC)$", "+00:00", value)
    text = re.sub(r"\s+([+-])", r"\1", text)
    text = re.sub(r"(\.\d{1,6})\d*", lambda part: part.group(1).ljust(7, "0"), text)
    text = re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", text) if ":" in text else text
    try:
        moment = datetime.fromisoformat(text.replace(" ", "T", 1))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _order(moments: Iterable[float]) -> str:
    listed = list(moments)
    steps = list(itertools.pairwise(listed))
    if all(one == other for one, other in steps):
        return "all equal" if steps else "one record"
    if all(one <= other for one, other in steps):
        return "ascending"
    return "descending" if all(one >= other for one, other in steps) else "unordered"
