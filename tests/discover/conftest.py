"""Small vendors served over real HTTP."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from headwater.discover import discover
from headwater.simulate import Reply, Route, Simulation, load_simulator, serve
from headwater_runtime.clock import FakeClock
from headwater_runtime.transport import RequestsTransport

ROOT = Path(__file__).parents[2]


class Vendor:
    """Serves `/things`: `answer` takes a request and returns a JSON body or a Reply."""

    def __init__(self) -> None:
        self._servers = contextlib.ExitStack()

    def serve(self, answer, paths=("/things",), method="GET"):
        def handler(request):
            body = answer(request)
            return body if isinstance(body, Reply) else Reply.json(body)

        simulation = Simulation(tuple(Route(method, path, handler) for path in paths), {}, {})
        self.server = self._servers.enter_context(serve(simulation))
        return self.server.url + paths[0]

    def close(self) -> None:
        self._servers.close()


@pytest.fixture
def vendor():
    running = Vendor()
    yield running
    running.close()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def find(clock):
    """Discover with real requests and a clock that never waits."""
    transport = RequestsTransport()

    def run(url, headers=None, name="Thing"):
        told = []
        found = discover(
            url, name=name, headers=headers or {}, transport=transport, clock=clock, on_finding=told.append
        )
        assert tuple(told) == found.findings
        return found

    yield run
    transport.close()


@pytest.fixture(scope="session")
def cpg():
    return load_simulator(ROOT / "simulators" / "cpg")


@pytest.fixture
def people():
    """Records with a unique id, in no order by any date."""

    def make(count, start=0):
        return [
            {
                "id": f"p{n:04}",
                "name": f"Person {n % 7}",
                "score": n % 5,
                "born": f"19{60 + n * 7 % 40}-0{1 + n % 9}-11",
            }
            for n in range(start, start + count)
        ]

    return make
