"""What goes wrong on real servers: told with its place and its remedy, mended where a new connection mends it, progress kept."""

from __future__ import annotations

from contextlib import closing, suppress

import pymysql
import pytest

from headwater_runtime import ConfigError, FullRefresh, Retry, SourceError, Stream, Table, TransientError, Watermark
from headwater_runtime.clock import FakeClock
from headwater_runtime.sql import Database
from tests.runtime.conftest import Kept

from .conftest import Place, quoted, records, synced

ROWS = 10_000
T, U = Table("t", key="id"), Table("u", key="id")


@pytest.fixture
def wide(place) -> Place:
    """A table that is more than what waits in sockets, so that a reader can be cut off in its middle."""
    place.execute("CREATE TABLE t (id int PRIMARY KEY, name varchar(2000), changed date)")
    numbers = f"seq_0_to_{ROWS - 1}" if place.mysql else f"generate_series(0, {ROWS - 1}) AS s (seq)"
    place.execute(f"INSERT INTO t SELECT seq, repeat('x', 2000), '2024-01-01' FROM {numbers}")
    return place


def kill_all(place: Place) -> int:
    """End every session of the runtime at the server."""
    if place.mysql:
        found = place.execute(
            "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'owner'"
        )
        for (number,) in found:
            with suppress(pymysql.err.OperationalError):  # it may have ended by itself since
                place.execute(f"KILL {number}")
        return len(found)
    ended = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name LIKE 'headwater%'"
    return len(place.execute(ended))


@pytest.mark.parametrize("snapshot", [True, False])
def test_a_connection_that_is_lost_in_the_middle_goes_on_behind_the_last_key(wide, snapshot):
    clock = FakeClock()
    database = wide.database(clock=clock, snapshot=snapshot)
    found = []
    for number, page in enumerate(database.table("t", schema=wide.schema, chunk=500).read()):
        found += [record["id"] for record in page.records]
        if number in {0, 10, 14}:
            kill_all(wide)
    assert found == list(range(ROWS))
    assert set(clock.slept) == {1.0}


def test_without_a_key_it_begins_anew_and_not_for_ever(wide):
    database = wide.database(retry=Retry(attempts=3, draw=lambda: 1.0))
    found: list[int] = []

    def read():
        for page in database.table("t", schema=wide.schema, key=(), chunk=500).read():
            found.extend(record["id"] for record in page.records)
            kill_all(wide)

    with pytest.raises(TransientError, match="the database does not answer"):
        read()
    assert found.count(0) == 3


def test_a_server_that_stays_away_ends_the_sync_and_what_was_read_is_kept(wide):
    """Its sessions are ended before each page, so nothing is ever read to the end."""
    emit = Kept()
    upsert = emit.upsert

    def struck(table, rows):
        upsert(table, rows)
        kill_all(wide)
        wide.database().close()

    emit.upsert = struck
    database = wide.database(retry=Retry(attempts=1))

    def streams(client):
        rows = client.table("t", schema=wide.schema, since="changed", chunk=500)
        return [Stream(rows, {T: dict}, Watermark("changed"), checkpoint_rows=1)]

    with pytest.raises(TransientError, match="does not answer"):
        synced(database, streams, emit=emit)
    before = {row["id"] for row in emit.rows("t")}
    assert 0 < len(before) < ROWS
    again = synced(wide.database(), streams, emit.states[-1])
    after = {row["id"] for row in again.rows("t")}
    assert before | after == set(range(ROWS))
    assert len(after) < ROWS


def test_a_server_that_restarts_is_waited_for(postgres, postgres_server):
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    postgres.execute(f"INSERT INTO t SELECT s, repeat('x', 2000) FROM generate_series(0, {ROWS - 1}) AS s")

    class Waiting(FakeClock):
        """The server is back once somebody has waited twice."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.slept) == 2:
                postgres_server.start()

    clock = Waiting()
    found = []
    for page in postgres.database(clock=clock).table("t", schema=postgres.schema, chunk=500).read():
        found += [record["id"] for record in page.records]
        if len(found) == 500:
            postgres_server.stop()
    assert found == list(range(ROWS))
    assert len(clock.slept) == 2


def test_a_wrong_password_is_a_setting_to_mend(place):
    secret = place.url.split(":")[2].split("@")[0]
    for url in (place.url.replace(secret, "sesame-open-77"), place.url.replace("owner:", "nobody-here:")):
        with pytest.raises(ConfigError, match="refuses to let in") as caught:
            records(Database(url, **place.options).table("t", schema=place.schema, key="id"))
        shown = repr(caught.value) + repr(caught.value.__cause__) + str(caught.value)
        assert "sesame-open-77" not in shown
        assert secret not in shown


def test_a_database_that_is_not_there_is_a_setting_to_mend(place):
    with pytest.raises(ConfigError, match="no such database"):
        records(Database(place.url.rpartition("/")[0] + "/nowhere", **place.options).table("t", key="id"))


def test_nobody_answering_is_told_after_the_tries(place):
    clock = FakeClock()
    port = place.url.split(":")[3].split("/")[0]
    database = Database(
        place.url.replace(port, "1"), retry=Retry(attempts=3, draw=lambda: 1.0), clock=clock, **place.options
    )
    with pytest.raises(TransientError, match="the database does not answer") as caught:
        records(database.table("t", key="id"))
    assert "check host, port" in caught.value.hint
    assert clock.slept == [1.0, 2.0]


def both(place, broken, **options):
    """Return streams of a table `t` that is broken and of one that is not."""

    def streams(client):
        return [
            Stream(client.table(broken, schema=place.schema, **options), {T: dict}, FullRefresh()),
            Stream(client.table("u", schema=place.schema), {U: dict}, FullRefresh()),
        ]

    return streams


@pytest.fixture
def beside(place) -> Place:
    place.execute("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE u (id int PRIMARY KEY)")
    place.execute("INSERT INTO t VALUES (1)", "INSERT INTO u VALUES (1)")
    return place


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ("nosuch", {}, "the database lacks a table.*nosuch"),
        ("nosuch", {"key": "id"}, "the database lacks a table.*nosuch"),
        ("t", {"key": "nosuch"}, "there is no column 'nosuch'"),
        ("t", {"columns": ["nosuch"]}, "the database lacks a column.*nosuch"),
    ],
)
def test_a_table_or_column_that_is_missing_is_named_and_the_other_streams_go_on(beside, table, options, message):
    emit = Kept()
    with pytest.raises(SourceError, match=message) as caught:
        synced(beside.database(), both(beside, table, **options), emit=emit)
    assert table in caught.value.where
    assert emit.rows("u") == [{"id": 1}]


def test_a_table_that_may_not_be_read_is_named_and_the_other_streams_go_on(beside, request):
    if beside.mysql:
        name = "`" + beside.schema.replace("`", "``") + "`"
        beside.execute(
            "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reader-1234'",
            f"GRANT SELECT ON {name}.u TO reader@'127.0.0.1'",
        )
        beside.execute(f"GRANT INSERT ON {name}.t TO reader@'127.0.0.1'")
        request.addfinalizer(lambda: beside.execute("DROP USER reader@'127.0.0.1'"))
        url = beside.url.replace("/mysql", "/information_schema")
    else:
        name = quoted(beside.schema)
        beside.execute("CREATE ROLE reader LOGIN PASSWORD 'reader-1234'", f"GRANT USAGE ON SCHEMA {name} TO reader")
        beside.execute(f"GRANT SELECT ON {name}.u TO reader")
        request.addfinalizer(lambda: beside.execute("DROP OWNED BY reader", "DROP ROLE reader"))
        url = beside.url
    url = url.replace("owner:", "reader:", 1).replace(url.split(":")[2].split("@")[0], "reader-1234")
    beside.url = url
    found = {one.name: one for one in beside.database().tables(schema=beside.schema)}
    assert found["u"].columns == ("id",)
    assert found["t"].columns == ()
    emit = Kept()
    with pytest.raises(SourceError, match="the user may not read this"):
        synced(beside.database(), both(beside, "t", key="id"), emit=emit)
    assert emit.rows("u") == [{"id": 1}]


def test_a_lock_is_waited_for_so_long_and_the_other_streams_go_on(beside):
    database = beside.database(lock_timeout=1.0 if beside.mysql else 0.1, retry=Retry(attempts=2, draw=lambda: 1.0))
    with closing(beside.connect()) as holder:
        cursor = holder.cursor()
        cursor.execute("LOCK TABLES t WRITE" if beside.mysql else "LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        emit = Kept()
        with pytest.raises(SourceError, match="waited too long for a lock") as caught:
            synced(database, both(beside, "t"), emit=emit)
        assert "lock_timeout" in caught.value.hint
        assert emit.rows("u") == [{"id": 1}]
        holder.rollback()


def test_a_statement_that_takes_too_long_is_told_as_such(place):
    slow = (
        "SELECT SLEEP(30) AS id FROM (SELECT 1 UNION SELECT 2) x" if place.mysql else "SELECT pg_sleep(30)::text AS id"
    )
    with pytest.raises(SourceError, match="the server stopped the statement"):
        records(place.database(statement_timeout=0.2).query(slow, name="slow"))


def test_a_table_that_is_dropped_between_chunks_ends_its_stream(wide):
    database = wide.database(snapshot=False)
    reading = database.table("t", schema=wide.schema, chunk=500).read()
    next(reading)
    wide.execute("DROP TABLE t")
    with pytest.raises(SourceError, match="the database lacks a table"):
        list(reading)


def test_a_statement_that_fails_in_the_middle_is_told_as_the_server_tells_it(postgres):
    rows = postgres.database().query("SELECT x AS id, 1 / (x - 5000) AS y FROM generate_series(1, 9000) AS x", key="id")
    found = []

    def read():
        for page in rows.read():
            found.extend(record["id"] for record in page.records)

    with pytest.raises(SourceError, match="the database failed: division by zero"):
        read()
    assert found == list(range(1, len(found) + 1))


def test_a_text_that_does_not_fit_its_encoding_is_named(postgres_server):
    """A database that checks no encoding may hold bytes that are no text in any."""
    from headwater.simulate.postgres_server import OWNER, PASSWORD

    with closing(postgres_server.connect()) as connection:
        connection.execute("CREATE DATABASE ascii ENCODING SQL_ASCII TEMPLATE template0 LOCALE 'C'")
    try:
        with closing(postgres_server.connect("ascii")) as connection:
            connection.execute("CREATE TABLE t (id int PRIMARY KEY, name text, code char(3))")
            connection.execute(r"INSERT INTO t VALUES (1, 'fine', 'a'), (2, convert_from('\xc3a9', 'SQL_ASCII'), 'b')")
            connection.execute(r"INSERT INTO t VALUES (3, convert_from('\xe9ff', 'SQL_ASCII'), 'c'), (4, NULL, 'd')")
        url = f"postgresql://{OWNER}:{PASSWORD}@127.0.0.1:{postgres_server.port}/ascii"
        for fast in (True, False):
            database = Database(url, fast=fast)
            with pytest.raises(Exception, match="'name' is not UTF-8"):
                records(database.table("t"))
            (page,) = database.table("t").read(skip=True)
            assert [(one["id"], one["name"], one["code"]) for one in page.records] == [
                (1, "fine", "a  "),
                (2, "é", "b  "),
                (4, None, "d  "),
            ]
            (failure,) = page.failed
            assert "'name' is not UTF-8" in failure.message
            assert failure.payload == '{"id": 3}'
            database.close()
    finally:
        with closing(postgres_server.connect()) as connection:
            connection.execute("DROP DATABASE ascii WITH (FORCE)")
