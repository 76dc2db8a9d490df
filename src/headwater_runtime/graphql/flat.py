"""Rows by rule: nested objects become columns, connections become lists, and what is nested can fill a table of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater_runtime.errors import require
from headwater_runtime.records import MISSING, Row, kind_of, lookup

__all__ = ["Each", "Flat"]

TYPENAME = "__typename"
OF_CONNECTION = frozenset({"nodes", "edges", "pageInfo", "totalCount", TYPENAME})
OF_EDGE = frozenset({"node", "cursor", TYPENAME})


@dataclass(frozen=True)
class Flat:
    """A row function: `{"a": {"b": 1}}` becomes `{"a_b": 1}`, `depth` objects deep (None: all); deeper ones stay JSON.

    A connection becomes the list of its nodes, or of its edges if they have fields of their own; one with other fields beside
    them is an object like any other. Lists stay JSON. `leave_out` are dotted paths, as of what fills a child table.
    `__typename` is left out; `typename="kind"` keeps it as `kind`, an object's as `a_kind`. Raises ValueError for two values
    that would be one column.
    """

    separator: str = "_"
    depth: int | None = None
    leave_out: tuple[str, ...] = ()
    typename: str = ""

    def __post_init__(self) -> None:
        what = "a single text as `leave_out` would leave out its letters"
        require(not isinstance(self.leave_out, str), what, "Flat(…)", "give a tuple: leave_out=('lines',)")
        require(self.depth is None or self.depth >= 0, f"depth={self.depth} of Flat is none", "Flat(…)", "0 or more")

    def __call__(self, record: Mapping[str, Any]) -> Row:
        """Return the row of `record`."""
        row: Row = {}
        self._into(row, record, "", "", 0)
        return row

    def _into(self, row: Row, record: Mapping[str, Any], before: str, path: str, depth: int) -> None:
        for name, value in _fields(record):
            if path + name in self.leave_out or (name == TYPENAME and not self.typename):
                continue
            column = before + (self.typename if name == TYPENAME else name)
            opened = isinstance(value, dict) and not _is_list(value)
            if opened and (self.depth is None or depth < self.depth):
                self._into(row, value, column + self.separator, f"{path}{name}.", depth + 1)
                continue
            if column in row:
                raise ValueError(f"two fields would fill the column '{column}'")
            row[column] = self._plain(value)

    def _plain(self, value: Any) -> Any:
        """Return nested data with its connections as lists."""
        if isinstance(value, list):
            return [self._plain(one) for one in value]
        if not isinstance(value, dict):
            return value
        if _is_list(value):
            return [self._plain(one) for one in _nodes(value)]
        names = {TYPENAME: self.typename}
        return {names.get(name, name): self._plain(one) for name, one in _fields(value) if names.get(name, name)}


@dataclass(frozen=True)
class Each:
    """A row function for a child table: a row for each record at dotted `path`, through any connections and lists on the way.

    `keys` are columns put onto each row: name ← path in the record, as "id", or in one on the way, as "lines.id". `number`
    names a column that counts the rows of a parent from 1, for records without an id. `flat` makes the rows.
    """

    path: str
    keys: Mapping[str, str] = field(default_factory=dict, hash=False)
    flat: Flat = field(default_factory=Flat)
    number: str = ""

    def __call__(self, record: Mapping[str, Any]) -> list[Row]:
        """Return the rows of the children of `record`. Raises LookupError for a parent's field that is not there."""
        rows = []
        for number, (child, above) in enumerate(_walk(record, self.path.split("."), {"": record}, ""), 1):
            row = self.flat(child)
            added = {name: _key(above, path) for name, path in self.keys.items()}
            twice = sorted(row.keys() & added.keys() | ({self.number} & row.keys()))
            if twice:
                raise ValueError(f"two fields would fill the column '{twice[0]}'")
            rows.append({**added, **({self.number: number} if self.number else {}), **row})
        return rows


def _walk(
    holder: Any, steps: list[str], above: Mapping[str, Any], path: str
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield each record below, with those it is in by their paths."""
    if isinstance(holder, dict) and _is_connection(holder):
        holder = _nodes(holder)
    for one in holder if isinstance(holder, list) else [holder]:
        if one is None:
            continue
        if not isinstance(one, dict):
            raise TypeError(f"'{path}' holds {kind_of(one)}, not objects")
        here = {**above, path: one}
        if not steps:
            yield one, here
        elif steps[0] not in one:
            raise LookupError(f"a record has no '{path}.{steps[0]}'".replace("'.", "'"))
        else:
            yield from _walk(one[steps[0]], steps[1:], here, f"{path}.{steps[0]}".lstrip("."))


def _key(above: Mapping[str, Any], path: str) -> Any:
    """Return the value of a parent: of the record whose path is the longest beginning of `path`."""
    steps = path.split(".")
    for count in range(len(steps) - 1, -1, -1):
        if (holder := above.get(".".join(steps[:count]))) is not None:
            value = lookup(holder, ".".join(steps[count:]))
            if value is not MISSING:
                return value
    raise LookupError(f"no record on the way has '{path}'")


def _is_connection(value: Mapping[str, Any]) -> bool:
    nodes, edges = value.get("nodes"), value.get("edges")
    if isinstance(nodes, list):
        return True
    if nodes is None and edges is None:  # in the place of an empty list
        return value.keys() <= OF_CONNECTION and not value.keys().isdisjoint({"nodes", "edges"})
    return isinstance(edges, list) and all(one is None or (isinstance(one, dict) and "node" in one) for one in edges)


def _is_list(value: Mapping[str, Any]) -> bool:
    """Say whether a list of its nodes is all there is of a connection."""
    beside = isinstance(value.get("nodes"), list) and _are_more(value.get("edges"))
    return _is_connection(value) and value.keys() <= OF_CONNECTION and not beside


def _are_more(edges: Any) -> bool:
    """Say whether edges have fields of their own."""
    return isinstance(edges, list) and any(isinstance(one, dict) and one.keys() - OF_EDGE for one in edges)


def _nodes(value: Mapping[str, Any]) -> list[Any]:
    """Return what a connection holds."""
    if isinstance(value.get("nodes"), list):
        nodes: list[Any] = value["nodes"]
        return nodes
    edges: list[Any] = value.get("edges") or []
    return edges if _are_more(edges) else [one and one["node"] for one in edges]


def _fields(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an object, of a connection without what led from page to page."""
    connection = _is_connection(value)
    yield from (pair for pair in value.items() if not (connection and pair[0] == "pageInfo"))
