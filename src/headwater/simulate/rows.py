"""Rows: which records a request selects, and in which order — by date, window or key, or those that were deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, Protocol

from headwater.simulate.message import Request
from headwater.simulate.ordered import Order, Ordered
from headwater.simulate.place import Place, parameter
from headwater.simulate.population import Population, Record
from headwater.simulate.timeline import Spans, Timeline

__all__ = ["After", "Equals", "Filter", "Refusal", "Rows", "Since", "Within", "deletions", "first_above", "rows"]

BEGINNING = datetime(1, 1, 1, tzinfo=timezone.utc)
END = datetime(9999, 12, 30, tzinfo=timezone.utc)
INSTANT = timedelta(microseconds=1)
OFFSET = re.compile(r"(T.*) (\d\d:\d\d)$")
FRACTION = re.compile(r"\.(\d+)")
Moments = Literal["created", "changed"]


class Refusal(Exception):  # noqa: N818  (it is no error of ours: it becomes the status)
    """A request is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Rows:
    """`find` tells which records a request means, `record` makes one, `count` is how many indices there are at most."""

    find: Callable[[Request], Sequence[int]]
    record: Callable[[int], Record]


class Filter(Protocol):
    """One parameter that narrows what is selected."""

    def spans(self, request: Request, population: Population) -> Spans | None:
        """Return the only indices that may be meant; None where the parameter is not given."""


@dataclass(frozen=True)
class Since:
    """Records created or changed since a moment: from it on, or with `strict` after it. `unit` is that of a number."""

    param: str
    by: Moments = "changed"
    strict: bool = False
    unit: Literal["text", "seconds", "milliseconds"] = "text"
    place: Place = "query"

    def spans(self, request: Request, population: Population) -> Spans | None:
        """Return what came to be, or changed, since then."""
        text = parameter(request, self.place, self.param)
        if text is None:
            return None
        moment = _moment(text, self.unit) + (INSTANT if self.strict else timedelta())
        return _between(_timeline(population), self.by, moment, END)


@dataclass(frozen=True)
class Within:
    """Records of a window: from `start` until before `end`, or with `closed` until and with it; days end with the day."""

    start: str
    end: str
    by: Moments = "created"
    closed: bool = False
    required: bool = False
    place: Place = "query"

    def spans(self, request: Request, population: Population) -> Spans | None:
        """Return what came to be, or changed, within."""
        texts = [parameter(request, self.place, name) for name in (self.start, self.end)]
        if self.required and None in texts:
            raise Refusal(400, f"{self.start} and {self.end} are required.")
        if texts == [None, None]:
            return None
        start = BEGINNING if texts[0] is None else _moment(texts[0])
        end = END if texts[1] is None else _moment(texts[1])
        if self.closed and end < END:
            end += timedelta(days=1) if texts[1] and len(texts[1]) == 10 else INSTANT
        return _between(_timeline(population), self.by, start, end)


@dataclass(frozen=True)
class After:
    """Records whose `field`, a number that rises with the index, is above the parameter; with `inclusive` not below it."""

    param: str
    field: str = "id"
    inclusive: bool = False
    place: Place = "query"

    def spans(self, request: Request, population: Population) -> Spans | None:
        """Return what comes after."""
        text = parameter(request, self.place, self.param)
        if text is None:
            return None
        every = range(len(population))

        def value(index: int) -> Any:
            return population.as_it_was(index)[self.field]

        return Spans([every[first_above(every, value, text, inclusive=self.inclusive) :]])


@dataclass(frozen=True)
class Equals:
    """Records whose `field` is, as text, what the parameter says. Every record is looked at: for small populations."""

    param: str
    field: str
    place: Place = "query"

    def spans(self, request: Request, population: Population) -> Spans | None:
        """Return what is equal."""
        text = parameter(request, self.place, self.param)
        if text is None:
            return None
        found = (one for one in _living(population) if str(population.record(one)[self.field]) == text)
        return Spans([range(one, one + 1) for one in found])


def rows(
    population: Population,
    *filters: Filter,
    order: Order | Literal["changed"] = "oldest",
    most: int | None = None,
) -> Rows:
    """Return the living records of `population` narrowed by every filter; "changed" orders them by their last change.

    Of more than `most` the rest is left out, and nothing says so.
    """
    began_with = len(population)

    def find(request: Request) -> Sequence[int]:
        found = Spans([range(len(population))])
        for one in filters:
            spans = one.spans(request, population)
            found = found if spans is None else found.meet(spans)
        found = found.without(population.deleted)
        if order == "changed":
            timeline = _timeline(population)
            return sorted(found, key=lambda index: (timeline.changed(index), index))[:most]
        settled = sum(max(0, min(run.stop, began_with) - run.start) for run in found.runs)
        ordered = Ordered(found, order, settled)
        return ordered if most is None or len(found) <= most else ordered[:most]

    return Rows(find, population.record)


def deletions(population: Population, *, key: str = "id", at: str = "deleted_at", since: str = "since") -> Rows:
    """Return the feed of deleted records: `key` and the moment `at`, oldest first; the parameter `since` narrows it."""
    timeline = _timeline(population)

    def find(request: Request) -> Sequence[int]:
        text = request.params.get(since)
        moment = BEGINNING if text is None else _moment(text)
        gone = [index for index in population.deleted if timeline.changed(index) >= moment]
        return sorted(gone, key=lambda index: (timeline.changed(index), index))

    def record(index: int) -> Record:
        return {key: population.as_it_was(index)[key], at: written(timeline.changed(index))}

    return Rows(find, record)


def first_above(indices: Sequence[int], value: Callable[[int], Any], text: str, *, inclusive: bool) -> int:
    """Return where in `indices` the values pass `text`: found by halving, since `value` rises along them."""
    low, high = 0, len(indices)
    if not high:
        return 0
    try:
        bound = type(value(indices[0]))(text)
    except ValueError as error:
        raise Refusal(400, "The value to go on after is not one of this field.") from error
    while low < high:
        middle = (low + high) // 2
        found = value(indices[middle])
        low, high = (middle + 1, high) if found < bound or (found == bound and not inclusive) else (low, middle)
    return low


def written(moment: datetime) -> str:
    """Return a moment as ISO 8601 with milliseconds and `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _between(timeline: Timeline, by: Moments, start: datetime, end: datetime) -> Spans:
    return timeline.between(start, end) if by == "created" else timeline.changed_between(start, end)


def _timeline(population: Population) -> Timeline:
    if population.timeline is None:
        raise ValueError("the population has no timeline to filter by")
    return population.timeline


def _moment(text: str, unit: str = "text") -> datetime:
    try:
        if unit == "text":
            # A plus that was not encoded arrives as a space; Python 3.10 reads three or six digits of a second only.
            text = OFFSET.sub(r"\1+\2", text.replace("Z", "+00:00"))
            moment = datetime.fromisoformat(FRACTION.sub(lambda digits: f".{digits[1][:6]:<06}", text))
            return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return datetime.fromtimestamp(int(text) / (1000 if unit == "milliseconds" else 1), tz=timezone.utc)
    except ValueError as error:
        raise Refusal(400, "A moment is needed.") from error


def _living(population: Population) -> Iterable[int]:
    gone: Any = set(population.deleted)
    return (index for index in range(len(population)) if index not in gone)
