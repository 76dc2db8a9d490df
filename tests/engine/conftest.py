"""A real PostgreSQL server for the tests that want one."""

from __future__ import annotations

import pytest

from .postgres import NoPostgresError, Postgres


@pytest.fixture(scope="session")
def postgres():
    try:
        server = Postgres()
    except NoPostgresError as why:
        pytest.skip(str(why))
    with server:
        yield server
