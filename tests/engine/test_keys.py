"""Keys without an index: they are kept, stay unique and not null, and are found again, whatever happened in between."""

from __future__ import annotations

from collections import Counter

import duckdb
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from headwater.engine import DuckDbDestination, content, differences, run
from headwater.engine.buffer import Buffer
from headwater.engine.chunk import Chunk, Kind
from headwater.engine.columns import Column, Form
from headwater.engine.key_filter import BLOCK, LEAST_KEYS, KeyFilter, KeyFilters
from headwater.engine.key_spans import KeySpans
from headwater.engine.shape import TableName, TableShape
from headwater.engine.sqltypes import BIGINT, VARCHAR, SqlType
from headwater.errors import WarehouseError
from headwater_runtime.clock import FakeClock

from .harness import Sync, mod, ok, ours, reference, rm, table, up
from .test_differential import CASES
from .test_drawn import DRAWN, PATIENT, syncs

KEYED = [table("t", "id")]
DECIMAL = SqlType("DECIMAL", 5, 2)
NAME = TableName("tester", "t")
SEVERAL = [name for name in CASES if len(CASES[name]) > 1]


def eager():
    """Return filters that look every key up in memory, however small the table."""
    return KeyFilters(few_rows=-1, patience=0, spans=False)


WAYS = {"filters": eager, "spans": KeyFilters, "both": lambda: KeyFilters(few_rows=-1, patience=2)}


def numbers(start, count):
    return np.random.default_rng(start).integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True)


@pytest.mark.parametrize("expected", [1, LEAST_KEYS + 7, 3 * LEAST_KEYS])
def test_a_filter_denies_no_key_however_it_grows_and_claims_few_strangers(expected):
    keys, filtered = numbers(1, 3 * LEAST_KEYS), KeyFilter(expected)
    for start in range(0, len(keys), 2 * BLOCK + 5):
        filtered.add(keys[start : start + 2 * BLOCK + 5])
        assert filtered.seen(keys[: start + BLOCK : 97]).all()
    filtered.add(keys[:100])
    filtered.add(keys[:0])
    assert filtered.seen(keys).all()
    assert filtered.seen(numbers(2, 200_000)).sum() <= 5


def test_hashes_that_are_much_alike_are_told_apart():
    keys = np.arange(100_000, dtype=np.uint64)
    for spread in (keys, keys << np.uint64(32), keys << np.uint64(47)):
        filtered = KeyFilter()
        filtered.add(spread[::2])
        assert filtered.seen(spread[::2]).all()
        assert not filtered.seen(numbers(3, 10_000)).any()


SPANS = st.tuples(st.integers(-300, 300), st.integers(0, 40)).map(lambda pair: (pair[0], sum(pair)))


@given(st.lists(SPANS, max_size=30), st.lists(SPANS, max_size=5), st.integers(1, 4))
def test_spans_hold_every_key_and_miss_what_is_far_from_all(added, asked, most):
    spans, roomy = KeySpans(most), KeySpans()
    for span in added:
        spans.add(span)
        roomy.add(span)
    there = {number for first, last in added for number in range(first, last + 1)}
    for first, last in [*asked, (-1000, -400), (400, 1000)]:
        free = not there.intersection(range(first, last + 1))
        assert roomy.misses((first, last)) == free
        assert free or not spans.misses((first, last))
    assert not any(spans.misses(span) for span in added)


def test_ranges_that_are_read_side_by_side_are_told_apart_however_long_they_get():
    spans = KeySpans()
    for step in range(500):
        for start in range(0, 80_000, 10_000):
            span = (start + step * 20, start + step * 20 + 7)
            assert spans.misses(span)
            spans.add(span)


STRIDES = st.sampled_from([1, 1, 1, 3, -1])
WRITES = st.lists(
    st.tuples(st.integers(-50, 300), st.integers(1, 60), STRIDES, st.integers(0, 9)), min_size=1, max_size=12
)


@pytest.mark.parametrize("way", WAYS)
@given(WRITES, st.sampled_from([BIGINT, SqlType("INTEGER"), VARCHAR]))
@settings(max_examples=DRAWN * 3, deadline=None, suppress_health_check=PATIENT)
def test_keys_in_any_order_replace_their_rows(way, writes, kind):
    written, expected = Table(filters=WAYS[way]()), {}
    written.kind = kind
    for number, (start, count, stride, what) in enumerate(writes):
        ids = list(range(start, start + count * stride, stride))
        if what == 0:
            ids = ids[::2] + ids[1::2]
        elif what == 1:
            ids = [*ids, *ids[:3]]
        written.write(ids, text=str(number), truncates=what == 2)
        expected.update(dict.fromkeys(map(str, ids), str(number)))
    assert {str(key): text for key, text in written.rows().items()} == expected
    written.destination.connect().close()


@given(st.lists(syncs(), min_size=1, max_size=3))
@settings(max_examples=DRAWN * 4, deadline=None, suppress_health_check=PATIENT)
def test_looking_keys_up_in_memory_leaves_the_same(drawn):
    left = []
    for filters in (eager(), KeyFilters()):
        destination, clock = DuckDbDestination(filters=filters), FakeClock()
        ended = []
        for sync in drawn:
            result = run(sync.connector(), configuration={}, state={}, destination=destination, clock=clock)
            ended.append((result.status, dict(result.tables), type(result.error)))
        left.append((content(destination), ended))
        destination.connect().close()
    assert differences(left[1][0], left[0][0]) == []
    assert left[0][1] == left[1][1]
    for name, one in left[0][0].items():
        keys = Counter(tuple(row[one.columns.index(key)] for key in one.key) for row in one.rows.elements())
        assert not one.key or set(keys.values()) <= {1}, name
        assert not any(None in key for key in keys), name


class Table:
    """A destination with one table, written to without a connector."""

    def __init__(self, path=":memory:", filters=None):
        self.destination = DuckDbDestination(path, filters=filters or eager())
        self.destination.open()
        self.clock = FakeClock()
        self.key, self.kind = ("id",), BIGINT

    def write(self, ids, *, text="x", kind=Kind.UPSERT, truncates=False, fits=True):
        buffer = Buffer()
        shape = TableShape(NAME, self.key, {"id": self.kind, "k": BIGINT, "x": None, "d": DECIMAL})
        if truncates:
            buffer.truncate(shape)
        columns = {
            "id": Column(Form.INT, pa.array(ids, pa.int64()), BIGINT, 0),
            "k": Column(Form.INT, pa.array([-one for one in ids], pa.int64()), BIGINT, 0),
            "x": Column(Form.TEXT, pa.array([text] * len(ids)), VARCHAR, 0),
            "d": Column(Form.TEXT, pa.array(["1.5" if fits else "no number"] * len(ids)), None, 0),
        }
        buffer.add(shape, Chunk(len(ids), kind, columns))
        self.clock.sleep(1)
        self.destination.commit(buffer.take(), self.clock.now())

    def rows(self):
        return dict(self._all("id, x"))

    def _all(self, columns):
        rows = self.destination.connect().execute(f"SELECT {columns} FROM tester.t ORDER BY ALL").fetchall()
        assert len(rows) == len({row[0] for row in rows})
        return rows


@pytest.mark.parametrize("way", WAYS)
def test_keys_of_a_transaction_that_failed_are_neither_there_nor_in_the_way(way):
    written = Table(filters=WAYS[way]())
    written.write([1, 2, 3])
    written.write([3, 4])
    for _ in range(2):
        with pytest.raises(WarehouseError):
            written.write([4, 5, 6], text="lost", fits=False)
        written.write([4, 5], text="y")
    assert written.rows() == {1: "x", 2: "x", 3: "x", 4: "y", 5: "y"}


@pytest.mark.parametrize("way", WAYS)
def test_keys_are_found_after_truncates_deletes_a_wider_key_and_another_key(way):
    written = Table(filters=WAYS[way]())
    written.write([1, 2, 3])
    written.write([2, 4], truncates=True, text="y")
    written.write([3, 4], kind=Kind.DELETE, text="z")
    written.write([1, 5], kind=Kind.UPDATE, text="u")
    assert written.rows() == {1: "u", 2: "y", 3: "z", 4: "z"}
    written.kind = VARCHAR
    written.write([1, 7], text="wide")
    written.write([2, 7], text="wider")
    written.key = ("k",)
    written.write([2, 8], text="k")
    written.write([8, 9], text="k2")
    assert written.rows() == {"1": "wide", "2": "k", "3": "z", "4": "z", "7": "wider", "8": "k2", "9": "k2"}


@pytest.mark.parametrize("way", WAYS)
def test_many_checkpoints_into_a_file_find_their_keys(way, tmp_path):
    written = Table(tmp_path / "warehouse.db", WAYS[way]())
    for number in range(30):
        if number % 10 == 9:
            written.destination.close()
            written.destination.open()
        written.write(range(number * 50, number * 50 + 100), text=str(number))
    assert written.rows() == {n: str(min(n // 50, 29)) for n in range(30 * 50 + 50)}


def test_a_transaction_that_needs_more_memory_is_repeated_whole(tmp_path):
    written = Table(tmp_path / "warehouse.db")
    written.write(range(1000), text="before")
    written.destination.connect().execute("SET memory_limit = '1MB'")
    written.write(range(500, 1500), text="y" * 5000)
    (limit,) = written.destination.connect().execute("SELECT current_setting('memory_limit')").fetchone()
    assert limit != "976.5 KiB", "the commit was to need more"
    written.write(range(1400, 1600), text="after")
    assert Counter(text[0] for text in written.rows().values()) == {"b": 500, "y": 900, "a": 200}


def test_a_file_does_not_grow_with_syncs_of_the_same_rows(tmp_path):
    written, sizes = Table(tmp_path / "warehouse.db"), []
    for number in range(60):
        written.write(range(5000), text=str(number))
        written.destination.close()
        sizes.append((tmp_path / "warehouse.db").stat().st_size)
        written.destination.open()
    assert max(sizes) < 5 * sizes[1]


def test_the_key_goes_with_the_table(tmp_path):
    path = tmp_path / "warehouse.db"
    destination = DuckDbDestination(path)

    def synced(*operations, declared=KEYED):
        connector = Sync(declared, [*operations, ok()]).connector()
        assert run(connector, configuration={}, state={}, destination=destination).ok

    synced(up("t", id=1))
    with duckdb.connect(path) as connection:
        connection.execute("ALTER TABLE tester.t RENAME TO s")
    assert content(path)["s"].key == {"id"}
    synced(up("s", id=1), up("s", id=2), declared=[table("s", "id")])
    with duckdb.connect(path) as connection:
        connection.execute("COMMENT ON TABLE tester.s IS 'my own words'")
    synced(up("s", id=2, x=1), declared=[table("s", "id")])
    assert (content(path)["s"].key, content(path)["s"].rows.total()) == ({"id"}, 2)


def constraints(path):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute("SELECT table_name FROM duckdb_constraints()").fetchall()


@pytest.mark.parametrize("name", SEVERAL)
def test_a_warehouse_of_the_sdk_s_runner_goes_on_here(name, tmp_path):
    """Also what warehouses of earlier versions are: with primary keys that are constraints."""
    first, *others = CASES[name]
    expected = reference(CASES[name], tmp_path / "sdk")[-1]
    reference([first], tmp_path / "ours")
    found = ours(others, folder=tmp_path / "ours")[-1]
    assert differences(expected.tables, found.tables) == []


@pytest.mark.parametrize("name", SEVERAL)
def test_a_warehouse_of_this_engine_goes_on_with_the_sdk_s_runner(name, tmp_path):
    first, *others = CASES[name]
    expected = reference(CASES[name], tmp_path / "sdk")[-1]
    ours([first], folder=tmp_path / "ours")
    found = reference(others, tmp_path / "ours")[-1]
    assert differences(expected.tables, found.tables) == []


def test_a_table_with_a_constraint_loses_it_with_its_first_change_and_keeps_its_key(tmp_path):
    path = tmp_path / "files" / "warehouse.db"
    reference([Sync([*KEYED, table("u", "a", "b")], [up("t", id=1), up("t", id=2), up("u", a=1, b=2)])], tmp_path)
    assert ("t",) in constraints(path)
    (outcome,) = ours([Sync(KEYED, [mod("t", id=1, x="y"), rm("t", id=2), up("t", id=3)])], folder=tmp_path)
    assert outcome.error is None
    assert ("t",) not in constraints(path)
    assert ("u",) in constraints(path)
    assert {name: one.key for name, one in content(path).items()} == {"t": {"id"}, "u": {"a", "b"}}


def test_a_file_whose_row_groups_are_duckdb_s_own_goes_on_here_and_back(tmp_path):
    path, rows = tmp_path / "warehouse.db", 130_000
    written = Table(path)
    written.write(range(10))
    written.destination.close()
    with duckdb.connect(path) as connection:
        connection.execute(f"INSERT INTO tester.t (id, x) SELECT range, 'old' FROM range(10, {rows})")
    expected = dict.fromkeys(range(10), "x") | dict.fromkeys(range(10, rows), "old")
    written = Table(path, KeyFilters())
    for ids, text in ((range(5, rows, 7), "new"), (range(rows - 10, rows + 70_000), "more")):
        written.write(ids, text=text)
        expected |= dict.fromkeys(ids, text)
    written.destination.close()
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE tester.t SET x = 'own' WHERE id % 1000 = 0; CHECKPOINT")
    expected |= dict.fromkeys(range(0, rows + 70_000, 1000), "own")
    with duckdb.connect(path, read_only=True) as connection:
        assert Counter(connection.execute("SELECT id, x FROM tester.t").fetchall()) == Counter(expected.items())
