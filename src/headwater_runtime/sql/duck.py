"""DuckDB, by its own Arrow batches: https://duckdb.org/docs/stable/clients/python/overview."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from headwater_runtime.errors import ConfigError, SourceError, TransportError
from headwater_runtime.sql.columns import INTEGERS, decimal
from headwater_runtime.sql.need import needed
from headwater_runtime.sql.server import Column, Found, Options, Session, Trouble
from headwater_runtime.sql.statement import Origin, literal, rendered
from headwater_runtime.sql.trouble import first_line
from headwater_runtime.tables import ColumnType

__all__ = ["Duck"]

# DuckDB reads the SQL of PostgreSQL.
DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
NATIVE: Mapping[str, tuple[pa.DataType, ColumnType]] = {
    "BOOLEAN": (pa.bool_(), "BOOLEAN"),
    **{
        name: (kind, INTEGERS[kind])
        for name, kind in {
            "TINYINT": pa.int8(), "SMALLINT": pa.int16(), "INTEGER": pa.int32(), "BIGINT": pa.int64(),
            "UTINYINT": pa.uint8(), "USMALLINT": pa.uint16(), "UINTEGER": pa.uint32(), "UBIGINT": pa.uint64(),
        }.items()
    },
    "FLOAT": (pa.float32(), "FLOAT"),
    "DOUBLE": (pa.float64(), "DOUBLE"),
    "VARCHAR": (pa.string(), "STRING"),
    "BLOB": (pa.binary(), "BINARY"),
    "DATE": (pa.date32(), "NAIVE_DATE"),
    "TIMESTAMP": (pa.timestamp("us"), "NAIVE_DATETIME"),
    "TIMESTAMP_S": (pa.timestamp("us"), "NAIVE_DATETIME"),
    "TIMESTAMP_MS": (pa.timestamp("us"), "NAIVE_DATETIME"),
    "TIMESTAMP WITH TIME ZONE": (pa.timestamp("us", "UTC"), "UTC_DATETIME"),
}  # fmt: skip
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
NESTED = re.compile(r".*\[\d*\]$|^(STRUCT|MAP|UNION)\(", re.DOTALL)


@dataclass(frozen=True)
class Duck:
    """A file, opened to read only."""

    path: str
    options: Options
    row_values = False
    untyped = False

    def ask(self) -> Session:
        """Open it."""
        return _Session(self)

    open = ask

    def value(self, column: Column, value: Any) -> sa.ColumnElement[Any]:
        """Return its text, cast to the column's type."""
        if isinstance(value, (bytes, bytearray)):
            return sa.func.unhex(literal(bytes(value).hex()))
        text = literal(value.isoformat() if isinstance(value, datetime) else str(value))
        return sa.cast(text, _Named(column.native)) if column.native else text

    def trouble(self, error: Exception, where: str) -> Trouble | None:
        """Explain an error by its class."""
        duckdb = needed("duckdb", "duckdb")
        text = first_line(str(error))
        if isinstance(error, duckdb.IOException):
            if "lock" in text:
                hint = "another process has the file open to write: close it, and run again"
                return Trouble(TransportError(f"the database is locked: {text}", where=where, hint=hint), passing=True)
            hint = "check the path in the URL: duckdb:////absolute/path.duckdb"
            return Trouble(ConfigError(f"the file cannot be read: {text}", where=where, hint=hint))
        if isinstance(error, (duckdb.CatalogException, duckdb.BinderException)):
            hint = "compare the names in sync.py with the database"
            return Trouble(SourceError(f"the database lacks something: {text}", where=where, hint=hint))
        if isinstance(error, duckdb.Error):
            return Trouble(SourceError(f"DuckDB failed: {text}", where=where, hint="see its message"))
        return None


class _Named(sa.types.UserDefinedType[Any]):
    """A type by its name in DuckDB."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **kw: Any) -> str:  # noqa: ARG002
        """Return the name."""
        return self.name


class _Session:
    """A connection."""

    def __init__(self, server: Duck) -> None:
        duckdb = needed("duckdb", "duckdb")
        memory = server.path == ":memory:"
        self._connection = duckdb.connect(server.path, read_only=not memory, config=dict(server.options.arguments))
        self._connection.execute("SET TimeZone = 'UTC'")

    def columns(self, nothing: sa.Select[Any]) -> list[Column]:
        sql, _ = rendered(nothing, DIALECT, whole=True)
        return [_column(row[0], row[1]) for row in self._connection.execute(f"DESCRIBE {sql}").fetchall()]

    def begin(self, snapshot: str = "", origin: Origin | None = None) -> None:  # noqa: ARG002
        self._connection.execute("BEGIN")

    def end(self) -> None:
        self._connection.execute("COMMIT")

    def share(self) -> str:
        return ""

    def stream(self, statement: sa.Select[Any], columns: Sequence[Column], size: int) -> Iterator[pa.Table]:
        sql, _ = rendered(statement, DIALECT, whole=True)
        names = [column.name for column in columns]
        for batch in self._connection.execute(sql).to_arrow_reader(size):
            yield pa.Table.from_batches([batch]).rename_columns(names)

    def one(self, statement: sa.Select[Any], columns: Sequence[Column]) -> list[Any] | None:  # noqa: ARG002
        sql, _ = rendered(statement, DIALECT, whole=True)
        row = self._connection.execute(sql).fetchone()
        return None if row is None else list(row)

    def horizon(self) -> datetime | None:
        return None

    def found(self, schema: str | None, name: str | None = None) -> list[Found]:
        query = """
        SELECT t.table_name, t.table_type = 'VIEW', coalesce((
          SELECT constraint_column_names FROM duckdb_constraints() c WHERE c.schema_name = t.table_schema
          AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY'), [])
        FROM information_schema.tables t WHERE t.table_schema = coalesce(?, current_schema())
        AND t.table_catalog = current_database() AND (? IS NULL OR t.table_name = ?) ORDER BY t.table_name
        """
        rows = self._connection.execute(query, [schema, name, name]).fetchall()
        return [Found(table, tuple(key), view) for table, view, key in rows]

    def close(self) -> None:
        self._connection.close()


def _column(name: str, kind: str) -> Column:
    """Return how a column is read: every type that a batch has no exact place for as DuckDB's own text or JSON for it."""
    if kind in NATIVE:
        arrow, declared = NATIVE[kind]
        return Column(name, arrow, declared, native=kind)
    if found := DECIMAL.fullmatch(kind):
        arrow, declared = decimal(int(found[1]), int(found[2]))
        return Column(name, arrow, declared, native=kind)
    if kind == "JSON":
        return Column(name, pa.string(), "JSON", read=_as_text, native=kind)
    if NESTED.match(kind):
        return Column(name, pa.string(), "JSON", read=lambda one: _as_text(sa.func.to_json(one)), native=kind)
    return Column(name, pa.string(), "STRING", read=_as_text, native=kind)


def _as_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, _Named("VARCHAR"))
