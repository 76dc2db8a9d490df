"""What goes wrong on real servers: told with its place and its remedy, mended where a new connection mends it, progress kept."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from itertools import islice

import pymysql
import pytest

from headwater_runtime import (
    ConfigError,
    ContractError,
    FullRefresh,
    Retry,
    SourceError,
    Stream,
    Table,
    TransientError,
    Watermark,
)
from headwater_runtime.clock import FakeClock
from headwater_runtime.sql import Database, InRanges
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


def test_a_server_that_restarts_is_waited_for(wide):
    if wide.mysql:  # set up to lose the last second; what is committed next takes all before it to disk
        wide.execute(
            "SET GLOBAL innodb_flush_log_at_trx_commit = 1", "DELETE FROM t WHERE id < 0", "CREATE TABLE u (id int)"
        )

    class Waiting(FakeClock):
        """The server is back once somebody has waited twice."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.slept) == 2:
                wide.server.start()

    clock = Waiting()
    found = []
    for page in wide.database(clock=clock).table("t", schema=wide.schema, chunk=500).read():
        found += [record["id"] for record in page.records]
        if len(found) == 500:
            wide.server.stop()
    assert found == list(range(ROWS))
    assert len(clock.slept) == 2


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_a_table_that_is_filled_anew_while_it_is_waited_for_is_not_empty(postgres, fast):
    """Whoever truncates it holds its lock to the end; a snapshot from before then sees neither old rows nor new ones."""
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 10)")
    database = postgres.database(fast=fast)
    rows = database.table("t", schema=postgres.schema)
    database.columns(rows)  # asked for before, as where tables are listed
    found: list[int] = []
    reader = threading.Thread(target=lambda: found.extend(record["id"] for record in records(rows)))
    with closing(postgres.connect()) as holder:
        holder.execute("TRUNCATE t")
        holder.execute("INSERT INTO t SELECT generate_series(1, 12)")
        reader.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while postgres.execute(waiting) == [(0,)]:
            assert reader.is_alive()
        holder.commit()
    reader.join()
    assert found == list(range(1, 13))


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_what_cannot_be_locked_is_read_all_the_same(postgres, fast, request):
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, name text)", "INSERT INTO t VALUES (1, 'a')")
    postgres.execute("CREATE MATERIALIZED VIEW m AS SELECT * FROM t", "CREATE VIEW v AS SELECT * FROM m")
    postgres.execute("CREATE ROLE part LOGIN PASSWORD 'part-1234'", "GRANT SELECT (id) ON t TO part")
    postgres.execute(f"GRANT USAGE ON SCHEMA {quoted(postgres.schema)} TO part")
    request.addfinalizer(lambda: postgres.execute("DROP OWNED BY part", "DROP ROLE part"))
    for name in ("m", "v"):
        rows = postgres.database(fast=fast).table(name, schema=postgres.schema, key="id")
        assert records(rows) == [{"id": 1, "name": "a"}]
    url = postgres.url.replace("owner:", "part:", 1).replace(postgres.url.split(":")[2].split("@")[0], "part-1234")
    database = Database(url, fast=fast)
    assert records(database.table("t", schema=postgres.schema, columns=["id"])) == [{"id": 1}]
    database.close()


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_ranges_go_on_without_the_snapshot_they_shared(postgres, fast):
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 100)")
    emit = Kept()
    upsert = emit.upsert

    def struck(table, rows):
        upsert(table, rows)
        idle = "state = 'idle in transaction' AND application_name LIKE 'headwater%' AND query LIKE '%export_snapshot%'"
        postgres.execute(f"SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE {idle}")

    emit.upsert = struck

    def streams(client):
        rows = client.table("t", schema=postgres.schema, chunk=10)
        return [Stream(rows, {T: dict}, InRanges(rows=20), checkpoint_rows=1)]

    synced(postgres.database(fast=fast), streams, emit=emit)
    assert [row["id"] for row in emit.rows("t")] == list(range(1, 101))


def test_a_server_that_ends_idle_transactions_is_only_a_lost_connection(postgres, request):
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    postgres.execute("INSERT INTO t SELECT s, repeat('x', 2000) FROM generate_series(0, 4999) AS s")
    postgres.execute("ALTER ROLE owner SET idle_in_transaction_session_timeout = '300ms'")
    request.addfinalizer(lambda: postgres.execute("ALTER ROLE owner RESET idle_in_transaction_session_timeout"))
    clock = FakeClock()
    found, sessions = [], "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    for page in postgres.database(fast=False, clock=clock).table("t", schema=postgres.schema, chunk=2500).read():
        found += [record["id"] for record in page.records]
        while len(found) < 2500 and postgres.execute(sessions) != [(0,)]:
            pass  # whoever takes the rows takes longer than that
    assert found == list(range(5000))
    assert clock.slept


CHANGED = [
    ("int", "1", "double precision", "1.5"),
    ("int", "1", "bigint", "5000000000"),
    ("int", "1", "text", "'x'"),
    ("numeric(12,2)", "1.25", "numeric(14,4)", "1.2345"),
    ("date", "'2024-01-01'", "timestamp", "'2024-01-01 12:00'"),
    ("bytea", r"'\\x00'", "int", "1"),
]


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
@pytest.mark.parametrize(("kind", "value", "other", "then"), CHANGED)
def test_a_column_whose_type_changes_while_it_is_read_loses_nothing(postgres, fast, kind, value, other, then):
    """What the type of before cannot hold is told, and comes with the next sync: no fraction or time of day is cut off."""
    postgres.execute(f"CREATE TABLE t (id int PRIMARY KEY, v {kind})")
    postgres.execute(f"INSERT INTO t SELECT s, {value} FROM generate_series(1, 6) AS s")
    reading = postgres.database(fast=fast, snapshot=False).table("t", schema=postgres.schema, chunk=2).read()
    next(reading)
    postgres.execute(f"ALTER TABLE t ALTER COLUMN v TYPE {other} USING {then}")
    with pytest.raises(ContractError, match="column 'v' holds .* as it was when the reading began"):
        list(reading)


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
            for snapshot in (True, False):
                database.close()
                database = Database(url, fast=fast, snapshot=snapshot)
                pages = list(islice(database.table("t", chunk=1).read(skip=True), 9))
                assert [page.position for page in pages] == [1, 2, 3, 4]
                assert [len(page.records) for page in pages] == [1, 1, 0, 1]
            database.close()
    finally:
        with closing(postgres_server.connect()) as connection:
            connection.execute("DROP DATABASE ascii WITH (FORCE)")
