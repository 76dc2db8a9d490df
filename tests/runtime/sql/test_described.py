"""What the catalogs say of a table: the key that really tells its rows apart, and what a user sees of them."""

from __future__ import annotations

from contextlib import closing

import pytest

from headwater_runtime import FullRefresh, SourceError, Stream, Table
from headwater_runtime.log import Log
from headwater_runtime.sql import Database

from .conftest import quoted, records, synced


class Told(Log):
    """A log that keeps its warnings."""

    def __init__(self):
        super().__init__()
        self.warnings = []

    def warning(self, line):
        self.warnings.append(line)


def keys(place):
    return {one.name: one.key for one in place.database().tables(schema=place.schema)}


def test_columns_that_a_key_only_includes_are_no_part_of_it(postgres):
    postgres.execute("CREATE TABLE t (b int, id int, name text, PRIMARY KEY (id, b) INCLUDE (name))")
    assert keys(postgres) == {"t": ("id", "b")}
    assert postgres.table("t").key == ("id", "b")


def test_a_table_that_others_inherit_from_has_no_key(postgres):
    """Its primary key says nothing of the rows of its children, which are read with its own."""
    postgres.execute("CREATE TABLE parent (id int PRIMARY KEY)", "CREATE TABLE child () INHERITS (parent)")
    postgres.execute("INSERT INTO parent VALUES (1), (2)", "INSERT INTO child VALUES (1), (2)")
    assert keys(postgres) == {"child": (), "parent": ()}
    rows = postgres.database(snapshot=False).table("parent", schema=postgres.schema, chunk=1)
    assert sorted(record["id"] for record in records(rows)) == [1, 1, 2, 2]


def test_a_table_without_a_schema_is_the_one_that_a_statement_means(postgres, postgres_server):
    postgres.execute(
        'CREATE TABLE public."only here" (id int PRIMARY KEY)', 'INSERT INTO public."only here" VALUES (7)'
    )
    try:
        path = f"{quoted(postgres.schema)}, public".replace(" ", "\\ ")
        database = Database(postgres.url, arguments={"options": f"-csearch_path={path}"})
        assert records(database.table("only here")) == [{"id": 7}]
        postgres.execute("CREATE TABLE t (id int PRIMARY KEY)")
        assert [one.name for one in database.tables()] == ["t"]
        database.close()
    finally:
        postgres.execute('DROP TABLE public."only here"')


def test_rows_that_a_policy_hides_are_told_of(postgres, request):
    postgres.execute("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)")
    postgres.execute("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON t USING (id = 1)")
    postgres.execute("CREATE ROLE tenant LOGIN PASSWORD 'tenant-1234'", "GRANT SELECT ON t TO tenant")
    postgres.execute(f"GRANT USAGE ON SCHEMA {quoted(postgres.schema)} TO tenant")
    request.addfinalizer(lambda: postgres.execute("DROP OWNED BY tenant", "DROP ROLE tenant"))
    url = postgres.url
    postgres.url = url.replace("owner:", "tenant:", 1).replace(url.split(":")[2].split("@")[0], "tenant-1234")
    log = Told()
    database = postgres.database(log=log)
    for _ in range(2):
        assert records(database.table("t", schema=postgres.schema)) == [{"id": 1}]
    assert len(log.warnings) == 1
    assert "policies hide rows" in log.warnings[0]
    postgres.url, log = url, Told()
    assert len(records(postgres.database(log=log).table("t", schema=postgres.schema))) == 2
    assert log.warnings == []


def test_a_materialized_view_without_data_is_named_and_the_other_streams_go_on(postgres):
    postgres.execute("CREATE MATERIALIZED VIEW t AS SELECT 1 AS id WITH NO DATA", "CREATE TABLE u (id int PRIMARY KEY)")
    postgres.execute("INSERT INTO u VALUES (1)")

    def streams(client):
        for name in ("t", "u"):
            rows = client.table(name, schema=postgres.schema, key="id")
            yield Stream(rows, {Table(name, key="id"): dict}, FullRefresh())

    from tests.runtime.conftest import Kept

    emit = Kept()
    with pytest.raises(SourceError, match="has not been populated"):
        synced(postgres.database(), streams, emit=emit)
    assert emit.rows("u") == [{"id": 1}]


def test_tables_without_columns_and_with_as_many_as_there_can_be(postgres):
    postgres.execute("CREATE TABLE none ()", "INSERT INTO none DEFAULT VALUES")
    postgres.execute("CREATE TABLE many (" + ", ".join(f"c{number} int" for number in range(1600)) + ")")
    postgres.execute("INSERT INTO many (c0, c1599) VALUES (1, 2)")
    (row,) = records(postgres.table("many"))
    assert (len(row), row["c0"], row["c1599"]) == (1600, 1, 2)
    assert records(postgres.table("none")) == []


def test_tables_whose_names_differ_by_case_keep_their_own_keys(mariadb):
    mariadb.execute("CREATE TABLE foo (z int PRIMARY KEY)", "CREATE TABLE Foo (x int, y int, PRIMARY KEY (y, x))")
    assert keys(mariadb) == {"Foo": ("y", "x"), "foo": ("z",)}
    assert mariadb.table("foo").key == ("z",)
    assert mariadb.table("Foo").key == ("y", "x")


def test_a_key_that_a_table_hides_is_read_all_the_same(mariadb):
    mariadb.execute("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY INVISIBLE, name text)")
    mariadb.execute("INSERT INTO t (name) VALUES ('a'), ('b')")
    (relation,) = mariadb.database().tables(schema=mariadb.schema)
    assert relation.columns == ("name", "id")
    rows = mariadb.table("t", chunk=1)
    assert [page.position for page in rows.read()] == [1, 2]
    assert records(rows, 1) == [{"name": "b", "id": 2}]


def test_a_table_that_keeps_its_past_is_read_as_it_is_now(mariadb):
    mariadb.execute("CREATE TABLE t (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING")
    mariadb.execute("INSERT INTO t VALUES (1, 1), (2, 2)", "UPDATE t SET v = v + 1", "CREATE SEQUENCE numbers")
    assert keys(mariadb) == {"t": ("id",)}
    assert records(mariadb.table("t", chunk=1)) == [{"id": 1, "v": 2}, {"id": 2, "v": 3}]


def test_a_key_with_a_period_tells_its_rows_apart(mariadb):
    columns = "id int, low date, high date, PERIOD FOR p (low, high), PRIMARY KEY (id, p WITHOUT OVERLAPS)"
    mariadb.execute(f"CREATE TABLE t ({columns})")
    mariadb.execute("INSERT INTO t VALUES (1, '2020-01-01', '2021-01-01'), (1, '2021-01-01', '2022-01-01')")
    assert set(keys(mariadb)["t"]) == {"id", "low", "high"}
    assert len(records(mariadb.database(snapshot=False).table("t", schema=mariadb.schema, chunk=1))) == 2


def test_a_table_that_is_locked_while_tables_are_listed_is_not_read_without_its_types(postgres):
    """Without them it would land as other types than before; the other streams go on."""
    from headwater_runtime import Retry
    from tests.runtime.conftest import Kept

    postgres.execute("CREATE TABLE t (id int PRIMARY KEY, n numeric(5,2))", "INSERT INTO t VALUES (1, 1)")
    postgres.execute("CREATE TABLE u (id int PRIMARY KEY)", "INSERT INTO u VALUES (1)")

    def streams(client):
        found = client.tables(schema=postgres.schema)
        if not holder.closed:
            holder.rollback()
        for one in found:
            yield Stream(client.table(one.name, schema=one.schema), {one.table(): dict}, FullRefresh())

    emit = Kept()
    with closing(postgres.connect()) as holder:
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        database = postgres.database(lock_timeout=0.1, retry=Retry(attempts=1))
        with pytest.raises(SourceError, match="waited too long for a lock"):
            synced(database, streams, emit=emit)
    assert emit.rows("t") == []
    assert emit.rows("u") == [{"id": 1}]
    assert len(synced(postgres.database(), streams).rows("t")) == 1


@pytest.mark.parametrize(
    "text", ["SELECT 1 AS id -- one", "SELECT 1 AS id ;\n", "WITH a AS (SELECT 1 AS id) SELECT * FROM a"]
)
def test_a_statement_may_end_in_a_remark(place, text):
    assert records(place.database().query(text, key="id")) == [{"id": 1}]
