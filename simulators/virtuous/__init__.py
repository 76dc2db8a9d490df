"""Virtuous CRM+, faked: contacts, individuals, gifts and their designations behind query endpoints, and queries that fail.

Where the vendor's pages are silent the stricter reading was taken; an option takes the other. A query without `sortBy` has
its records in an order nobody promised.
"""

from __future__ import annotations

from headwater.simulate import (
    Budget,
    Meter,
    RateLimit,
    Reply,
    Request,
    Simulation,
    Simulator,
    reset_epoch,
    retry_after,
)

from .answers import refuser
from .api import Api
from .entities import Organization
from .tokens import API_KEY, PASSWORD, Tokens
from .trouble import Trouble
from .truth import KEYS, overlaps, truths

__all__ = ["SIMULATOR"]

GIFTS = 300

OPTIONS: dict[str, object] = {
    "requests_an_hour": 5_000,  # older papers say 1,500; None for no limit
    "order": "mixed",  # of a query without sortBy; or "oldest" or "newest" first
    "clamp_take": False,  # a take above 1,000 is taken for 1,000 instead of refused
    "errors": "target",  # the shape of errors, or "older"
    "poison": 0,  # every query whose result holds one of every so-many-th records fails
    "largest_healthy": 0,  # a larger take fails, until …
    "heals_after": 3,  # … so many queries have failed for it
    "failing_status": 500,  # of both; 0 leaves the client waiting until it gives up
    "forbidden": (),  # entities (Gift, Contact …) the key has no permission for (403)
    "revoked_at": 0,  # the key is void from this request on
    "two_factor": False,  # POST /Token asks for a one-time code
}


def build(*, seed: int, records: int, **options: object) -> Simulation:
    """Return the vendor with `records` gifts; see `OPTIONS` for its switches."""
    refuse = refuser(str(options["errors"]))
    data, tokens, trouble = Organization(records, seed), Tokens(options), Trouble(options, refuse)
    an_hour = options["requests_an_hour"]
    limits = [RateLimit(an_hour, 3_600.0)] if isinstance(an_hour, int) else []

    def too_many(_budget: Budget) -> Reply:
        return refuse(429, "The organization's requests of this hour are used up.")

    meter = Meter(*limits, caller=_everybody, announce=(retry_after, reset_epoch), refuse=too_many)

    def forget() -> None:
        meter.forget()
        trouble.forget()
        tokens.asked = 0

    populations = {
        "gifts": data.gifts,
        "contacts": data.contacts,
        "individuals": data.individuals,
        "designations": data.designations,
    }
    return Simulation(
        Api(data, tokens, meter, trouble, refuse, options).routes(),
        populations,
        truths(data, trouble.poisoned),
        secrets=frozenset({API_KEY, PASSWORD}),
        refuse=refuse,
        forget=forget,
        overlap=overlaps(data),
        edited=("gifts", "contacts"),  # of an individual its contact holds a copy, and does not tell that it changed
    )


def configuration(url: str) -> dict[str, str]:
    """Return what `connectors/virtuous` needs to read this vendor."""
    return {"api_key": API_KEY, "base_url": url, "page_size": "200"}


def _everybody(_request: Request) -> str:
    return ""  # the limit is the organisation's, shared by every credential


SIMULATOR = Simulator(
    name="virtuous",
    title="Virtuous CRM+",
    build=build,
    configuration=configuration,
    keys=KEYS,
    main="gifts",
    records=GIFTS,
    secret_settings=("api_key",),
    variations=({"page_size": "7"}, {"page_size": "50"}, {"page_size": "1000"}),
    options=OPTIONS,
)
