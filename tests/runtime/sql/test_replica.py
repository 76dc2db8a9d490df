"""A replica that follows its primary serves like it, but for what it cannot tell: which transactions are open there."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from headwater.simulate.postgres_server import OWNER, PASSWORD, PostgresServer
from headwater_runtime import Stream, Table, Watermark
from headwater_runtime.sql import InRanges

from .conftest import records, synced

if TYPE_CHECKING:
    from typing_extensions import Self


class Replica(PostgresServer):
    """A server that follows another one."""

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__()
        self._primary = primary

    def __enter__(self) -> Self:
        where = ["-h", "127.0.0.1", "-p", str(self._primary.port), "-U", OWNER]
        command = [str(self._bin / "pg_basebackup"), *where, "-D", str(self._folder / "data"), "-R", "-c", "fast"]
        told = {**os.environ, "PGPASSWORD": PASSWORD}
        done = subprocess.run(command, cwd=self._folder, env=told, capture_output=True, check=False, **self._owner)
        assert done.returncode == 0, done.stderr
        self.start()
        return self


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_a_replica_is_read_like_its_primary(postgres, postgres_server, fast):
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, changed timestamptz)", "CREATE VIEW v AS SELECT * FROM t")
    postgres.execute("INSERT INTO t SELECT s, '2024-01-01' FROM generate_series(1, 50) AS s")
    with Replica(postgres_server) as replica:
        postgres.url = postgres.url.replace(f":{postgres_server.port}/", f":{replica.port}/")
        with closing(replica.connect()) as line:
            assert line.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        database = postgres.database(fast=fast)
        for name in ("t", "v"):
            rows = database.table(name, schema=postgres.schema, key="id", since="changed", chunk=7)
            assert [record["id"] for record in records(rows)] == list(range(1, 51))
        assert rows.horizon() is None

        def streams(client):
            rows = client.table("t", schema=postgres.schema, since="changed", chunk=7)
            return [Stream(rows, {Table("t", key="id"): dict}, InRanges(Watermark("changed"), rows=20), parallel=2)]

        emit = synced(database, streams)
        assert sorted(row["id"] for row in emit.rows("t")) == list(range(1, 51))
        assert emit.states[-1]["streams"]["t"]["since"] == "2024-01-01"
        database.close()
