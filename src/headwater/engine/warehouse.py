"""Looking into a DuckDB warehouse: queries, samples, counts. Nothing here changes it."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb

from headwater.engine.catalog import Existing, count_live, quoted, read_tables, sql_name
from headwater.engine.duckdb_destination import DuckDbDestination, explained
from headwater.engine.shape import TableName
from headwater.errors import WarehouseError

__all__ = ["Rows", "Warehouse", "live_counts", "query", "reading", "sample"]

Warehouse = Path | str | DuckDbDestination


@dataclass(frozen=True)
class Rows:
    """An answer. Every value is a plain JSON value: moments, decimals and the like are text, bytes are base64 text."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def query(warehouse: Warehouse, sql: str, *, limit: int | None = None) -> Rows:
    """Run one query that only reads, and return at most `limit` rows of its answer. Raises WarehouseError."""
    with reading(warehouse) as connection:
        try:
            return _rows(connection, sql, limit)
        except duckdb.Error as error:
            raise WarehouseError(
                f"DuckDB refuses the query: {str(error).strip()}",
                where=_shown(warehouse),
                hint="tables are in schema tester, as in SELECT * FROM tester.my_table; nothing can be changed from here",
            ) from error


def sample(warehouse: Warehouse, table: str, limit: int = 5) -> Rows:
    """Return the first live rows of `table` (as named in a SyncResult's counts) in the order of its key."""
    with reading(warehouse) as connection:
        name, found = _table(connection, table, _shown(warehouse))
        order = ", ".join(map(quoted, found.key)) or "ALL"
        live = "WHERE _fivetran_deleted IS DISTINCT FROM TRUE" if "_fivetran_deleted" in found.columns else ""
        return _rows(connection, f"SELECT * FROM {sql_name(name)} {live} ORDER BY {order} LIMIT {limit:d}", None)


def live_counts(warehouse: Warehouse) -> Mapping[str, int]:
    """Return the number of live rows of every table."""
    with reading(warehouse) as connection:
        return count_live(connection)


@contextmanager
def reading(warehouse: Warehouse) -> Iterator[Any]:
    """Give a connection on which nothing can be changed. Raises WarehouseError if there is nothing to read."""
    if isinstance(warehouse, DuckDbDestination) and warehouse.in_memory:
        cursor = warehouse.connect().cursor()
        try:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            yield cursor
        finally:
            cursor.close()
        return
    path = Path(_shown(warehouse))
    if not path.exists():
        raise WarehouseError("there is no warehouse yet", where=str(path), hint="run a sync first")
    with explained(str(path)):
        connection = duckdb.connect(str(path), read_only=True)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def _table(connection: Any, table: str, where: str) -> tuple[TableName, Existing]:
    tables = read_tables(connection)
    for name, found in tables.items():
        if table in (name.shown, str(name)):
            return name, found
    raise WarehouseError(
        f"there is no table {table}",
        where=where,
        hint=f"the tables are {', '.join(sorted(name.shown for name in tables)) or 'none yet'}",
    )


def _rows(connection: Any, sql: str, limit: int | None) -> Rows:
    answer = connection.execute(sql)
    described = answer.description or []
    kinds = [str(column[1]) for column in described]
    if any("WITH TIME ZONE" in kind for kind in kinds):  # these come to Python only with a package nobody may have
        names = ", ".join(f"c{index}" for index in range(len(kinds)))
        values = ", ".join(
            f"strftime(CAST(c{i} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ')" if "WITH TIME ZONE" in kind else f"c{i}"
            for i, kind in enumerate(kinds)
        )
        answer = connection.execute(f"SELECT {values} FROM ({sql.strip().rstrip(';')}) AS answer({names})")
    rows = answer.fetchall() if limit is None else answer.fetchmany(limit)
    return Rows(
        tuple(str(column[0]) for column in described),
        tuple(kinds),
        tuple(tuple(map(_plain, row)) for row in rows),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, UUID, timedelta)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _shown(warehouse: Warehouse) -> str:
    return warehouse.path if isinstance(warehouse, DuckDbDestination) else str(warehouse)
