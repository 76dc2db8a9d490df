"""A real PostgreSQL server for the tests that want one."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

import pytest

from headwater.errors import SimulatorError
from headwater.simulate.postgres_server import OWNER, PASSWORD, PostgresServer

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Postgres:
    """The server, and the ways to say where on it a sync lands."""

    server: PostgresServer

    def conninfo(self, *, user: str = OWNER, password: str = PASSWORD, database: str = "postgres") -> str:
        return f"host=127.0.0.1 port={self.server.port} user={user} password={password} dbname={database}"

    def place(self, **how: str) -> str:
        """Return a schema nobody has used yet, as `children.destination` takes it."""
        return json.dumps({"conninfo": self.conninfo(**how), "schema": f"warehouse {next(_numbers)}"})


@pytest.fixture(scope="session")
def postgres():
    try:
        server = PostgresServer()
    except SimulatorError as why:
        pytest.skip(str(why))
    with server:
        yield Postgres(server)
