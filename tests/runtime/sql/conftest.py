"""Real servers: one PostgreSQL and one MariaDB a session, a schema or database of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pytest

from headwater.errors import SimulatorError
from headwater.simulate.postgres_server import OWNER, PASSWORD, PostgresServer
from headwater_runtime import Config, Retry, Source, Stream
from headwater_runtime.clock import FakeClock
from headwater_runtime.sql import Database
from tests.runtime.conftest import Kept

from . import mariadb as maria

_numbers = itertools.count(1)
CONFIG = Config()


@dataclass
class Place:
    """A schema of PostgreSQL or a database of MariaDB, and what a test does there beside the runtime."""

    server: Any
    schema: str
    url: str
    mysql: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    opened: list[Database] = field(default_factory=list)

    def connect(self) -> Any:
        """Return a connection of its own that uses the place, not in autocommit."""
        if self.mysql:
            return self.server.connect(self.schema, autocommit=False)
        connection = self.server.connect(autocommit=True)
        connection.execute("SET search_path TO " + quoted(self.schema) + ", public")
        connection.autocommit = False
        return connection

    def execute(self, *statements: str, values: Any = None) -> list[Any]:
        """Run statements and return what the last one gave."""
        rows: list[Any] = []
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement, values)
                rows = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
        return rows

    def fill(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """Insert rows."""
        with closing(self.connect()) as connection:
            marks = ", ".join(["%s"] * len(rows[0]))
            connection.cursor().executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
            connection.commit()

    def database(self, **options: Any) -> Database:
        """Return the runtime's way in. It never really waits."""
        told = {
            "retry": Retry(draw=lambda: 1.0),
            "clock": FakeClock(datetime.now(timezone.utc)),
            **self.options,
            **options,
        }
        self.opened.append(Database(self.url, **told))
        return self.opened[-1]

    def table(self, name: str, **options: Any) -> Any:
        """Describe a table of the place."""
        return self.database().table(name, schema=self.schema, **options)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def records(rows: Any, *at: Any) -> list[dict[str, Any]]:
    """Return every record of a reading."""
    return [record for page in rows.read(*at) for record in page.records]


def synced(
    database: Database,
    streams: Callable[[Database], list[Stream]],
    state: Any = None,
    *,
    emit: Any = None,
    clock: Any = None,
) -> Kept:
    """Run a whole sync and return what it emitted."""
    emit = emit or Kept()
    source = Source(CONFIG, lambda _: database, lambda client, _: streams(client))
    clock = clock or FakeClock(datetime.now(timezone.utc))
    source.run({}, state or {}, emit=emit, clock=clock)
    return emit


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    try:
        server = PostgresServer()
    except SimulatorError as why:
        pytest.skip(str(why))
    with server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[maria.MariaDb]:
    try:
        server = maria.MariaDb()
    except maria.NoMariaDbError as why:
        pytest.skip(str(why))
    with server:
        yield server


@pytest.fixture
def postgres(postgres_server) -> Iterator[Place]:
    schema = f'test "{next(_numbers)}" é.%'  # every test shows that names are quoted
    place = Place(postgres_server, schema, f"postgresql://{OWNER}:{PASSWORD}@127.0.0.1:{postgres_server.port}/postgres")
    with closing(postgres_server.connect()) as connection:
        connection.execute(f"CREATE SCHEMA {quoted(schema)}")
    yield place
    for database in place.opened:
        database.close()
    with closing(postgres_server.connect()) as connection:
        connection.execute(f"DROP SCHEMA {quoted(schema)} CASCADE")


@pytest.fixture
def mariadb(mariadb_server) -> Iterator[Place]:
    name = f"test `{next(_numbers)}` é.%"
    address = f"mysql://owner:{maria.PASSWORD}@127.0.0.1:{mariadb_server.port}/mysql"
    with closing(mariadb_server.connect()) as connection:
        connection.cursor().execute("CREATE DATABASE `" + name.replace("`", "``") + "` CHARACTER SET utf8mb4")
    place = Place(mariadb_server, name, address, mysql=True)
    yield place
    for database in place.opened:
        database.close()
    with closing(mariadb_server.connect()) as connection:
        connection.cursor().execute("DROP DATABASE `" + name.replace("`", "``") + "`")


@pytest.fixture(params=["adbc", "psycopg", "mariadb"])
def place(request) -> Place:
    """Each kind of server, PostgreSQL by both of its drivers."""
    if request.param == "mariadb":
        return request.getfixturevalue("mariadb")
    found = request.getfixturevalue("postgres")
    found.options["fast"] = request.param == "adbc"
    return found
