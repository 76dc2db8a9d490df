"""Reading by key: every row once and in order, from any position, in one statement or in chunks, on each kind of server."""

import itertools
import sqlite3
from datetime import date, datetime, timezone
from decimal import Decimal

import duckdb
import pytest
from sqlalchemy.dialects import registry

from headwater_runtime.call import Slice
from headwater_runtime.errors import ConfigError, ContractError, SourceError
from headwater_runtime.sql import Database, Since

from .conftest import records

UTC = timezone.utc


def pages(rows, *at):
    return list(rows.read(*at))


def ids(rows, *at, name="id"):
    return [record[name] for record in records(rows, *at)]


@pytest.fixture
def numbers(place):
    place.execute("CREATE TABLE numbers (id bigint PRIMARY KEY, name varchar(9))")
    place.fill("numbers", [(number, f"n{number}") for number in range(10, 0, -1)])
    return place


def test_rows_come_in_the_order_of_the_primary_key_and_go_on_behind_any_position(numbers):
    rows = numbers.table("numbers", chunk=3)
    assert rows.shape == f"Keyset {numbers.schema}.numbers by id"
    assert rows.durable
    found = pages(rows)
    assert [page.position for page in found] == [3, 6, 9, 10]
    assert ids(rows) == list(range(1, 11))
    for page in found:
        assert ids(rows, page.position) == list(range(page.position + 1, 11))


def test_chunks_are_statements_of_their_own_where_no_snapshot_is_held(numbers):
    rows = numbers.database(snapshot=False).table("numbers", schema=numbers.schema, chunk=5)
    assert [page.position for page in pages(rows)] == [5, 10]
    numbers.execute("INSERT INTO numbers VALUES (11, NULL)")
    reading = rows.read()
    next(reading)
    numbers.execute("DELETE FROM numbers WHERE id = 7", "INSERT INTO numbers VALUES (12, NULL)")
    assert [record["id"] for page in reading for record in page.records] == [6, 8, 9, 10, 11, 12]


def test_a_pass_sees_one_moment(numbers):
    reading = numbers.table("numbers", chunk=2).read()
    next(reading)
    numbers.execute("UPDATE numbers SET name = 'late'", "INSERT INTO numbers VALUES (11, 'late')")
    rest = [record for page in reading for record in page.records]
    assert [record["id"] for record in rest] == list(range(3, 11))
    assert {record["name"] for record in rest} == {f"n{number}" for number in range(3, 11)}


def test_chosen_columns_come_with_those_of_the_key(numbers):
    assert records(numbers.table("numbers", columns=["name"], chunk=1))[0] == {"id": 1, "name": "n1"}


KEYS = {
    "decimal(20,5)": [Decimal("-1.5"), Decimal(0), Decimal("123456789012345.12345"), Decimal("999999999999999.99999")],
    "date": [date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31)],
    "double precision": [-1e300, 0.1, 0.30000000000000004, 1e300],
    "real": [0.10000000149011612, 0.20000000298023224],
    "char(4)": ["a", "ab", "b"],
    "varchar(20)": ["", "'", "%s", "\\", "a:b", "ä", "🙂"],
    "smallint": [-32768, 0, 32767],
}
POSTGRES_KEYS = {
    "uuid": ["00000000-0000-0000-0000-000000000001", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "bytea": [b"", b"\x00", b"'\\", b"\xff"],
    "timestamptz": [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 0, 0, 0, 1, UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
    "timestamp": [datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)],
    "interval": ["P1D", "P1M"],
    "boolean": [False, True],
    "inet": ["10.0.0.1", "10.0.0.2/8", "192.168.0.1"],
    "numeric": ["-5", "10", "9000000000000000000000000000000000000000000.5"],
    "mood": ["sad", "ok"],
}
MARIADB_KEYS = {
    "varbinary(9)": [b"", b"\x00", b"'\\", b"\xff"],
    "datetime(6)": [datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)],
    "timestamp(6)": [datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)],
    "bigint unsigned": [0, 2**63, 2**64 - 1],
    "time(3)": ["-10:00:00.000", "00:00:00.500", "100:00:00.000"],
    "enum('z','a')": ["z", "a"],
    "bit(4)": [1, 15],
    "year": [1901, 2155],
}


def key_cases(place):
    return {**KEYS, **(MARIADB_KEYS if place.mysql else POSTGRES_KEYS)}


def test_keys_of_every_type_are_positions_restored_exactly(place):
    if not place.mysql:
        place.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    databases = [place.database(snapshot=snapshot) for snapshot in (True, False)]
    for number, (kind, values) in enumerate(key_cases(place).items()):
        place.execute(f"CREATE TABLE k{number} (k {kind} NOT NULL PRIMARY KEY, place int)")
        place.fill(f"k{number}", [(value, index) for index, value in enumerate(values)])
        in_order = [
            row[0] for row in place.execute(f"SELECT place FROM k{number} ORDER BY CASE WHEN true THEN k END, k")
        ]
        if kind.startswith("enum"):
            in_order = [1, 0]  # by their text, for so they are compared
        for database in databases:
            rows = database.table(f"k{number}", schema=place.schema, chunk=1)
            found = pages(rows)
            assert [page.records[0]["place"] for page in found] == in_order, kind
            for index, page in enumerate(found):
                assert ids(rows, page.position, name="place") == in_order[index + 1 :], kind


def test_composite_keys_go_on_within_their_first_column(place):
    place.execute("CREATE TABLE pairs (b int, a varchar(5), c date, PRIMARY KEY (a, b, c))")
    values = list(itertools.product((1, 2), ("x", "y", "z"), (date(2024, 1, 1), date(2024, 1, 2))))
    place.fill("pairs", values)
    rows = place.table("pairs", chunk=1)
    assert rows.shape.endswith("pairs by a, b, c")
    in_order = sorted(values, key=lambda row: (row[1], row[0], row[2]))
    found = pages(rows)
    assert [tuple(page.records[0].values()) for page in found] == in_order
    for index, page in enumerate(found):
        rest = [tuple(record.values()) for record in records(rows, page.position)]
        assert rest == in_order[index + 1 :]


def test_text_keys_are_compared_as_the_database_does(place):
    """Python would sort Z before a, and ä after z; so does a PostgreSQL that is built without ICU."""
    icu = not place.mysql and place.execute("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'")
    collation = "utf8mb4_unicode_ci" if place.mysql else '"und-x-icu"' if icu else '"C"'
    place.execute(f"CREATE TABLE t (id varchar(9) COLLATE {collation} PRIMARY KEY)")
    place.fill("t", [("Z",), ("a",), ("ä2",), ("b",), ("B2",), ("_",), ("1",), ("É",)])
    wanted = [row[0] for row in place.execute("SELECT id FROM t ORDER BY id")]
    assert (wanted != sorted(wanted)) == bool(place.mysql or icu)
    rows = place.table("t", chunk=1)
    assert ids(rows) == wanted
    assert [ids(rows, page.position) for page in pages(rows)] == [wanted[index:] for index in range(1, 9)]


ODD = ["select", "a b", "a.b", "q\"u`o'te", "%s %(x)s", "ünï🙂", "Case", "case", ":name", "a\\b"]


def test_names_are_quoted_whatever_they_are(place):
    def name(text):
        return "`" + text.replace("`", "``") + "`" if place.mysql else '"' + text.replace('"', '""') + '"'

    odd = [one for one in ODD if not (place.mysql and (one == "case" or "🙂" in one))]
    columns = ", ".join(f"{name(one)} int" for one in odd[1:])
    statement = (
        f"CREATE TABLE {name(odd[3])} ({name(odd[0])} int, {columns}, PRIMARY KEY ({name(odd[2])}, {name(odd[0])}))"
    )
    place.execute(statement)
    with_values = f"INSERT INTO {name(odd[3])} VALUES ({', '.join(map(str, range(len(odd))))})"
    place.execute(with_values)
    rows = place.table(odd[3], since=Since(odd[1], format="epoch"), chunk=1)
    assert records(rows) == [{one: index for index, one in enumerate(odd)}]
    assert records(rows, Slice(start=datetime(1970, 1, 1, tzinfo=UTC))) == records(rows)
    assert rows.key == (odd[2], odd[0])


def test_a_table_without_a_key_is_read_whole(place):
    place.execute("CREATE TABLE plain (a int, b int UNIQUE)", "INSERT INTO plain VALUES (1, NULL), (1, NULL), (2, 3)")
    rows = place.table("plain", chunk=2)
    assert rows.shape == f"Rows {place.schema}.plain"
    assert not rows.durable
    found = pages(rows)
    assert [page.position for page in found] == [None, None]
    assert sorted(record["a"] for page in found for record in page.records) == [1, 1, 2]


def test_a_view_is_read_by_the_key_it_is_given(numbers):
    numbers.execute("CREATE VIEW doubled AS SELECT id * 2 AS double_id, name FROM numbers")
    rows = numbers.table("doubled", key="double_id", chunk=4)
    assert ids(rows, name="double_id") == list(range(2, 21, 2))
    assert [page.position for page in pages(rows)] == [8, 16, 20]
    assert not numbers.table("doubled").durable


def test_a_statement_is_read_like_a_table(numbers):
    mark = "`" if numbers.mysql else '"'
    table = mark + numbers.schema.replace(mark, mark * 2) + mark
    statement = f"SELECT id AS \"odd:id\", '50% :x' AS t FROM {table}.numbers WHERE id % 2 = 1;"
    statement = statement.replace('"odd:id"', "`odd:id`") if numbers.mysql else statement
    rows = numbers.database().query(statement, key="odd:id", chunk=2)
    assert ids(rows, name="odd:id") == [1, 3, 5, 7, 9]
    assert {record["t"] for record in records(rows)} == {"50% :x"}
    assert ids(rows, 5, name="odd:id") == [7, 9]
    with pytest.raises(SourceError, match="'id'"):
        records(numbers.database().query(f"SELECT 1 AS id, 2 AS id FROM {table}.numbers"))


def test_a_key_that_is_null_somewhere_is_refused(place):
    place.execute("CREATE TABLE t (a int UNIQUE)", "INSERT INTO t VALUES (1), (NULL)")
    with pytest.raises(ContractError, match="'a', of the key, is null in a row"):
        records(place.table("t", key="a"))


def test_rows_are_asked_for_by_their_time(place):
    place.execute("CREATE TABLE t (id int PRIMARY KEY, changed date)")
    place.fill("t", [(1, date(2024, 1, 3)), (2, date(2024, 1, 1)), (3, None), (4, date(2024, 1, 2))])
    rows = place.table("t", since="changed", chunk=1)
    assert ids(rows) == [1, 2, 3, 4]
    assert ids(rows, Slice(start=datetime(2024, 1, 2, 12, tzinfo=UTC))) == [1, 4]
    assert ids(rows, Slice(ordered=True)) == [3, 2, 4, 1]  # those without a time first
    found = pages(rows, Slice(ordered=True))
    for index, page in enumerate(found):
        assert ids(rows, Slice(ordered=True, at=page.position)) == [3, 2, 4, 1][index + 1 :]
    assert ids(rows, Slice(ordered=True, start=datetime(2024, 1, 2, tzinfo=UTC))) == [4, 1]


def test_times_without_a_zone_are_in_the_one_that_is_declared(postgres):
    """In Helsinki the clocks went from 3:59 back to 3:00 on 27 October 2024, at 1:00 in UTC."""
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, changed timestamp)")
    postgres.fill(
        "t", [(1, datetime(2024, 10, 27, 2, 59)), (2, datetime(2024, 10, 27, 3, 10)), (3, datetime(2024, 10, 27, 5))]
    )
    postgres.fill("t", [(4, datetime(2024, 10, 27, 3, 0, 30))])
    rows = postgres.table("t", since=Since("changed", zone="Europe/Helsinki"))
    assert ids(rows, Slice(start=datetime(2024, 10, 26, 23, 58, tzinfo=UTC))) == [1, 2, 3, 4]  # 2:58
    # 3:30 for the first time: the row of 3:10 may have been written after it, when it was 3:10 for the second time.
    for minute in (1, 5, 14, 30, 41, 59):
        assert ids(rows, Slice(start=datetime(2024, 10, 27, 0, minute, 7, 5, tzinfo=UTC))) == [2, 3, 4]
    assert ids(rows, Slice(start=datetime(2024, 10, 27, 2, 0, tzinfo=UTC))) == [3]  # 4:00


def test_a_time_may_be_a_number(place):
    place.execute(
        "CREATE TABLE t (id int PRIMARY KEY, changed bigint)", "INSERT INTO t VALUES (1, 1704067200000), (2, 5)"
    )
    rows = place.table("t", since=Since("changed", format="epoch_ms"))
    assert ids(rows, Slice(start=datetime(2024, 1, 1, tzinfo=UTC))) == [1]


def test_a_position_of_a_type_that_has_changed_is_told_as_such(numbers):
    with pytest.raises(ContractError, match="the saved position does not fit column 'id'"):
        records(numbers.table("numbers"), ["x"])


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_files_are_read_by_key_too(tmp_path, kind):
    path = tmp_path / "a b.db"
    url = f"{kind}:///{path}"
    values = [(a, b, f"{a}{b}", f"2024-01-0{b}") for a in range(1, 4) for b in ("1", "2", "3")]
    with (duckdb if kind == "duckdb" else sqlite3).connect(path) as connection:
        connection.execute(
            'CREATE TABLE "t.t" (a INTEGER, "b c" TEXT NOT NULL, v TEXT, d DATE, PRIMARY KEY (a, "b c"))'
        )
        connection.executemany('INSERT INTO "t.t" VALUES (?, ?, ?, ?)', values)
        connection.execute('CREATE VIEW w AS SELECT a FROM "t.t"')
    connection.close()
    for snapshot in (True, False):
        database = Database(url, snapshot=snapshot)
        assert [(one.name, one.view, one.key) for one in database.tables()] == [
            ("t.t", False, ("a", "b c")),
            ("w", True, ()),
        ]
        rows = database.table("t.t", chunk=2, since="d")
        found = pages(rows)
        assert [record["v"] for page in found for record in page.records] == [row[2] for row in values]
        for page in found:
            behind = [row[2] for row in values if (row[0], row[1]) > tuple(page.position)]
            assert [record["v"] for record in records(rows, page.position)] == behind
        changed = records(rows, Slice(start=datetime(2024, 1, 2, tzinfo=UTC)))
        assert [record["v"] for record in changed] == [row[2] for row in values if row[3] >= "2024-01-02"]
        database.close()


def test_any_dialect_of_sqlalchemy_is_read_row_by_row(postgres):
    """psycopg by way of SQLAlchemy stands for a driver of which nothing is known."""
    postgres.execute("CREATE TABLE t (a int, b text, n numeric(9,2), d date, PRIMARY KEY (b, a))")
    values = [(a, b, Decimal("1.25"), date(2024, 1, a)) for b in ("x", "y") for a in (1, 2)]
    postgres.fill("t", values)
    registry.register("house.brand", "sqlalchemy.dialects.postgresql.psycopg", "PGDialect_psycopg")
    database = Database(postgres.url.replace("postgresql:", "house+brand:"))
    (relation,) = database.tables(schema=postgres.schema)
    assert relation.key == ("b", "a")
    number = {"type": "DECIMAL", "precision": 9, "scale": 2}
    assert relation.table().columns == {"a": "LONG", "b": "STRING", "n": number, "d": "NAIVE_DATE"}
    for snapshot in (True, False):
        rows = Database(postgres.url.replace("postgresql:", "house+brand:"), snapshot=snapshot).table(
            "t", schema=postgres.schema, since="d", chunk=1
        )
        found = pages(rows)
        assert [tuple(page.records[0].values()) for page in found] == values
        for index, page in enumerate(found):
            assert [record["b"] for record in records(rows, page.position)] == [row[1] for row in values[index + 1 :]]
        assert len(records(rows, Slice(start=datetime(2024, 1, 2, tzinfo=UTC)))) == 2
        rows.client.close()
    database.close()


def test_a_driver_that_is_not_installed_is_named(postgres):
    with pytest.raises(ConfigError, match="the driver psycopg2 is not installed"):
        records(Database(postgres.url.replace("postgresql:", "postgresql+psycopg2:")).table("t", key="id"))


@pytest.mark.parametrize("url", ["no url", "", "postgresql://x:y@z:port/d"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigError, match="no URL"):
        Database(url)


def test_a_dialect_nobody_knows_is_named():
    with pytest.raises(ConfigError, match="no dialect for nosuch://"):
        records(Database("nosuch://host/db").table("t", key="id"))
