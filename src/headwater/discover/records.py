"""Where in a body the records are: every list of objects is a candidate, ranked by what it is called and what it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headwater.discover.vocabulary import ASIDE, USUAL
from headwater_runtime.records import Row

__all__ = ["Candidate", "candidates", "escaped", "outside"]

DEEPEST = 6


@dataclass(frozen=True)
class Candidate:
    """A list that could be the records. `path` is dotted, "" for the body itself; `rank` sorts, smallest first."""

    path: str
    rows: list[Row]
    rank: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.path or 'the body'} ({len(self.rows)})"


def candidates(body: Any, endpoint: str) -> list[Candidate]:
    """Return the lists of objects in `body`, the likeliest first; empty lists count too, for a source may be empty.

    Likelier is, in this order: a list with a usual name (data, results, …) or the endpoint's own, one with another name, an
    empty one with a usual name, an accessory one (errors, links, …); then the one with more records, then the shallower.
    """
    found = []
    for path, value in _lists(body, "", 0):
        rows = [item for item in value if isinstance(item, dict)]
        if len(rows) == len(value):
            found.append(Candidate(path, rows, _rank(path, rows, endpoint)))
    return sorted(found, key=lambda candidate: candidate.rank)


def outside(body: Any, records: str) -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every plain value of `body` that is not inside the list at `records`."""
    yield from _plain(body, "", records, 0)


def escaped(name: str) -> str:
    """Return `name` as a step of a path."""
    return re.sub(r"([.*?])", r"\\\1", name)


def _lists(value: Any, path: str, depth: int) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, list):
        yield path, value
    elif isinstance(value, dict) and depth < DEEPEST:
        for name, child in value.items():
            if name:
                yield from _lists(child, f"{path}.{escaped(name)}" if path else escaped(name), depth + 1)


def _rank(path: str, rows: list[Row], endpoint: str) -> tuple[int, int, int]:
    name = path.rpartition(".")[2].lower()
    stem = re.sub(r"[^a-z0-9]", "", endpoint.lower())
    plain = re.sub(r"[^a-z0-9]", "", name)
    usual = not path or name in USUAL or plain == stem or name.endswith(("_records", "_list", "_items"))
    if name in ASIDE:
        order = 3 if rows else 5
    elif usual:
        order = 0 if rows else 2
    else:
        order = 1 if rows else 4
    return (order, -len(rows), path.count("."))


def _plain(value: Any, path: str, records: str, depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and depth < DEEPEST:
        for name, child in value.items():
            inner = f"{path}.{escaped(name)}" if path else escaped(name)
            if inner != records:
                yield from _plain(child, inner, records, depth + 1)
    elif path and not isinstance(value, (dict, list)):
        yield path, value
