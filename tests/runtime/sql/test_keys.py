"""Keys that are easily compared wrongly: what the reader goes on behind is what the server sorts by, to the last value."""

from __future__ import annotations

import itertools
import json
import math

import pytest

from headwater_runtime import ContractError
from headwater_runtime.call import Slice

from .conftest import records

POSTGRES = {
    "integer[]": ["'{1}'", "'{1,2}'", "'{10}'", "'{2}'"],
    "pair": ["ROW(1, 'a')", "ROW(1, 'b')", "ROW(10, 'a')"],
    "jsonb": ["'1'", "'{\"a\": 1}'", "'[1, 2]'"],
    "double precision": ["'-Infinity'", "'-0'", "1", "'Infinity'", "'NaN'"],
    "real": ["'-Infinity'", "0.1", "'Infinity'", "'NaN'"],
    "numeric": ["1.50", "'NaN'", "'Infinity'", "'-Infinity'"],
    "money": ["'1.50'", "'-1234567.25'"],
    "int4range": ["'[1,5)'", "'empty'", "'[2,3)'"],
    "bit varying": ["B'1'", "B''", "B'10'"],
    "timetz": ["'10:00+02'", "'10:00+01'", "'24:00+00'"],
    "text": ["''", "'0'", "'a '", "'a'"],
    "int": ["0", "-1"],
}
MARIADB = {
    "enum('a','A','b') COLLATE utf8mb4_bin": ["'a'", "'A'", "'b'"],
    "enum('e','é','z','E') COLLATE utf8mb4_bin": ["'e'", "'é'", "'z'", "'E'"],
    "set('a','A','b') COLLATE utf8mb4_bin": ["'a'", "'A'", "'a,b'", "'A,b'", "''"],
    "decimal(65,30)": ["1.000000000000000000000000000001", "1.000000000000000000000000000002"],
    "decimal(38,38)": ["0.00000000000000000000000000000000000001", "-0.1"],
    "int(10) zerofill": ["1", "42"],
    "year": ["0", "1901", "2000", "2155"],
    "uuid": ["'f47ac10b-58cc-4372-a567-0e02b2c3d479'", "'00000000-0000-1000-8000-000000000001'", "'10000000-0000-1000-8000-000000000000'"],
    "inet6": ["'::1'", "'2001:db8::ff00:42:8329'"],
    "varchar(9) CHARACTER SET latin1 COLLATE latin1_german1_ci": ["'é'", "'f'", "'ÿ'"],
    "varchar(9) COLLATE utf8mb4_general_ci": ["'é'", "'f'", "'ß'", "'t'", "'🙂'", "''"],
    "varchar(9) COLLATE utf8mb4_nopad_bin": ["'a'", "'a '", "'A'"],
    "varchar(9) CHARACTER SET utf16": ["'é'", "'f'", "'🙂'"],
    "varchar(9) CHARACTER SET gbk": ["'a'", "'縗'", "'中'"],
    "double": ["0.1", "-0.0", "1e308", "0.30000000000000004"],
    "bit(64)": ["b'1'", "0xffffffffffffffff", "0x8000000000000000"],
    "varbinary(3)": ["x''", "x'00'", "x'5c'", "x'5c27'", "x'27'"],
    "tinyint(1)": ["0", "1", "2"],
}  # fmt: skip


def walked(place, table, **options):
    """Read a table row by row and go on behind each, in one statement and in many; return what `n` was, in order."""
    known = None
    for snapshot in (True, False):
        rows = place.database(snapshot=snapshot).table(table, schema=place.schema, chunk=1, **options)
        pages = list(rows.read())
        found = [record["n"] for page in pages for record in page.records]
        assert known in (None, found)
        known = found
        for index, page in enumerate(pages):
            position = json.loads(json.dumps(page.position, allow_nan=False))
            assert [record["n"] for record in records(rows, position)] == found[index + 1 :], position
    return known


@pytest.mark.timeout(240)  # each table is made on disk
def test_no_key_is_lost_between_two_pages(place):
    place.execute(*([] if place.mysql else ["CREATE TYPE pair AS (a int, b text)"]))
    for number, (kind, values) in enumerate((MARIADB if place.mysql else POSTGRES).items()):
        place.execute(f"CREATE TABLE k{number} (k {kind} NOT NULL PRIMARY KEY, n int)")
        for index, value in enumerate(values):
            text = value if place.mysql or "ROW" in value else f"{value}::{kind}"
            place.execute(f"INSERT INTO k{number} VALUES ({text}, {index})")
        assert sorted(walked(place, f"k{number}")) == list(range(len(values))), kind
        for database in place.opened:
            database.close()
        place.opened.clear()


def test_decimals_wider_than_a_destination_are_compared_digit_by_digit(mariadb):
    """As floats they would be equal."""
    start = "1234567890123456789012345678901234567890"
    mariadb.execute("CREATE TABLE t (a decimal(40,0), n int)")
    mariadb.execute(f"INSERT INTO t SELECT {start} + seq, seq FROM seq_0_to_8")
    name = mariadb.schema.replace("`", "``")
    rows = mariadb.database(snapshot=False).query(f"SELECT a + n AS k, n FROM `{name}`.t", key="k", chunk=1)
    assert [record["n"] for record in records(rows)] == list(range(9))


def test_long_texts_are_sorted_by_all_they_hold(mariadb):
    mariadb.execute("CREATE TABLE t (k varchar(700) COLLATE utf8mb4_bin, n int)")
    mariadb.fill("t", [("é" * 600 + f"{37 * number % 100:03}", 37 * number % 100) for number in range(100)])
    rows = mariadb.database(snapshot=False).table("t", schema=mariadb.schema, key="k", chunk=7)
    assert [record["n"] for record in records(rows)] == list(range(100))


def test_times_that_no_record_can_hold_do_not_hold_the_reader_up(postgres):
    """A position cannot name them, so what has no position behind it is read in one piece."""
    values = ["-infinity", "-infinity", "-infinity", "2024-01-01", "2024-01-02", "infinity", "infinity", "infinity"]
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, changed timestamptz)")
    postgres.fill("t", list(enumerate(values)))
    for snapshot in (True, False):
        rows = postgres.database(snapshot=snapshot).table("t", schema=postgres.schema, since="changed", chunk=2)
        pages = list(itertools.islice(rows.read(Slice(ordered=True)), 50))
        assert len(pages) < 50
        assert {record["id"] for page in pages for record in page.records} == set(range(len(values)))


def test_a_position_of_a_key_that_is_sorted_otherwise_by_now_is_refused(postgres):
    """Numbers and texts have another order: behind '50' as a text lies 6, and not 100."""
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 120)")
    at = next(iter(postgres.table("t", chunk=50).read())).position
    postgres.execute("ALTER TABLE t ALTER COLUMN id TYPE bigint")
    assert len(records(postgres.table("t"), at)) == 70
    postgres.execute("ALTER TABLE t ALTER COLUMN id TYPE text")
    with pytest.raises(ContractError, match="the saved position does not fit column 'id'"):
        records(postgres.table("t"), at)
    at = next(iter(postgres.table("t", chunk=50).read())).position
    postgres.execute("ALTER TABLE t ALTER COLUMN id TYPE int USING id::int")
    with pytest.raises(ContractError, match="the saved position does not fit column 'id'"):
        records(postgres.table("t"), at)


def test_a_float_key_that_is_no_number_is_plain_json(postgres):
    postgres.execute("CREATE TABLE t (k double precision PRIMARY KEY)", "INSERT INTO t VALUES ('NaN'), ('Infinity')")
    pages = list(postgres.table("t", chunk=1).read())
    assert [page.position for page in pages] == ["inf", "nan"]
    assert math.isnan(records(postgres.table("t"), "inf")[0]["k"])
