"""SQLite, by the driver of the standard library. Its columns hold values of any type, so types are the values' own.

A page is columns where each column holds one type, else rows. Only columns of text and of blobs have a type of their own:
whatever else they hold, the destination can keep it as such.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from headwater_runtime.errors import ConfigError, ContractError, SourceError, TransportError
from headwater_runtime.sql.server import BYTES, Column, Found, Options, Session, Trouble
from headwater_runtime.sql.statement import Origin, rendered

__all__ = ["Sqlite"]

DIALECT = sqlite.dialect(paramstyle="qmark")
FIRST = 1_000
KINDS = {int: pa.int64(), float: pa.float64(), str: pa.string(), bytes: pa.binary()}
ABSENT = re.compile(r"no such (table|column)")
MEMORY = ":memory:"


@dataclass(frozen=True)
class Sqlite:
    """A file, opened to read only."""

    path: str
    options: Options
    row_values = True
    untyped = True

    def ask(self) -> Session:
        """Open it."""
        return _Session(self)

    open = ask

    def value(self, column: Column, value: Any) -> sa.ColumnElement[Any]:  # noqa: ARG002
        """Return it as a parameter; times as text in the form SQLite's own functions write."""
        if isinstance(value, (datetime, date)):
            value = value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
        return sa.literal(float(value) if isinstance(value, Decimal) else value, sa.types.NullType())

    def trouble(self, error: Exception, where: str) -> Trouble | None:
        """Explain an error by its words: SQLite has few."""
        if isinstance(error, _UndecodableError):
            hint = "mend the text in the database, or read the column as a blob: db.query('SELECT CAST(… AS BLOB) …')"
            return Trouble(ContractError("a text is not UTF-8", where=where, hint=hint))
        if not isinstance(error, sqlite3.Error):
            return None
        text = str(error)
        if isinstance(error, sqlite3.OperationalError) and ABSENT.search(text):
            hint = "compare the names in sync.py with the database"
            return Trouble(SourceError(f"the database lacks something: {text}", where=where, hint=hint))
        if "unable to open" in text or "not a database" in text:
            hint = "check the path in the URL: sqlite:////absolute/path.db"
            return Trouble(ConfigError(f"the file is no database that can be read: {text}", where=where, hint=hint))
        if "locked" in text or "busy" in text:
            hint = "see what else writes to the file, and run again"
            return Trouble(TransportError(f"the database is locked: {text}", where=where, hint=hint), passing=True)
        return Trouble(SourceError(f"SQLite failed: {text}", where=where, hint="see its message"))


class _UndecodableError(Exception):
    """A text that is not UTF-8."""


class _Session:
    """A connection."""

    def __init__(self, server: Sqlite) -> None:
        target = MEMORY if server.path == MEMORY else f"file:{quote(str(Path(server.path).resolve()))}?mode=ro"
        wait = server.options.lock_timeout
        self._connection = sqlite3.connect(
            target, uri=True, timeout=5.0 if wait is None else wait, isolation_level=None, check_same_thread=False
        )
        self._connection.text_factory = _decoded

    def columns(self, nothing: sa.Select[Any]) -> list[Column]:
        sql, values = rendered(nothing, DIALECT, whole=False)
        names = [column[0] for column in self._connection.execute(sql, values).description]
        declared = self._affinities(nothing)
        return [Column(name, pa.null(), declared.get(name), native="SQLite value") for name in names]

    def begin(self, snapshot: str = "", origin: Origin | None = None) -> None:  # noqa: ARG002
        self._connection.execute("BEGIN")

    def end(self) -> None:
        self._connection.execute("COMMIT")

    def share(self) -> str:
        return ""

    def stream(self, statement: sa.Select[Any], columns: Sequence[Column], size: int) -> Iterator[Any]:
        sql, values = rendered(statement, DIALECT, whole=False)
        cursor = self._connection.execute(sql, values)
        names, count = [column.name for column in columns], min(size, FIRST)
        while rows := cursor.fetchmany(count):
            table = _columnar(rows, names)
            yield [dict(zip(names, row, strict=True)) for row in rows] if table is None else table
            weight = max(1, (len(repr(rows[0])) * len(rows) if table is None else table.nbytes) // len(rows))
            count = max(1, min(size, count * 8, BYTES // weight))

    def one(self, statement: sa.Select[Any], columns: Sequence[Column]) -> list[Any] | None:  # noqa: ARG002
        sql, values = rendered(statement, DIALECT, whole=False)
        row = self._connection.execute(sql, values).fetchone()
        return None if row is None else list(row)

    def horizon(self) -> datetime | None:
        return None

    def found(self, schema: str | None, name: str | None = None) -> list[Found]:
        place = '"' + (schema or "main").replace('"', '""') + '"'
        listed = self._connection.execute(
            f"SELECT name, type = 'view' FROM {place}.sqlite_master WHERE type IN ('table', 'view')"  # noqa: S608  (quoted)
            " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND (? IS NULL OR name = ?) ORDER BY name",
            (name, name),
        ).fetchall()
        return [Found(table, self._key(table, schema), bool(view)) for table, view in listed]

    def close(self) -> None:
        self._connection.close()

    def _key(self, table: str, schema: str | None) -> tuple[str, ...]:
        query = 'SELECT name, pk, "notnull", upper(type) FROM pragma_table_info(?, ?) WHERE pk > 0 ORDER BY pk'
        rows = self._connection.execute(query, (table, schema or "main")).fetchall()
        # A primary key of SQLite may be null, unless it is the row's number.
        whole = all(must or kind == "INTEGER" for _, _, must, kind in rows) or self._null_free(table, schema, rows)
        return tuple(row[0] for row in rows) if whole else ()

    def _null_free(self, table: str, schema: str | None, rows: Sequence[Any]) -> bool:
        quoted = ['"' + str(one).replace('"', '""') + '"' for one in (schema or "main", table)]
        null = " OR ".join('"' + row[0].replace('"', '""') + '" IS NULL' for row in rows)
        query = f"SELECT EXISTS (SELECT 1 FROM {'.'.join(quoted)} WHERE {null})"  # noqa: S608  (quoted)
        return not self._connection.execute(query).fetchone()[0]

    def _affinities(self, nothing: sa.Select[Any]) -> dict[str, str]:
        source = nothing.get_final_froms()[0]
        table = getattr(source, "element", None)
        if not isinstance(table, sa.TableClause):
            return {}
        query = "SELECT name, upper(type) FROM pragma_table_info(?, ?)"
        rows = self._connection.execute(query, (table.name, table.schema or "main")).fetchall()
        return {name: kind for name, told in rows if (kind := _affinity(told))}


def _affinity(told: str) -> str:
    """Return the type of a column that holds texts: https://sqlite.org/datatype3.html#determination_of_column_affinity."""
    if "INT" in told:
        return ""
    return "STRING" if any(word in told for word in ("CHAR", "CLOB", "TEXT")) else ""


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise _UndecodableError from error


def _columnar(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> pa.Table | None:
    """Return the rows as columns, None if a column holds values of several types."""
    arrays = []
    for values in zip(*rows, strict=True):
        kinds = {type(value) for value in values} - {type(None)}
        if len(kinds) > 1:
            return None
        arrays.append(pa.array(values, KINDS[kinds.pop()] if kinds else pa.null()))
    return pa.Table.from_arrays(arrays, names=list(names))
