"""Every type of a server lands exactly, whichever way its rows are read; what no record can hold is null and told of."""

import math
import sqlite3
from datetime import date, datetime, timezone
from decimal import Decimal

import duckdb
import pytest

from headwater_runtime.log import Log
from headwater_runtime.sql import Database
from headwater_runtime.values import sdk_row

from .conftest import records

UTC = timezone.utc
FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)


class Told(Log):
    """A log that keeps its warnings."""

    def __init__(self):
        super().__init__()
        self.warnings = []

    def warning(self, line):
        self.warnings.append(line)


def read(place, table, **options):
    """Return the one record of a table, and the types it is declared with, having shown that Fivetran's way takes it."""
    log = Told()
    database = place.database(log=log, **options)
    (relation,) = database.tables(schema=place.schema, include=[table])
    (record,) = records(database.table(table, schema=place.schema))
    sdk_row(record, relation.table().columns)
    database.close()
    return record, relation.types, log.warnings


POSTGRES = [
    ("smallint", "'-32768'", -32768, "SHORT"),
    ("integer", "2147483647", 2147483647, "INT"),
    ("bigint", "'-9223372036854775808'", -(2**63), "LONG"),
    ("oid", "4294967295", 4294967295, "LONG"),
    ("numeric(12,2)", "'-1234567890.12'", Decimal("-1234567890.12"), (12, 2)),
    ("numeric(38,10)", "'9999999999999999999999999999.9999999999'", Decimal("9" * 28 + "." + "9" * 10), (38, 10)),
    ("numeric(50,20)", "'1.00000000000000000001'", "1.00000000000000000001", "STRING"),
    ("numeric", "'123456789012345678901234567890.5'", "123456789012345678901234567890.5", "STRING"),
    ("numeric", "'NaN'", "NaN", "STRING"),
    ("numeric", "'-Infinity'", "-Infinity", "STRING"),
    ("money", "'-92233720368547758.08'", Decimal("-92233720368547758.0800"), (23, 4)),
    ("real", "'0.1'", 0.10000000149011612, "FLOAT"),
    ("double precision", "'1.7976931348623157e308'", 1.7976931348623157e308, "DOUBLE"),
    ("double precision", "'5e-324'", 5e-324, "DOUBLE"),
    ("double precision", "'-Infinity'", -math.inf, "DOUBLE"),
    ("boolean", "true", True, "BOOLEAN"),
    ("text", "'ünï🙂\\'", "ünï🙂\\", "STRING"),
    ("varchar(3)", "''", "", "STRING"),
    ("char(5)", "'ab'", "ab   ", "STRING"),
    ("name", "'n'", "n", "STRING"),
    ('"char"', "'c'", "c", "STRING"),
    ("bytea", r"'\x00ff27'", b"\x00\xff'", "BINARY"),
    ("date", "'0001-01-01'", date.min, "NAIVE_DATE"),
    ("date", "'9999-12-31'", date.max, "NAIVE_DATE"),
    ("timestamp", "'9999-12-31 23:59:59.999999'", LAST, "NAIVE_DATETIME"),
    ("timestamp", "'0001-01-01 00:00:00'", FIRST, "NAIVE_DATETIME"),
    ("timestamp(0)", "'2024-02-29 12:00:00'", datetime(2024, 2, 29, 12), "NAIVE_DATETIME"),
    ("timestamptz", "'2024-01-01 02:00:00.5+02'", datetime(2024, 1, 1, 0, 0, 0, 500000, UTC), "UTC_DATETIME"),
    ("timestamptz", "'1883-01-01 00:00:00+00:19:32'", datetime(1882, 12, 31, 23, 40, 28, tzinfo=UTC), "UTC_DATETIME"),
    ("time", "'24:00:00'", "24:00:00", "STRING"),
    ("time", "'10:00:00.5'", "10:00:00.5", "STRING"),
    ("timetz", "'10:00:00+02'", "10:00:00+02", "STRING"),
    ("interval", "'1 year -2 days 03:00:00.5'", "P1Y-2DT3H0.5S", "STRING"),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "STRING"),
    ("json", """'{"b": [1, 2.50, null], "a": "é"}'""", {"b": [1, 2.5, None], "a": "é"}, "JSON"),
    ("jsonb", "'null'", None, "JSON"),
    ("jsonb", "'\"text\"'", "text", "JSON"),
    ("integer[]", "'{1,NULL,3}'", [1, None, 3], "JSON"),
    ("text[][]", "'{{a,b},{c,d}}'", [["a", "b"], ["c", "d"]], "JSON"),
    ("timestamptz[]", "'{infinity,2024-01-01 00:00:00+00}'", ["infinity", "2024-01-01T00:00:00+00:00"], "JSON"),
    ("mood", "'so so'", "so so", "STRING"),
    ("mood[]", "'{ok,\"so so\"}'", ["ok", "so so"], "JSON"),
    ("pair", "ROW(1, 'x')", {"a": 1, "b": "x"}, "JSON"),
    ("positive", "5", 5, "INT"),
    ("inet", "'192.168.0.1/24'", "192.168.0.1/24", "STRING"),
    ("cidr", "'10.0.0.0/8'", "10.0.0.0/8", "STRING"),
    ("macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03", "STRING"),
    ("bit(3)", "B'101'", "101", "STRING"),
    ("bit varying", "B''", "", "STRING"),
    ("xml", "NULL", None, "XML"),  # the wheel's server is built without libxml
    ("point", "'(1,2.5)'", "(1,2.5)", "STRING"),
    ("int4range", "'[1,5)'", "[1,5)", "STRING"),
    ("tsvector", "'a b'", "'a' 'b'", "STRING"),
    ("pg_lsn", "'16/B374D848'", "16/B374D848", "STRING"),
]


def declared(kind):
    return {"type": "DECIMAL", "precision": kind[0], "scale": kind[1]} if isinstance(kind, tuple) else kind


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_every_type_of_postgresql_lands_exactly(postgres, fast):
    columns = ", ".join(f"c{index} {kind}" for index, (kind, *_) in enumerate(POSTGRES))
    values = ", ".join(
        value if value == "true" or "ROW" in value else f"{value}::{kind}" for kind, value, *_ in POSTGRES
    )
    postgres.execute(
        "CREATE TYPE mood AS ENUM ('ok', 'so so')",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
        f"CREATE TABLE t (id int PRIMARY KEY, {columns})",
        f"INSERT INTO t VALUES (1, {values})",
        f"CREATE TABLE empty_values ({columns})",
        "INSERT INTO empty_values DEFAULT VALUES",
    )
    record, types, warnings = read(postgres, "t", fast=fast)
    for index, (kind, _, expected, named) in enumerate(POSTGRES):
        assert record[f"c{index}"] == expected, kind
        assert type(record[f"c{index}"]) is type(expected), kind
        assert types[f"c{index}"] == declared(named), kind
    assert not warnings
    nulls, _, _ = read(postgres, "empty_values", fast=fast)
    assert set(nulls.values()) == {None}


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_what_no_record_can_hold_is_null_and_told_of(postgres, fast):
    odd = {
        "a": ("date", "infinity"),
        "b": ("date", "0044-03-15 BC"),
        "c": ("date", "200000-01-01"),
        "d": ("timestamp", "-infinity"),
        "e": ("timestamp", "200000-01-01 00:00:00"),
        "f": ("timestamptz", "infinity"),
        "g": ("timestamptz", "0044-03-15 00:00:00+00 BC"),
        "h": ("numeric(5,2)", "NaN"),
    }
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in odd.items())
    values = ", ".join(f"'{value}'" for _, value in odd.values())
    postgres.execute(f"CREATE TABLE t (id int PRIMARY KEY, {columns})", f"INSERT INTO t VALUES (1, {values})")
    record, _, warnings = read(postgres, "t", fast=fast)
    assert {name: record[name] for name in odd} == dict.fromkeys(odd)
    assert len(warnings) == len(odd)
    assert "'a' are null here" in warnings[0]


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_the_first_and_the_last_moments_are_kept_beside_what_no_record_can_hold(postgres, fast):
    postgres.execute(
        "CREATE TABLE t (id int PRIMARY KEY, a date, b timestamptz)",
        "INSERT INTO t VALUES (1, 'infinity', '-infinity'), (2, '0001-01-01', '0001-01-01 00:00:00+00')",
        "INSERT INTO t VALUES (3, '9999-12-31', '9999-12-31 23:59:59.999999+00')",
    )
    found = records(postgres.database(fast=fast).table("t", schema=postgres.schema))
    assert [(record["a"], record["b"]) for record in found] == [
        (None, None),
        (date.min, FIRST.replace(tzinfo=UTC)),
        (date.max, LAST.replace(tzinfo=UTC)),
    ]


MARIADB = [
    ("tinyint(1)", "2", 2, "SHORT"),
    ("tinyint unsigned", "255", 255, "SHORT"),
    ("smallint", "'-32768'", -32768, "SHORT"),
    ("mediumint unsigned", "16777215", 16777215, "LONG"),
    ("int unsigned", "4294967295", 4294967295, "LONG"),
    ("bigint", "-9223372036854775808", -(2**63), "LONG"),
    ("bigint unsigned", "18446744073709551615", 2**64 - 1, (20, 0)),
    ("decimal(38,10)", "9999999999999999999999999999.9999999999", Decimal("9" * 28 + "." + "9" * 10), (38, 10)),
    ("decimal(65,30)", "-1.000000000000000000000000000001", "-1.000000000000000000000000000001", "STRING"),
    ("decimal(5,2) unsigned", "999.99", Decimal("999.99"), (5, 2)),
    ("float", "16777216", 16777216.0, "FLOAT"),
    ("float", "0.1", 0.10000000149011612, "FLOAT"),
    ("double", "1.7976931348623157e308", 1.7976931348623157e308, "DOUBLE"),
    ("double", "0.1", 0.1, "DOUBLE"),
    ("bit(12)", "b'101'", 5, (20, 0)),
    ("year", "1901", 1901, "INT"),
    ("date", "'9999-12-31'", date.max, "NAIVE_DATE"),
    ("datetime(6)", "'9999-12-31 23:59:59.999999'", LAST, "NAIVE_DATETIME"),
    ("datetime", "'2024-02-29 10:00:00'", datetime(2024, 2, 29, 10), "NAIVE_DATETIME"),
    ("timestamp(3) null", "'2024-01-01 00:00:00.123'", datetime(2024, 1, 1, 0, 0, 0, 123000, UTC), "UTC_DATETIME"),
    ("time(3)", "'-838:59:59.123'", "-838:59:59.123", "STRING"),
    ("char(5)", "'ab'", "ab", "STRING"),
    ("varchar(9)", "'é🙂\\\\'''", "é🙂\\'", "STRING"),
    ("varchar(9) character set latin1", "'é'", "é", "STRING"),
    ("text", "''", "", "STRING"),
    ("binary(3)", "x'00ff'", b"\x00\xff\x00", "BINARY"),
    ("varbinary(9)", "x'2227'", b"\"'", "BINARY"),
    ("longblob", "x'00ff'", b"\x00\xff", "BINARY"),
    ("enum('x','y')", "'y'", "y", "STRING"),
    ("set('p','q')", "'p,q'", "p,q", "STRING"),
    ("json", """'{"a": 1}'""", '{"a": 1}', "STRING"),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "STRING"),
    ("point", "ST_GeomFromText('POINT(1 2)')", bytes(4) + bytes.fromhex("0101000000000000000000f03f0000000000000040"), "BINARY"),
]  # fmt: skip


def test_every_type_of_mariadb_lands_exactly(mariadb):
    columns = ", ".join(f"c{index} {kind}" for index, (kind, *_) in enumerate(MARIADB))
    values = ", ".join(value for _, value, *_ in MARIADB)
    mariadb.execute(
        "SET time_zone = '+00:00'",
        f"CREATE TABLE t (id int PRIMARY KEY, {columns})",
        f"INSERT INTO t VALUES (1, {values})",
        f"CREATE TABLE empty_values ({columns})",
        "INSERT INTO empty_values () VALUES ()",
    )
    record, types, warnings = read(mariadb, "t")
    for index, (kind, _, expected, named) in enumerate(MARIADB):
        assert record[f"c{index}"] == expected, kind
        assert type(record[f"c{index}"]) is type(expected), kind
        assert types[f"c{index}"] == declared(named), kind
    assert not warnings
    nulls, _, _ = read(mariadb, "empty_values")
    assert set(nulls.values()) == {None}


def test_zero_dates_of_mariadb_are_null_and_told_of(mariadb):
    mariadb.execute(
        "SET sql_mode = ''",
        "CREATE TABLE t (id int PRIMARY KEY, a date, b datetime, c timestamp, d date)",
        "INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00', '0000-00-00', '2024-00-10')",
    )
    record, _, warnings = read(mariadb, "t")
    assert record == {"id": 1, "a": None, "b": None, "c": None, "d": None}
    assert len(warnings) == 4


def test_values_of_sqlite_keep_their_own_types(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT, c INTEGER, d DATETIME)")
        values = [(1, 2**63 - 1, "007", "no number", "2024-01-01"), (2, 0.1, "", 5, None), (3, b"\x00", None, 1.5, 17)]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", values)
    connection.close()
    database = Database(f"sqlite:///{tmp_path}/x.db")
    found = records(database.table("t", chunk=2))
    assert [tuple(record.values()) for record in found] == [*values]
    (relation,) = database.tables()
    assert relation.key == ("id",)
    assert relation.table().columns == {"b": "STRING"}
    database.close()


def test_a_primary_key_of_sqlite_that_is_null_somewhere_tells_no_rows_apart(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as connection:
        connection.execute("CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)")
        connection.execute("INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('a', 3)")
        connection.execute("CREATE TABLE u (k TEXT PRIMARY KEY)")
        connection.execute("INSERT INTO u VALUES ('a')")
    connection.close()
    database = Database(f"sqlite:///{tmp_path}/x.db")
    assert [(one.name, one.key) for one in database.tables()] == [("t", ()), ("u", ("k",))]
    assert sorted(record["n"] for record in records(database.table("t", chunk=1))) == [1, 2, 3]
    database.close()


DUCKDB = [
    ("HUGEINT", "170141183460469231731687303715884105727", "170141183460469231731687303715884105727", "STRING"),
    ("UBIGINT", "18446744073709551615", 2**64 - 1, (20, 0)),
    ("DECIMAL(38,10)", "'9999999999999999999999999999.9999999999'", Decimal("9" * 28 + "." + "9" * 10), (38, 10)),
    ("UUID", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "STRING"),
    ("INTEGER[]", "[1, NULL]", [1, None], "JSON"),
    ("STRUCT(x INTEGER, y VARCHAR)", "{'x': 1, 'y': 'é'}", {"x": 1, "y": "é"}, "JSON"),
    ("MAP(VARCHAR, INTEGER)", "MAP {'k': 1}", {"k": 1}, "JSON"),
    ("TIMESTAMPTZ", "'2024-01-01 02:00:00+02'", datetime(2024, 1, 1, tzinfo=UTC), "UTC_DATETIME"),
    ("TIMESTAMP_NS", "'2024-01-01 00:00:00.123456789'", "2024-01-01 00:00:00.123456789", "STRING"),
    ("TIMESTAMP_S", "'2024-01-01 00:00:00'", datetime(2024, 1, 1), "NAIVE_DATETIME"),
    ("ENUM('q', 'r')", "'q'", "q", "STRING"),
    ("INTERVAL", "INTERVAL 1 DAY", "1 day", "STRING"),
    ("TIME", "'10:00:00'", "10:00:00", "STRING"),
    ("BIT", "'101'", "101", "STRING"),
    ("BLOB", r"'\x00\xFF'", b"\x00\xff", "BINARY"),
    ("JSON", """'{"a": 1}'""", {"a": 1}, "JSON"),
    ("DATE", "'infinity'", None, "NAIVE_DATE"),
    ("DOUBLE", "'nan'", math.nan, "DOUBLE"),
]


def test_every_type_of_duckdb_lands_exactly(tmp_path):
    columns = ", ".join(f"c{index} {kind}" for index, (kind, *_) in enumerate(DUCKDB))
    with duckdb.connect(tmp_path / "x.duckdb") as connection:
        connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {columns})")
        connection.execute(f"INSERT INTO t VALUES (1, {', '.join(value for _, value, *_ in DUCKDB)})")
    database = Database(f"duckdb:///{tmp_path}/x.duckdb")
    (relation,) = database.tables()
    (record,) = records(database.table("t"))
    sdk_row(record, relation.table().columns)
    for index, (kind, _, expected, named) in enumerate(DUCKDB):
        assert repr(record[f"c{index}"]).replace("zoneinfo.ZoneInfo(key='UTC')", "datetime.timezone.utc") == repr(
            expected
        ), kind
        assert relation.types[f"c{index}"] == declared(named), kind
    database.close()
