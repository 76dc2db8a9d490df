"""A small vendor of twenty things, served for one test, and the CPG simulator as its own package offers it."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from headwater.simulate import (
    Conditions,
    Envelope,
    Population,
    Reply,
    Request,
    Route,
    Server,
    Simulation,
    load_simulator,
    serve,
)
from headwater_runtime.clock import FakeClock

SECRET = "a-key-of-the-test"
SIMULATORS = Path(__file__).parents[2] / "simulators"


def thing(seed, index, version):
    return {"id": f"{seed}-{index}", "version": version}


def vendor(count: int = 20) -> Simulation:
    """`/things` is paged five at a time by `after`; the others answer with what they were asked."""
    things = Population(thing, count)

    def page(request: Request) -> Reply:
        start = int(request.params.get("after", "0"))
        more = start + 5 < len(things)
        return Reply.json(
            {"meta": {"next": str(start + 5) if more else None}, "things": list(things.records(start, start + 5))}
        )

    def echo(request: Request) -> Reply:
        return Reply.json(
            {"captured": dict(request.captured), "params": dict(request.params), "body": request.body.decode()}
        )

    def explode(_request: Request) -> Reply:
        raise ZeroDivisionError("a bug in the vendor")

    envelope = Envelope(records="things", next="meta.next", param="after", key="id")
    routes = (
        Route("GET", "/things", page, envelope),
        Route("POST", "/lists/{list}/echo/{item}", echo),
        Route("GET", "/echo", echo),
        Route("GET", "/explode", explode),
    )
    truth = {"things": things.records}
    return Simulation(routes, {"things": things}, truth, secrets=frozenset({SECRET}), secret_params=frozenset({"key"}))


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def server(clock):
    with serve(vendor(), clock=clock) as running:
        yield running


@pytest.fixture
def http():
    with requests.Session() as session:
        yield session


@pytest.fixture
def under(server):
    """Return a function that puts the server under conditions and gives it back."""

    def set_conditions(**conditions) -> Server:
        server.reset(Conditions(**conditions))
        return server

    return set_conditions


@pytest.fixture
def secret():
    return SECRET


@pytest.fixture(scope="session")
def simulators():
    return SIMULATORS


@pytest.fixture(scope="session")
def cpg(simulators):
    return load_simulator(simulators / "cpg")
