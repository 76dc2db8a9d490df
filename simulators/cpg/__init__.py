"""The Fivetran demo data API, faked: `/cpg_data` with its 28 fields, and its sibling data sets.

Where the vendor is undocumented the stricter reading was taken: the key is checked (401), a bad cursor or page size is
refused (400), and either header name is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headwater.simulate import Population, Route, Simulation, Simulator

from .api import dataset_route, spec_route
from .records import cpg_record, cpg_truth
from .siblings import SIBLINGS

__all__ = ["SIMULATOR"]

API_KEY = "cpg-demo-key-7f3e"
RECORDS = 750


def build(*, seed: int, records: int, **options: object) -> Simulation:
    """Return the vendor; see `OPTIONS` for its switches."""
    populations = {"cpg_records": Population(cpg_record, records, seed=seed)}
    populations |= {f"{one.code}_records": Population(one.record, one.count, seed=seed) for one in SIBLINGS}
    routes: list[Route] = []
    for name, population in populations.items():
        code = name.removesuffix("_records")
        routes += [dataset_route(code, population, API_KEY, options), spec_route(code, population)]

    def truth() -> Iterator[dict[str, Any]]:
        return map(cpg_truth, populations["cpg_records"].records())

    return Simulation(tuple(routes), populations, {"cpg_records": truth}, secrets=frozenset({API_KEY}))


def configuration(url: str) -> dict[str, str]:
    """Return what `connectors/cpg` needs to read this vendor."""
    return {"api_key": API_KEY, "base_url": url, "page_size": "100"}


OPTIONS: dict[str, object] = {
    "null_cursor": True,  # the last page says `next_cursor: null`; False leaves it out
    "empty_page_at": None,  # an empty page that is not the last comes just before the page with this offset
}

SIMULATOR = Simulator(
    name="cpg",
    title="Fivetran demo data API (CPG)",
    build=build,
    configuration=configuration,
    keys={"cpg_records": ("record_id",)},
    main="cpg_records",
    records=RECORDS,
    secret_settings=("api_key",),
    # A prime, one that divides 750 evenly, the default, and the largest.
    variations=({"page_size": "7"}, {"page_size": "25"}, {"page_size": "100"}, {"page_size": "200"}),
    options=OPTIONS,
)
