"""Drawn tables: types, nulls, extremes and keys. What a reader gives is what was put in, whichever way it goes."""

from __future__ import annotations

import math
import struct
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater_runtime.values import sdk_row

from .conftest import records

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def decimals(digits: int, places: int):
    return st.integers(-(10**digits) + 1, 10**digits - 1).map(lambda whole: Decimal(f"{whole}E-{places}"))


def integers(bits: int):
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def aware(moments):
    return moments.map(lambda moment: moment.replace(tzinfo=timezone.utc))


def single(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


BOTH = {
    "smallint": integers(16),
    "int": integers(32),
    "bigint": integers(64),
    "decimal(9,2)": decimals(9, 2),
    "decimal(38,10)": decimals(38, 10),
    "double precision": FLOATS,
    "varchar(40)": TEXT,
    "date": st.dates(),
}
POSTGRES = {
    **BOTH,
    "real": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "double precision": FLOATS | st.sampled_from([math.inf, -math.inf]),
    "numeric": decimals(60, 30).map(lambda value: format(value, "f")),
    "text": TEXT,
    "boolean": st.booleans(),
    "bytea": st.binary(max_size=20),
    "timestamp": MOMENTS,
    "timestamptz": aware(MOMENTS),
    "uuid": st.uuids().map(str),
    "integer[]": st.lists(integers(32) | st.none(), max_size=3),
    "jsonb": st.recursive(
        st.none() | st.booleans() | integers(32) | TEXT, lambda x: st.lists(x, max_size=2), max_leaves=4
    ),
}
MARIADB = {
    **BOTH,
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False),
    "bigint unsigned": st.integers(0, 2**64 - 1),
    "varbinary(40)": st.binary(max_size=20),
    "text": TEXT,
    "datetime(6)": MOMENTS.filter(lambda moment: moment.year >= 1000),
    "timestamp(6) null": aware(st.datetimes(datetime(1970, 1, 2), datetime(2038, 1, 18))),
    "date": st.dates(date(1000, 1, 1)),
}
KEYS = ["int", "bigint", "decimal(9,2)", "decimal(38,10)", "varchar(40)", "date"]


@st.composite
def tables(draw, kinds):
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2))
    others = draw(st.lists(st.sampled_from(sorted(kinds)), max_size=5))
    cells = [*(kinds[kind] for kind in keys), *(st.none() | kinds[kind] for kind in others)]
    rows = draw(st.lists(st.tuples(*cells), max_size=12))
    return keys, others, rows, draw(st.integers(1, 5))


def put(place, keys, others, rows):
    """Make the table and return the rows that got in: a collation may take two keys for one."""
    names = [f"k{index}" for index in range(len(keys))] + [f"c{index}" for index in range(len(others))]
    collate = " COLLATE utf8mb4_bin" if place.mysql else ' COLLATE "C"'
    columns = ", ".join(
        f"{name} {kind}{collate if kind == 'varchar(40)' else ''}"
        for name, kind in zip(names, [*keys, *others], strict=True)
    )
    place.execute(
        "DROP TABLE IF EXISTS t", f"CREATE TABLE t ({columns}, PRIMARY KEY ({', '.join(names[: len(keys)])}))"
    )
    with closing(place.connect()) as connection:
        cursor = connection.cursor()
        if place.mysql:
            cursor.execute("SET time_zone = '+00:00'")
        got = {}
        ignore, conflict = ("IGNORE", "") if place.mysql else ("", "ON CONFLICT DO NOTHING")
        for row in rows:
            values = [told(value, kind) for value, kind in zip(row, [*keys, *others], strict=True)]
            statement = f"INSERT {ignore} INTO t VALUES ({', '.join(['%s'] * len(values))}) {conflict}"
            cursor.execute(statement, values)
            if cursor.rowcount:
                got[row[: len(keys)]] = dict(zip(names, row, strict=True))
        connection.commit()
    return list(got.values())


def told(value, kind):
    """Return a drawn value as the test's own driver takes it."""
    if kind == "jsonb" and value is not None:
        from psycopg.types.json import Jsonb

        return Jsonb(value)
    if isinstance(value, datetime) and kind.startswith("timestamp(6)"):
        return value.replace(tzinfo=None)
    return value


def same(found, wanted):
    order = sorted(wanted, key=repr)
    assert sorted(found, key=repr) == order or sorted(map(plain, found)) == sorted(map(plain, wanted))


def plain(row):
    return repr(
        [
            (
                name,
                value.astimezone(timezone.utc).replace(tzinfo=None)
                if isinstance(value, datetime) and value.tzinfo
                else value,
            )
            for name, value in row.items()
        ]
    )


def check(place, drawn):
    keys, others, rows, chunk = drawn
    wanted = put(place, keys, others, rows)
    ways = [{"snapshot": False}] if place.mysql else [{"fast": True}, {"fast": False}, {"snapshot": False}]
    before = None
    for way in [{}, *ways]:
        database = place.database(**way)
        (relation,) = database.tables(schema=place.schema)
        table = database.table("t", schema=place.schema, chunk=chunk)
        found = records(table)
        same(found, wanted)
        landed = [sdk_row(row, relation.table().columns) for row in found]
        assert before in (None, (found, landed))
        before = found, landed
        read = 0
        for page in table.read():
            read += len(page.records)
            assert records(table, page.position) == found[read:]
        database.close()
        place.opened.clear()


SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.timeout(240)
@settings(max_examples=15, suppress_health_check=SLOW)
@given(drawn=tables(POSTGRES))
def test_tables_of_postgresql(postgres, drawn):
    check(postgres, drawn)


@pytest.mark.timeout(240)  # each table is made on disk
@settings(max_examples=10, suppress_health_check=SLOW)
@given(drawn=tables(MARIADB))
def test_tables_of_mariadb(mariadb, drawn):
    check(mariadb, drawn)


@settings(max_examples=15, suppress_health_check=SLOW)
@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    small=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
def test_a_float_comes_back_to_the_last_bit(postgres, value, small):
    rows = postgres.database().query(f"SELECT '{value!r}'::float8 AS a, '{small!r}'::float4 AS b", key="a")
    (found,) = records(rows)
    assert (found["a"], found["b"]) == (value, single(small))
    rows.client.close()
    postgres.opened.clear()


def test_every_decimal_place_is_kept(place):
    place.execute("CREATE TABLE t (id decimal(38,37) PRIMARY KEY)")
    place.fill("t", [(Decimal(1).scaleb(-37),), (Decimal("9." + "9" * 37),)])
    assert [record["id"] for record in records(place.table("t", chunk=1))] == [
        Decimal(1).scaleb(-37),
        Decimal("9." + "9" * 37),
    ]


def test_moments_are_of_the_very_microsecond(postgres):
    postgres.execute("CREATE TABLE t (id timestamptz PRIMARY KEY)")
    moments = [datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=number) for number in range(5)]
    postgres.fill("t", [(moment,) for moment in moments])
    assert [record["id"] for record in records(postgres.table("t", chunk=2))] == moments


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_wide_rows_are_fetched_few_at_a_time(postgres, fast):
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, name text)")
    postgres.execute("INSERT INTO t SELECT s, repeat('x', 1000000) FROM generate_series(1, 40) AS s")
    pages = list(postgres.database(fast=fast).table("t", schema=postgres.schema, chunk=20).read())
    assert max(page.size for page in pages) <= 21_000_000
    assert sum(len(page.records) for page in pages) == 40
