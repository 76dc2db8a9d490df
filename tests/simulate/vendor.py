"""A served simulator, asked with its own credential."""

from dataclasses import dataclass
from typing import Any

import requests

from headwater.simulate import Server, Simulation


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
