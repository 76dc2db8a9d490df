"""What the destination must hold for an account as it is now, in the destination's names and types.

Every date is a moment in UTC. Nested values that are no child table are JSON. A visit without attributes is no row. Empty
text is not compared: a column that holds nothing else is never created.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from headwater.simulate import Overlap, Record, Truth

from .account import Account
from .records import location_of

__all__ = ["KEYS", "overlaps", "truths"]

# The destination writes one underscore where `raw_leadfeeder__visits` has two.
KEYS: Mapping[str, tuple[str, ...]] = {
    "raw_leadfeeder_visits": ("id",),
    "raw_leadfeeder_leads": ("id",),
    "raw_leadfeeder_locations": ("id",),
    "raw_leadfeeder_visit_routs": ("visit_id", "position"),
}
DATES = ("started_at", "date", "first_visit_date", "last_visit_date")


def truths(account: Account) -> dict[str, Truth]:
    """Return the truth of each table."""

    def visits() -> Iterator[dict[str, Any]]:
        return _visits(account.visits.records())

    def leads() -> Iterator[dict[str, Any]]:
        return map(_row, account.leads.records())

    def locations() -> Iterator[dict[str, Any]]:
        return ({"id": record["id"], **_filled(record["attributes"])} for record in account.locations())

    def routes() -> Iterator[dict[str, Any]]:
        return _routes(account.visits.records())

    return dict(zip(KEYS, (visits, leads, locations, routes), strict=True))


def overlaps(account: Account) -> dict[str, Overlap]:
    """Return the overlap of each table: a range of days is all one can ask for, and the last one was not over.

    So that day comes again, and the one before it, whose last visits a vendor may have shown late.
    """

    def found(since: datetime) -> tuple[list[Record], list[Record]]:
        days = (since - timedelta(days=1)).date(), account.timeline.now().date()
        visits = [account.visits.record(one) for one in account.visits_between(*days)]
        return visits, [account.leads.record(one) for one in account.leads_between(*days)]

    def locations(since: datetime) -> Iterator[dict[str, Any]]:
        seen = {location_of(record) for records in found(since) for record in records}
        return ({"id": one} for one in seen if one is not None)

    return {
        "raw_leadfeeder_visits": lambda since: _visits(found(since)[0]),
        "raw_leadfeeder_leads": lambda since: map(_row, found(since)[1]),
        "raw_leadfeeder_locations": locations,
        "raw_leadfeeder_visit_routs": lambda since: _routes(found(since)[0]),
    }


def _visits(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    return (_row(record) for record in records if "attributes" in record)


def _routes(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    for record in records:
        for position, step in enumerate(record.get("attributes", {}).get("visit_route", ()), 1):
            yield {"visit_id": record["id"], "position": position, **_filled(step)}


def _row(record: Record) -> dict[str, Any]:
    attributes = {name: value for name, value in record["attributes"].items() if name != "visit_route"}
    for name in DATES:
        if name in attributes:
            attributes[name] = _moment(attributes[name])
    return {"id": record["id"], "location_id": location_of(record), **_filled(attributes)}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value != ""}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
