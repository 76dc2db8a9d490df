"""What the destination must hold for the organisation as it is now, in the destination's names and types.

Ids are text, dates are moments in UTC, money of numbers is decimal, nested values are JSON. A gift's designations are rows of
their own. What is poisoned can be read by nobody, and is left out. Empty values are not compared: a column that holds nothing
else is never created.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from headwater.simulate import Overlap, Population, Record, Truth

from .entities import Organization

__all__ = ["KEYS", "overlaps", "truths"]

KEYS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("id",),
    "contact_individuals": ("id",),
    "gifts": ("id",),
    "gift_designations": ("id",),
}
DATES = ("createDateTimeUtc", "modifiedDateTimeUtc", "giftDate", "receiptDate")
MODIFIED = "modifiedDateTimeUtc"
LAG = timedelta(minutes=5)  # a change may show this long after the moment it bears
IDS = re.compile(r"^id$|Id$")
WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def truths(data: Organization, poisoned: Callable[[int], bool]) -> dict[str, Truth]:
    """Return the truth of each table; `poisoned` tells which records cannot be read."""

    def rows(population: Population) -> Truth:
        return lambda: (_row(record) for record in _readable(population, poisoned))

    def designations() -> Iterator[dict[str, Any]]:
        return _parts(_readable(data.gifts, poisoned))

    tables = (rows(data.contacts), rows(data.individuals), rows(data.gifts), designations)
    return dict(zip(KEYS, tables, strict=True))


def overlaps(data: Organization) -> dict[str, Overlap]:
    """Return the overlap of each table: changes can be asked for by the day, and the day of the last one was not over."""

    def rows(population: Population) -> Overlap:
        return lambda since: map(_row, _changed(population, since))

    tables = (
        rows(data.contacts),
        rows(data.individuals),
        rows(data.gifts),
        lambda since: _parts(_changed(data.gifts, since)),
    )
    return dict(zip(KEYS, tables, strict=True))


def _changed(population: Population, since: datetime) -> Iterator[Record]:
    """Yield what changed on the day of the last change before `since`, or later."""
    stamps = [_cell(MODIFIED, one[MODIFIED]) for one in population.records()]
    last = max((stamp for stamp in stamps if stamp <= since), default=since)
    day = datetime.combine(min(last, since - LAG).date(), time(), timezone.utc)
    return (one for one, stamp in zip(population.records(), stamps, strict=True) if stamp >= day)


def _parts(gifts: Iterable[Record]) -> Iterator[dict[str, Any]]:
    for gift in gifts:
        yield from (_row({**one, "giftId": gift["id"]}) for one in gift["giftDesignations"])


def _readable(population: Population, poisoned: Callable[[int], bool]) -> Iterator[Record]:
    gone = set(population.deleted)
    for index in range(len(population)):
        if index not in gone and not poisoned(index):
            yield population.record(index)


def _row(record: Record) -> dict[str, Any]:
    shown = {name: value for name, value in record.items() if name != "giftDesignations" and value not in ("", [])}
    return {WORD.sub("_", name).lower(): _cell(name, value) for name, value in shown.items()}


def _cell(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if name in DATES:
        head, _, fraction = value.partition(".")
        moment = datetime.fromisoformat(head).replace(tzinfo=timezone.utc)
        return moment.replace(microsecond=int(fraction.ljust(6, "0"))) if fraction else moment
    if IDS.search(name):
        return str(value)
    return Decimal(str(value)) if name in {"amount", "amountDesignated"} else value
