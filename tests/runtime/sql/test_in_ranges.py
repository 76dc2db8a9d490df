"""Ranges of a key read side by side: each row once, whatever is killed, in a state that stays small."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest

from headwater_runtime import ConfigError, FullRefresh, Stream, Table, Watermark
from headwater_runtime.clock import FakeClock
from headwater_runtime.sql import Database, InRanges
from tests.runtime.conftest import Kept

from .conftest import Place, records, synced

T = Table("t", key=("a", "b"))
ROWS = [(f"k{number % 7}", number, "2024-01-01") for number in range(100)]
NONE = timedelta(0)


class Killed(BaseException):
    """The process ends."""


@pytest.fixture
def t(place) -> Place:
    place.execute("CREATE TABLE t (a varchar(9), b int, changed date, PRIMARY KEY (a, b))")
    place.fill("t", ROWS)
    return place


def streams(place, parallel=3, then=None, rows=15):
    def made(client):
        source = client.table(
            "t", schema=place.schema, since="changed" if isinstance(then, Watermark) else None, chunk=4
        )
        cursor = InRanges(then or FullRefresh(), rows=rows)
        return [Stream(source, {T: dict}, cursor, checkpoint_rows=1, parallel=parallel)]

    return made


def keys(emit):
    return [(row["a"], row["b"]) for row in emit.rows("t")]


@pytest.mark.parametrize("parallel", [1, 3])
def test_every_row_comes_once(t, parallel):
    emit = synced(t.database(), streams(t, parallel))
    assert sorted(keys(emit)) == sorted((a, b) for a, b, _ in ROWS)
    assert emit.states[-1]["streams"]["t"] == {"shape": f"ranges, full_refresh Keyset {t.schema}.t by a, b → t"}
    if parallel > 1:
        assert keys(emit) != sorted(keys(emit))
        most = max(len(state["streams"]["t"].get("open", ())) for state in emit.states)
        assert most == 3


def test_killed_at_any_row_and_resumed_every_row_came(t):
    whole = synced(t.database(), streams(t))
    for at in range(0, len(whole.operations), 9):
        emit, left = Kept(), iter(range(at))
        upsert = emit.upsert

        def struck(table, rows, left=left, upsert=upsert):
            if next(left, None) is None:
                raise Killed
            upsert(table, rows)

        emit.upsert = struck
        with suppress(Killed):
            synced(t.database(), streams(t), emit=emit)
        state = emit.states[-1] if emit.states else {}
        again = synced(t.database(), streams(t), state)
        assert {*keys(emit), *keys(again)} == {(a, b) for a, b, _ in ROWS}
        assert len(keys(emit)) + len(keys(again)) <= len(ROWS) + 3 * 4 or not state.get("streams", {}).get("t", {}).get(
            "open"
        )


def test_a_watermark_goes_on_where_the_ranges_end(t):
    then = Watermark("changed", lag=NONE, unit=timedelta(days=1))
    first = synced(t.database(), streams(t, then=then))
    assert len(keys(first)) == len(ROWS)
    assert first.states[-1]["streams"]["t"]["since"] == "2024-01-01"
    t.execute("INSERT INTO t VALUES ('new', 1, '2024-01-02')", "UPDATE t SET changed = '2024-01-03' WHERE b = 5")
    t.execute("UPDATE t SET changed = NULL WHERE b > 10", "DELETE FROM t WHERE b IN (2, 3)")
    second = synced(t.database(), streams(t, then=then), first.states[-1])
    assert {("new", 1), ("k5", 5)} <= set(keys(second))
    assert len(keys(second)) < 12
    assert second.states[-1]["streams"]["t"]["since"] == "2024-01-03"


def test_what_changes_while_ranges_are_read_comes_with_the_next_sync(t):
    """Also where a pass was broken off: the mark it ends with is that of its beginning."""
    clock = FakeClock(datetime(2024, 1, 5, tzinfo=timezone.utc))
    then = Watermark("changed", lag=NONE, unit=timedelta(days=1))
    emit = Kept()
    upsert = emit.upsert

    def struck(table, rows):
        upsert(table, rows)
        if len(emit.rows("t")) > 40:
            raise Killed

    emit.upsert = struck
    with pytest.raises(Killed):
        synced(t.database(), streams(t, then=then), emit=emit, clock=clock)
    a, b = keys(emit)[0]
    t.execute(
        f"UPDATE t SET changed = '2024-01-06' WHERE a = '{a}' AND b = {b}",  # behind the reader
        "INSERT INTO t VALUES ('y', 1, '2024-01-08')",  # before it, and later than that
    )
    later = FakeClock(datetime(2024, 1, 9, tzinfo=timezone.utc))
    second = synced(t.database(), streams(t, then=then), emit.states[-1], clock=later)
    assert ("y", 1) in keys(second)
    t.execute("INSERT INTO t VALUES ('z', 1, '2024-01-08')")
    third = synced(t.database(), streams(t, then=then), second.states[-1], clock=later)
    assert set(keys(third)) == {(a, b), ("y", 1), ("z", 1)}


def test_all_ranges_of_a_pass_see_one_moment_of_postgresql(postgres):
    postgres.execute("CREATE TABLE t (a varchar(9), b int, changed date, PRIMARY KEY (a, b))")
    postgres.fill("t", ROWS)
    emit = Kept()
    upsert = emit.upsert

    def changing(table, rows):
        upsert(table, rows)
        postgres.execute("UPDATE t SET changed = '2025-01-01'", "INSERT INTO t SELECT 'z', 1 + max(b) FROM t")

    emit.upsert = changing
    synced(postgres.database(), streams(postgres, parallel=1, rows=30), emit=emit)
    assert len(emit.rows("t")) == len(ROWS)
    assert {str(row["changed"]) for row in emit.rows("t")} == {"2024-01-01"}


def test_an_empty_table_is_one_range(t):
    t.execute("DELETE FROM t")
    assert synced(t.database(), streams(t)).rows("t") == []


def test_what_cannot_be_cut_is_refused(t):
    t.execute("CREATE TABLE plain (a int)")
    with pytest.raises(ConfigError, match="there is none here"):
        Stream(t.table("plain"), {T: dict}, InRanges())
    with pytest.raises(ConfigError, match="delete_vanished does not go"):
        InRanges(FullRefresh(delete_vanished=True))
    with pytest.raises(ConfigError, match="bring nothing"):
        InRanges(rows=0)


def test_duckdb_and_sqlite_are_read_in_ranges_too(tmp_path):
    import sqlite3

    import duckdb

    for kind, module in (("sqlite", sqlite3), ("duckdb", duckdb)):
        with module.connect(tmp_path / kind) as connection:
            connection.execute(
                "CREATE TABLE t (a VARCHAR(9) NOT NULL, b INT NOT NULL, changed DATE, PRIMARY KEY (a, b))"
            )
            connection.executemany("INSERT INTO t VALUES (?, ?, ?)", ROWS)
        connection.close()
        place = Place(None, "", f"{kind}:///{tmp_path / kind}")
        emit = synced(Database(place.url), streams(place))
        assert sorted(keys(emit)) == sorted((a, b) for a, b, _ in ROWS)
        assert len(records(Database(place.url).table("t"))) == len(ROWS)
