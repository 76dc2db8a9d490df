"""What the destination must hold for the organisation as it is now, in the destination's names and types.

Ids are text, dates are moments in UTC, money of numbers is decimal, nested values are JSON. A gift's designations are rows of
their own. What is poisoned can be read by nobody, and is left out. Empty values are not compared: a column that holds nothing
else is never created.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from headwater.simulate import Population, Record, Truth

from .entities import Organization

__all__ = ["KEYS", "truths"]

KEYS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("id",),
    "contact_individuals": ("id",),
    "gifts": ("id",),
    "gift_designations": ("id",),
}
DATES = ("createDateTimeUtc", "modifiedDateTimeUtc", "giftDate", "receiptDate")
IDS = re.compile(r"^id$|Id$")
WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def truths(data: Organization, poisoned: Callable[[int], bool]) -> dict[str, Truth]:
    """Return the truth of each table; `poisoned` tells which records cannot be read."""

    def rows(population: Population) -> Truth:
        return lambda: (_row(record) for record in _readable(population, poisoned))

    def designations() -> Iterator[dict[str, Any]]:
        for gift in _readable(data.gifts, poisoned):
            yield from (_row({**one, "giftId": gift["id"]}) for one in gift["giftDesignations"])

    tables = (rows(data.contacts), rows(data.individuals), rows(data.gifts), designations)
    return dict(zip(KEYS, tables, strict=True))


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
