"""Leadfeeder, faked: the legacy JSON:API in full, and the newer unified API under /v1 beside it.

Where the vendor's pages are silent the stricter reading was taken; an option takes the other. Order within a page and across
pages is promised nowhere, so it is mixed.
"""

from __future__ import annotations

from headwater.simulate import Budget, Meter, RateLimit, Reply, Request, Simulation, Simulator

from .account import Account
from .answers import refuse
from .api import Api
from .exports import Exports
from .truth import KEYS, overlaps, truths
from .unified import Unified

__all__ = ["SIMULATOR"]

LEGACY_KEY = "leadfeeder-demo-token-41c9"
UNIFIED_KEY = "leadfeeder-demo-key-8a20"
ACCOUNT, OTHER = "123456", "654321"
VISITS = 600

OPTIONS: dict[str, object] = {
    "requests_a_minute": 100,  # of the legacy API, from one full minute to the next; None for no limit
    "requests_a_second": 10,  # of the unified API, in bursts of half as many again; None for no limit
    "order": "mixed",  # or "oldest" or "newest" first
    "null_next": True,  # the last page says `next: null`; False leaves it out
    "date_error": 400,  # for a missing or impossible date range; 422 is as likely
    "clamp_size": False,  # a page[size] above 100 is taken for 100 instead of refused
    "lacking": 0,  # every so-many-th record lacks some attributes
    "broken": 0,  # every so-many-th visit has no attributes at all
    "forbidden": (),  # of leads, visits, custom-feeds …: what the token may not read (403)
    "revoked_at": 0,  # the token is void from this request on
    "export_polls": 2,  # polls until an export is ready
    "exports_fail": False,
}


def build(*, seed: int, records: int, **options: object) -> Simulation:
    """Return the vendor with `records` visits in its first account; see `OPTIONS` for its switches."""
    accounts = {
        ACCOUNT: Account(ACCOUNT, "Main site", records, seed, options),
        OTHER: Account(OTHER, "Änderer Laden", records // 10, seed + 1, options),
    }
    per_minute, per_second = options["requests_a_minute"], options["requests_a_second"]
    limits = [RateLimit(per_minute, 60.0, aligned=True)] if isinstance(per_minute, int) else []
    meter = Meter(*limits, caller=_token, announce=(), refuse=_too_many)
    api = Api(accounts, LEGACY_KEY, meter, options)
    unified = Unified(accounts, UNIFIED_KEY, per_second if isinstance(per_second, int) else None)
    exports = Exports(accounts, options)

    def forget() -> None:
        meter.forget()
        unified.meter.forget()
        api.asked = 0

    populations = {
        name: population
        for one, suffix in ((accounts[ACCOUNT], ""), (accounts[OTHER], "_of_other"))
        for name, population in ((f"visits{suffix}", one.visits), (f"leads{suffix}", one.leads))
    }
    return Simulation(
        (*api.routes(), *exports.routes(api.front), *unified.routes()),
        populations,
        truths(accounts[ACCOUNT]),
        secrets=frozenset({LEGACY_KEY, UNIFIED_KEY}),
        refuse=refuse,
        forget=forget,
        overlap=overlaps(accounts[ACCOUNT]),
    )


def configuration(url: str) -> dict[str, str]:
    """Return what `connectors/leadfeeder` needs to read this vendor."""
    return {
        "LEADFEEDER_API_TOKEN": LEGACY_KEY,
        "LEADFEEDER_ACCOUNT_ID": ACCOUNT,
        "LEADFEEDER_BASE_API_URL": url,
        "start_date_override": "2024-01-01",
        "page_size": "100",
    }


def _token(request: Request) -> str:
    return request.headers.get("authorization", "")


def _too_many(_budget: Budget) -> Reply:
    return refuse(429, "")


SIMULATOR = Simulator(
    name="leadfeeder",
    title="Leadfeeder (Dealfront)",
    build=build,
    configuration=configuration,
    keys=KEYS,
    main="visits",
    records=VISITS,
    secret_settings=("LEADFEEDER_API_TOKEN",),
    variations=({"page_size": "7"}, {"page_size": "25"}, {"page_size": "100"}),
    options=OPTIONS,
)
