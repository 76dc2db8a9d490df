"""Whole syncs: tables that change between them, in their rows and in their shape, and syncs that are killed."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from datetime import timedelta

import pytest

from headwater_runtime import ConfigError, FullRefresh, SourceError, Stream, Table, Token, Watermark
from headwater_runtime.log import Log
from headwater_runtime.sql import Database, Relation
from tests.runtime.conftest import Kept

from .conftest import records, synced

T = Table("t", key="id")
DAY = timedelta(days=1)
NONE = timedelta(0)


class Killed(BaseException):
    """The process ends."""


@pytest.fixture
def t(place):
    place.execute("CREATE TABLE t (id int PRIMARY KEY, name varchar(20), gone boolean, changed date)")
    place.fill("t", [(number, f"n{number}", False, f"2024-01-{1 + number % 20:02}") for number in range(60)])
    return place


def reading(place, cursor, **options):
    def made(client):
        since = "changed" if isinstance(cursor, Watermark) else None
        rows = client.table("t", schema=place.schema, since=since, chunk=7)
        return [Stream(rows, {T: dict}, cursor, checkpoint_rows=1, **options)]

    return made


def killed(place, streams, at, state=None):
    """Return what a sync emitted that ended before its `at`-th page."""
    emit, left = Kept(), iter(range(at))
    upsert = emit.upsert

    def struck(table, rows):
        if next(left, None) is None:
            raise Killed
        upsert(table, rows)

    emit.upsert = struck
    with suppress(Killed):
        synced(place.database(), streams, state, emit=emit)
    return emit


@pytest.mark.parametrize("order", ["none", "ascending"])
def test_killed_at_any_page_and_resumed_nothing_is_lost(t, order):
    streams = reading(t, Watermark("changed", lag=NONE, unit=DAY, order=order))
    for at in range(10):
        first = killed(t, streams, at)
        second = synced(t.database(), streams, first.states[-1] if first.states else {})
        found = {row["id"] for row in first.rows("t")} | {row["id"] for row in second.rows("t")}
        assert found == set(range(60))
        repeated = len(first.rows("t")) + len(second.rows("t")) - 60
        assert repeated <= (7 if order == "none" else 14) or at == 0
        assert second.states[-1]["streams"]["t"]["since"] == "2024-01-20"


def test_what_changed_comes_and_nothing_else(t):
    streams = reading(t, Watermark("changed", lag=NONE, unit=DAY))
    state = synced(t.database(), streams).states[-1]
    t.execute(
        "UPDATE t SET name = 'new', changed = '2024-02-01' WHERE id = 3",
        "INSERT INTO t VALUES (99, '', NULL, '2024-02-02')",
    )
    second = synced(t.database(), streams, state)
    assert {row["id"] for row in second.rows("t")} == {3, 99, 19, 39, 59}  # and those at the mark
    assert {row["id"] for row in synced(t.database(), streams, second.states[-1]).rows("t")} == {99}


def test_rows_that_are_only_ever_added_go_on_behind_the_last_key(t):
    streams = reading(t, Token())
    state = synced(t.database(), streams).states[-1]
    t.execute("INSERT INTO t VALUES (60, 'x', NULL, NULL)")
    assert [row["id"] for row in synced(t.database(), streams, state).rows("t")] == [60]


def test_a_column_that_marks_deleted_rows_deletes_them(t):
    streams = reading(t, Watermark("changed", lag=NONE, unit=DAY), deleted="gone")
    state = synced(t.database(), streams).states[-1]
    t.execute("UPDATE t SET gone = true, changed = '2024-02-01' WHERE id IN (1, 2)")
    emit = Kept()
    emit.delete = lambda table, keys: emit.operations.extend(("delete", (table.name, dict(key))) for key in keys)
    synced(t.database(), streams, state, emit=emit)
    assert [row for kind, (_, row) in emit.operations[:-1] if kind == "delete"] == [{"id": 1}, {"id": 2}]


def test_rows_that_vanished_are_deleted_by_a_full_refresh(t):
    streams = reading(t, FullRefresh(delete_vanished=True))
    state = synced(t.database(), streams).states[-1]
    t.execute("DELETE FROM t WHERE id IN (5, 6)")
    emit = Kept()
    emit.delete = lambda table, keys: emit.operations.extend(("delete", (table.name, dict(key))) for key in keys)
    synced(t.database(), streams, state, emit=emit)
    assert sorted(row["id"] for kind, row in [(op[0], op[1][1]) for op in emit.operations if op[0] == "delete"]) == [
        5,
        6,
    ]


def test_columns_may_come_go_and_change_between_syncs(t):
    streams = reading(t, Watermark("changed", lag=NONE, unit=DAY))
    state = synced(t.database(), streams).states[-1]
    t.execute("ALTER TABLE t ADD COLUMN more numeric(5,1)", "ALTER TABLE t DROP COLUMN gone")
    t.execute("ALTER TABLE t MODIFY name text" if t.mysql else "ALTER TABLE t ALTER COLUMN id TYPE bigint")
    t.execute("UPDATE t SET more = 1.5, changed = '2024-02-01' WHERE id = 1")
    found = synced(t.database(), streams, state)
    row = next(row for row in found.rows("t") if row["id"] == 1)
    assert sorted(row) == ["changed", "id", "more", "name"]
    assert str(row["more"]) == "1.5"
    t.execute("ALTER TABLE t DROP COLUMN changed")
    with pytest.raises(SourceError, match="there is no column 'changed'"):
        synced(t.database(), streams, found.states[-1])


def test_another_primary_key_makes_the_saved_position_void(t):
    streams = reading(t, Token())
    state = synced(t.database(), streams).states[-1]
    t.execute("ALTER TABLE t DROP PRIMARY KEY" if t.mysql else "ALTER TABLE t DROP CONSTRAINT t_pkey")
    t.execute("ALTER TABLE t ADD PRIMARY KEY (name, id)")
    assert len(synced(t.database(), streams, state).rows("t")) == 60


def test_a_table_that_was_replaced_is_read_from_its_mark_on(t):
    streams = reading(t, Watermark("changed", lag=NONE, unit=DAY))
    state = synced(t.database(), streams).states[-1]
    t.execute(
        "DROP TABLE t", "CREATE TABLE t (id int PRIMARY KEY, changed date)", "INSERT INTO t VALUES (1, '2024-03-01')"
    )
    assert synced(t.database(), streams, state).rows("t")[0]["id"] == 1


def test_tables_are_chosen_by_patterns(place):
    place.execute(
        "CREATE TABLE sales_a (id int PRIMARY KEY)", "CREATE TABLE sales_b (id int)", "CREATE TABLE other (id int)"
    )
    place.execute("CREATE VIEW sales_v AS SELECT id FROM sales_a")
    found = place.database().tables(schema=place.schema, include=["sales_*"], exclude=["*_b"])
    assert [(one.name, one.key, one.view, one.columns) for one in found] == [
        ("sales_a", ("id",), False, ("id",)),
        ("sales_v", (), True, ("id",)),
    ]
    assert isinstance(found[0], Relation)
    assert found[0].table().columns == {"id": "INT"}
    assert found[0].table("renamed", key=()).key == ()


@pytest.mark.parametrize(
    ("schema", "chosen", "what", "hint"),
    [
        (None, {"include": ["sales", "nope"]}, "no table or view is called 'nope'", "there are sales"),
        (None, {"include": ["x*"]}, "no table or view is called 'x\\*'", "there are sales"),
        (None, {"exclude": ["*"]}, "all tables and views are excluded", "leave one"),
        ("nowhere", {}, "there is no table or view", "check the name of the schema"),
    ],
)
def test_names_that_choose_nothing_are_refused(place, schema, chosen, what, hint):
    place.execute("CREATE TABLE sales (id int PRIMARY KEY)")
    with pytest.raises(ConfigError, match=what) as refused:
        place.database().tables(schema=schema or place.schema, **chosen)
    assert hint in refused.value.hint


def test_partitions_are_read_through_their_table(postgres):
    postgres.execute(
        "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE high PARTITION OF parts FOR VALUES FROM (10) TO (20)",
        "INSERT INTO parts VALUES (1), (11)",
    )
    database = postgres.database()
    assert [one.name for one in database.tables(schema=postgres.schema)] == ["parts"]
    assert records(database.table("parts", schema=postgres.schema)) == [{"id": 1}, {"id": 11}]


def test_a_transaction_that_stays_open_is_told_of(postgres):
    class Told(Log):
        lines = ()

        def warning(self, line):
            self.lines += (line,)

    from contextlib import closing
    from datetime import datetime, timezone

    from headwater_runtime.clock import FakeClock

    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, changed date)")
    log = Told()
    with closing(postgres.connect()) as holder:
        holder.cursor().execute("SELECT 1")
        clock = FakeClock(datetime.now(timezone.utc) + timedelta(hours=2))
        postgres.database(log=log, clock=clock).table("t", schema=postgres.schema, since="changed").horizon()
    assert "a transaction is open since" in log.lines[0]


def test_a_setup_form_is_told_of_a_wrong_password(postgres):
    from headwater_runtime import ConfigError

    secret = postgres.url.split(":")[2].split("@")[0]
    database = Database(postgres.url.replace(secret, "wrong-one-88"))
    with pytest.raises(ConfigError, match="refuses to let in"):
        database.try_out()
    assert postgres.database().try_out() is False


def test_sqlite_waits_for_a_writer_and_tells_what_it_cannot_read(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO t VALUES (1, CAST(x'e9ff' AS TEXT))")
    connection.close()
    database = Database(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(Exception, match="a text is not UTF-8"):
        records(database.table("t"))
    database.close()
    (tmp_path / "no.db").write_text("no database, but long enough to be looked at as if it were one" * 40)
    for name in ("no.db", "absent.db"):
        broken = Database(f"sqlite:///{tmp_path / name}")
        with pytest.raises(Exception, match="the file is no database that can be read"):
            records(broken.table("t", key="id"))
        broken.close()
