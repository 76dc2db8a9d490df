"""simulate: a vendor's API, served here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headwater import catalog
from headwater.model import Report
from headwater.simulate import Conditions, RateLimit, load_simulator, serve

__all__ = ["simulate"]


@contextmanager
def simulate(
    name: str,
    *,
    port: int = 0,
    records: int | None = None,
    latency_ms: int = 0,
    seed: int = 0,
    rate_limit: int | None = None,
) -> Iterator[Report]:
    """Serve simulator `name` on 127.0.0.1 while the context lasts; the report comes when it answers.

    `records` sizes its main data, `latency_ms` delays each answer, `rate_limit` is requests a minute. Raises SimulatorError
    for an unknown name or a port in use.
    """
    simulator = load_simulator(catalog.simulator(name))
    conditions = Conditions(
        rate_limit=None if rate_limit is None else RateLimit(rate_limit, 60.0), latency=latency_ms / 1000
    )
    simulation = simulator.simulation(seed=seed, records=records)
    with serve(simulation, port, conditions=conditions) as server:
        yield Report(
            "simulate",
            "ok",
            {
                "name": name,
                "title": simulator.title,
                "url": server.url,
                "configuration": simulator.configuration(server.url),
            },
        )
