"""A transaction that commits after a sync has read is not lost, whatever the times of its rows; two real connections show it."""

from contextlib import closing
from datetime import datetime, timedelta, timezone

import psycopg
import pytest

from headwater_runtime import Stream, Table, Watermark
from headwater_runtime.clock import FakeClock
from headwater_runtime.sql import InRanges, Since

from .conftest import synced

T = Table("t", key="id")
INSERT = "INSERT INTO t VALUES (%s, CURRENT_TIMESTAMP(6))"


def streams(schema, *, ranges=False, **watermark):
    def made(database):
        rows = database.table("t", schema=schema, since="changed")
        cursor = Watermark("changed", lag=timedelta(0), **watermark)
        return [Stream(rows, {T: dict}, InRanges(cursor) if ranges else cursor)]

    return made


@pytest.fixture
def t(place):
    kind = "timestamp(6) NOT NULL" if place.mysql else "timestamptz"
    place.execute(f"CREATE TABLE t (id int PRIMARY KEY, changed {kind})")
    return place


def sync(place, state=None, **how):
    # An hour ahead: what the mark may be is the database's to say, whatever the clock here says.
    clock = FakeClock(datetime.now(timezone.utc) + timedelta(hours=1))
    emit = synced(place.database(), streams(place.schema, **how), state, clock=clock)
    return sorted(row["id"] for row in emit.rows("t")), emit.states[-1]


@pytest.mark.parametrize("how", [{}, {"order": "ascending"}, {"ranges": True}], ids=["none", "ascending", "ranges"])
def test_rows_of_a_transaction_that_was_open_come_with_the_next_sync(t, how):
    with closing(t.connect()) as late:
        late.cursor().execute(INSERT, (1,))
        t.execute("SELECT 1" if t.mysql else "SELECT pg_sleep(0.01)")
        t.execute(INSERT.replace("%s", "2"))  # committed, and later than the first
        first, state = sync(t, **how)
        assert first == [2]
        late.commit()
    second, state = sync(t, state, **how)
    assert 1 in second
    t.execute(INSERT.replace("%s", "3"))
    third, _ = sync(t, state, **how)
    assert 3 in third


def test_a_transaction_that_has_only_read_so_far_counts(postgres):
    """Its now() is the time it began, whenever it writes."""
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, changed timestamptz)")
    with closing(postgres.connect()) as late:
        late.cursor().execute("SELECT 1")
        postgres.execute("SELECT pg_sleep(1.1)", INSERT.replace("%s", "2"))
        first, state = sync(postgres)
        late.cursor().execute("INSERT INTO t VALUES (1, now())")
        late.commit()
    assert first == [2]
    assert 1 in sync(postgres, state)[0]


def test_times_without_a_zone_are_held_back_by_what_is_open_in_their_own(postgres):
    """New York's clocks are behind UTC's: taken for UTC, what is open would seem to have begun hours after all of them."""
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, changed timestamp)")
    insert, zone = "INSERT INTO t VALUES ({}, localtimestamp)", "America/New_York"

    def made(database):
        rows = database.table("t", schema=postgres.schema, since=Since("changed", zone=zone))
        return [Stream(rows, {T: dict}, Watermark("changed", zone=zone, lag=timedelta(0)))]

    with closing(postgres.connect()) as late:
        late.execute(f"SET TIME ZONE '{zone}'")
        late.commit()
        late.execute(insert.format(1))
        postgres.execute("SELECT pg_sleep(0.01)", f"SET TIME ZONE '{zone}'", insert.format(2))
        first = synced(postgres.database(), made)
        late.commit()
    assert [row["id"] for row in first.rows("t")] == [2]
    assert 1 in [row["id"] for row in synced(postgres.database(), made, first.states[-1]).rows("t")]


def test_the_mark_moves_once_nothing_is_open(t):
    """The second that the mark stays behind the database's clock is what a statement may take to show as begun."""
    with closing(t.connect()) as other:
        with other.cursor() as cursor:
            hour = "INTERVAL 1 HOUR" if t.mysql else "interval '1 hour'"
            cursor.execute(
                f"INSERT INTO t VALUES (1, CURRENT_TIMESTAMP(6) - {hour}), (2, CURRENT_TIMESTAMP(6) - {hour})"
            )
        other.commit()
    _, state = sync(t)
    again, _ = sync(t, state)
    assert again == [1, 2]  # what lies at the mark, and nothing else
    t.execute(INSERT.replace("%s", "3"))
    _, state = sync(t, state)
    assert 1 not in sync(t, state)[0]


def test_where_the_transactions_of_others_are_hidden_the_lag_alone_bounds_the_mark(t, request):
    if t.mysql:
        t.execute(
            "CREATE USER small@'127.0.0.1' IDENTIFIED BY 'small-1234'", "GRANT SELECT ON *.* TO small@'127.0.0.1'"
        )
        request.addfinalizer(lambda: t.execute("DROP USER small@'127.0.0.1'"))
    else:
        schema = '"' + t.schema.replace('"', '""') + '"'
        t.execute(
            "CREATE ROLE small LOGIN PASSWORD 'small-1234'",
            f"GRANT USAGE ON SCHEMA {schema} TO small",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO small",
        )
        request.addfinalizer(lambda: t.execute("DROP OWNED BY small", "DROP ROLE small"))
    t.url = t.url.replace("owner:", "small:", 1)
    t.url = t.url.replace(t.url.split(":")[2].split("@")[0], "small-1234")
    with closing(t.connect()) as late:
        late.cursor().execute(INSERT, (1,))
        shown = t.database().table("t", schema=t.schema, since="changed").horizon()
        if t.mysql:
            assert shown is None
            return
        # What is seen of others counts: here a session of its own, beside one that is hidden.
        with closing(psycopg.connect(t.url)) as own:
            (began,) = own.execute("SELECT now()").fetchone()
            assert t.database().table("t", schema=t.schema, since="changed").horizon() <= began


def test_rows_without_a_time_are_read_in_the_first_pass(place):
    place.execute(
        "CREATE TABLE t (id int PRIMARY KEY, changed date)", "INSERT INTO t VALUES (1, NULL), (2, '2024-01-01')"
    )
    for order in ("none", "ascending"):
        first, state = sync(place, order=order)
        assert first == [1, 2]
        assert sync(place, state, order=order)[0] == [2]
