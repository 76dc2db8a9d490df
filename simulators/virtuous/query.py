"""A query: its body understood, and the records it selects, by index and without making more of them than it must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from headwater.simulate import Ordered, Spans

from .condition import Condition, QueryError, parse
from .entities import Entity
from .records import index_of

__all__ = ["Query", "Selector", "read_query"]

BEGINNING = datetime(1, 1, 1, tzinfo=timezone.utc)
END = datetime(9999, 12, 30, tzinfo=timezone.utc)
STAMPS = {"createDateTimeUtc": "created", "modifiedDateTimeUtc": "changed"}
SORTS = {"Id": "id", "Amount": "amount", "GiftDate": "giftDate", "ReceiptDate": "receiptDate", "Batch": "batch"}


class Query(NamedTuple):
    """Groups are alternatives, the conditions inside one hold together. No `sort` leaves the order to the vendor."""

    groups: tuple[tuple[Condition, ...], ...]
    sort: str
    descending: bool


def read_query(body: Any, entity: Entity, now: datetime) -> Query:
    """Return the query that `body` states; QueryError when it is not one."""
    if not isinstance(body, dict):
        raise QueryError("body", "The body must be a JSON object.")
    groups = body.get("groups") or []
    if not isinstance(groups, list) or not all(map(_is_group, groups)):
        raise QueryError("groups", "groups must be a list of objects with lists of conditions.")
    parsed = [tuple(parse(one, entity.parameters, now) for one in group.get("conditions") or []) for group in groups]
    named = str(body.get("sortBy") or "")
    known = {**SORTS, **{name: field for name, (_, field) in entity.parameters.items()}}
    if named and named not in known:
        raise QueryError("sortBy", "The field cannot be sorted by.")
    return Query(tuple(parsed) or ((),), known[named] if named else "", str(body.get("descending")).lower() == "true")


def _is_group(group: Any) -> bool:
    return isinstance(group, dict) and isinstance(group.get("conditions") or [], list)


class Selector:
    """Finds what queries of one entity select. `order` is that of a query that names none."""

    def __init__(self, entity: Entity, order: Any) -> None:
        self._entity = entity
        self._order = order
        self._found = lru_cache(maxsize=16)(self._find)

    def select(self, query: Query) -> Sequence[int]:
        """Return the indices of the records in order."""
        population = self._entity.population
        return self._found(query, (population.revision, tuple(self._entity.gone())))

    def _find(self, query: Query, _revision: object) -> Sequence[int]:
        chosen = [self._of_group(group) for group in query.groups]
        indices = chosen[0] if len(chosen) == 1 else sorted(set().union(*chosen))
        if not query.sort:
            return Ordered(indices, self._order, _below(indices, self._entity.began_with))
        if query.sort == "id":
            return Ordered(indices, "newest" if query.descending else "oldest", 0)
        # Ties come in an order of their own, the same at every request.
        return sorted(sorted(indices, key=lambda one: one ^ 5), key=self._sorter(query.sort), reverse=query.descending)

    def _of_group(self, group: tuple[Condition, ...]) -> Sequence[int]:
        every = Spans([range(len(self._entity.population))])
        rest = []
        for condition in group:
            spans = self._spans(condition)
            every = every if spans is None else every.meet(spans)
            if spans is None or condition.field == "id":  # an id's bounds give the index within one
                rest.append(condition)
        found = every.without(self._entity.gone())
        return self._tested(found, rest) if rest else found

    def _tested(self, found: Spans, rest: Sequence[Condition]) -> Sequence[int]:
        if all(one.field == "id" for one in rest) and len(found) > 2:
            # Every id between the first and the last is within the bounds: only these two need a look.
            edges = {found[0], found[-1]}
            return found.without(sorted(one for one in edges if not self._holds(one, rest)))
        return [one for one in found if self._holds(one, rest)]

    def _holds(self, index: int, conditions: Sequence[Condition]) -> bool:
        record = self._entity.population.record(index)
        return all(one.test(record[one.field]) for one in conditions)

    def _spans(self, condition: Condition) -> Spans | None:
        bounds = condition.bounds()
        if bounds is None:
            return None
        low, high = bounds
        if condition.field == "id":
            count = len(self._entity.population)
            start = 0 if low is None else max(0, index_of(low))
            return Spans([range(min(start, count), count if high is None else max(0, min(count, index_of(high) + 1)))])
        if condition.field not in STAMPS:
            return None
        step = timedelta(days=1) if condition.kind == "Date" else timedelta(microseconds=1)
        timeline = self._entity.timeline
        between = timeline.between if STAMPS[condition.field] == "created" else timeline.changed_between
        return between(low or BEGINNING, END if high is None else high + step)

    def _sorter(self, field: str) -> Callable[[int], Any]:
        if field in STAMPS:
            timeline = self._entity.timeline
            return timeline.at if STAMPS[field] == "created" else timeline.changed
        record = self._entity.population.record

        def key(index: int) -> tuple[bool, Any]:
            value = record(index)[field]
            return value is not None, value if value is not None else 0

        return key


def _below(indices: Sequence[int], limit: int) -> int:
    """Return how many of `indices`, which ascend, are below `limit`."""
    low, high = 0, len(indices)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if indices[middle] < limit else (low, middle)
    return low
