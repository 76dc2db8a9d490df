"""The floors of `sql`: a driver's Arrow batches straight into DuckDB, or DuckDB's own PostgreSQL reader. No key, no state, no types to find out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from benchmarks.contestants.columns import COLUMNS, created
from benchmarks.contestants.timed import job, measured


def adbc(connection: Any, wanted: dict[str, Any]) -> None:
    """Load ADBC's reader of record batches."""
    import adbc_driver_postgresql.dbapi as driver

    with driver.connect(wanted["url"]) as source, source.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM {wanted['table']}")  # noqa: S608
        batches = cursor.fetch_record_batch()  # DuckDB finds it by its name
        connection.execute("INSERT INTO orders SELECT * FROM batches")
        del batches


def connectorx(connection: Any, wanted: dict[str, Any]) -> None:
    """Load ConnectorX's table, read over so many connections. It holds the whole of it."""
    import connectorx as cx

    query = f"SELECT {', '.join(COLUMNS)} FROM {wanted['table']}"  # noqa: S608
    ranges = {"partition_on": "id", "partition_num": wanted["ranges"]} if wanted["ranges"] > 1 else {}
    found = cx.read_sql(wanted["url"], query, return_type="arrow", **ranges)
    connection.execute("INSERT INTO orders SELECT * FROM found")
    del found


def duckdb_postgres(connection: Any, wanted: dict[str, Any]) -> None:
    """Copy with DuckDB's PostgreSQL extension, from the package that carries it."""
    from duckdb_extensions import import_extension

    import_extension("postgres_scanner")
    connection.execute(f"LOAD postgres_scanner; ATTACH '{wanted['url']}' AS source (TYPE postgres, READ_ONLY)")
    connection.execute(f"INSERT INTO orders SELECT {', '.join(COLUMNS)} FROM source.{wanted['table']}")  # noqa: S608


WAYS: Mapping[str, tuple[Callable[[Any, dict[str, Any]], None], str, str]] = {
    "adbc": (adbc, "adbc_driver_postgresql.dbapi", "adbc-driver-postgresql"),
    "connectorx": (connectorx, "connectorx", "connectorx"),
    "duckdb": (duckdb_postgres, "duckdb_extensions", "duckdb-extension-postgres-scanner"),
}


def main() -> None:
    """Read and load."""
    wanted = job()
    import duckdb

    load, module, package = WAYS[wanted["way"]]
    import_module(module)
    with measured("duckdb", package), duckdb.connect("warehouse.db") as connection:
        connection.execute(created("orders"))
        load(connection, wanted)


if __name__ == "__main__":
    main()
