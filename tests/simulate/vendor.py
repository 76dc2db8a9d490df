"""A served simulator, asked with its own credential."""

import contextlib
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from headwater.simulate import Server, Simulation, load_simulator, serve


@dataclass(frozen=True)
class Served:
    server: Server
    simulation: Simulation
    http: requests.Session
    headers: dict[str, str]

    def get(self, path, headers=None, **params) -> Any:
        headers = self.headers if headers is None else headers
        return self.http.get(self.server.url + path, params=params, headers=headers, timeout=(5, 0.5))

    def post(self, path, body, headers=None, **params) -> Any:
        headers = self.headers if headers is None else headers
        return self.http.post(self.server.url + path, params=params, json=body, headers=headers, timeout=(5, 0.5))


def serving(name, headers, **defaults):
    """Return a fixture: a function that serves the simulator `name` with some options, asked with `headers` of its settings."""

    @pytest.fixture
    def api(simulators, http, clock):
        simulator = load_simulator(simulators / name)
        with contextlib.ExitStack() as servers:

            def build(**options):
                simulation = simulator.simulation(**{"records": 90, **defaults, **options})
                server = servers.enter_context(serve(simulation, clock=clock))
                return Served(server, simulation, http, headers(simulator.configuration("")))

            yield build

    return api
