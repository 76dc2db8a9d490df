"""What the destination must hold for an account as it is now, in the destination's names and types.

Every date is a moment in UTC. Nested values that are no child table are JSON. A visit without attributes is no row. Empty
text is not compared: a column that holds nothing else is never created.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from headwater.simulate import Record, Truth

from .account import Account
from .records import location_of

__all__ = ["KEYS", "truths"]

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
        return (_row(record) for record in account.visits.records() if "attributes" in record)

    def leads() -> Iterator[dict[str, Any]]:
        return map(_row, account.leads.records())

    def locations() -> Iterator[dict[str, Any]]:
        return ({"id": record["id"], **_filled(record["attributes"])} for record in account.locations())

    def routes() -> Iterator[dict[str, Any]]:
        for record in account.visits.records():
            for position, step in enumerate(record.get("attributes", {}).get("visit_route", ()), 1):
                yield {"visit_id": record["id"], "position": position, **_filled(step)}

    return dict(zip(KEYS, (visits, leads, locations, routes), strict=True))


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
