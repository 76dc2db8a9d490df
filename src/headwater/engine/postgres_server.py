"""What is asked of a PostgreSQL server: connecting, statements, rows by COPY, and its errors in words that help."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from pyarrow import csv

from headwater.engine.catalog import Existing, quoted
from headwater.engine.sqltypes import SqlType
from headwater.errors import WarehouseError

__all__ = ["Server", "inward", "outward", "server_type"]

WHOLE = "what the last checkpoint wrote is whole"
LOCK_SECONDS = 3  # a server takes a moment to notice that a killed run is gone
BATCH = 50_000

_TYPES = {
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "BLOB": "bytea",
    "VARCHAR": "text",
    "JSON": "json",  # not jsonb: the text stays as it is, every digit of it, and \u0000 is allowed
}


# DuckDB takes NaN and Infinity for JSON, PostgreSQL does not: outside of strings they become strings.
_STRICT = (
    r"""array_to_string([CASE WHEN part[1] = '"' THEN part """
    r"""ELSE regexp_replace(part, '(-?Infinity|NaN)', '"\1"', 'g') END """
    r"""FOR part IN regexp_extract_all({0}, '"(?:[^"\\]|\\.)*"|[^"]+')], '')"""
)


def server_type(kind: SqlType, *, key: bool) -> str:
    """Return PostgreSQL's name for a column type. A JSON key is text there: its json cannot be compared."""
    if kind.name == "JSON" and key:
        return "text"
    return _TYPES.get(kind.name, str(kind))


def outward(column: str, kind: SqlType) -> str:
    """Return DuckDB's expression for the text from which PostgreSQL reads the column."""
    name = quoted(column)
    if kind.name == "BLOB":
        return f"'\\x' || lower(hex({name}))"
    text = f"CAST({name} AS VARCHAR)"
    if kind.name == "JSON":
        return f"CASE WHEN regexp_matches({text}, 'NaN|Infinity') THEN {_STRICT.format(text)} ELSE {text} END"
    if kind.name == "DATE" or kind.name.startswith("TIMESTAMP"):
        return f"CASE WHEN {text} LIKE '%(BC)%' THEN replace({text}, ' (BC)', '') || ' BC' ELSE {text} END"
    return text


def inward(column: str, kind: SqlType) -> str:
    """Return DuckDB's expression that makes a value of what `Server.rows` gave as text."""
    name = quoted(column)
    if kind.name == "BLOB":
        return f"unhex({name})"
    if kind.name == "DATE" or kind.name.startswith("TIMESTAMP"):
        ancient = f"left({name}, 10) || ' (BC)' || substr({name}, 11, length({name}) - 13)"
        return f"CAST(CASE WHEN {name} LIKE '% BC' THEN {ancient} ELSE {name} END AS {kind})"
    return f"CAST({name} AS {kind})"


class Server:
    """A connection. Everything it raises is a WarehouseError; none shows the password."""

    def __init__(self, conninfo: str, parameters: Mapping[str, Any]) -> None:
        self._psycopg = _psycopg()
        self.where = ""
        with self._explained(connecting=True):
            asked = self._psycopg.conninfo.conninfo_to_dict(conninfo, **parameters)
            place = f"{asked.get('host') or 'local socket'}:{asked.get('port') or 5432}"
            self.where = f"{place}/{asked.get('dbname') or asked.get('user') or ''}"
            asked.setdefault("connect_timeout", 10)
            self._connection = self._psycopg.connect(autocommit=True, **asked)
            self._connection.execute("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET client_encoding = 'UTF8'")

    def close(self) -> None:
        """Disconnect; locks go with the connection."""
        self._connection.close()

    def lock(self, name: str) -> None:
        """Make this run the only one that may write to what `name` stands for."""
        with self._explained():
            try:
                self._connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
                self._connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"headwater {name}"])
                self._connection.execute("SET lock_timeout = 0")
            except self._psycopg.errors.LockNotAvailable as error:
                raise WarehouseError(
                    "the warehouse is in use by another run",
                    where=f"{self.where} schema {name}",
                    hint="wait for the other run to end, or land in another schema",
                ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all statements inside happen, or none."""
        with self._explained(), self._connection.transaction():
            yield

    def execute(self, statement: str, values: Sequence[Any] | None = None) -> None:
        """Run one statement."""
        with self._explained():
            self._connection.execute(statement, values)

    def all(self, query: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return a query's rows."""
        with self._explained():
            return list(self._connection.execute(query, values).fetchall())

    def rows(self, source: str, table: Existing) -> pa.Table:
        """Return the columns of `table` from `source`, the rest of a query after FROM, as texts that `inward` reads."""
        texts = [
            f"encode({quoted(column)}, 'hex')" if kind.name == "BLOB" else f"{quoted(column)}::text"
            for column, kind in table.columns.items()
        ]
        with self._explained():
            statement = f"COPY (SELECT {', '.join(texts)} FROM {source}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
            with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
                data = b"".join(copy)
        kinds = dict.fromkeys(table.columns, pa.string())
        if not data:
            return pa.schema(kinds).empty_table()
        return csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(column_names=list(kinds), block_size=len(data) + 1),
            csv.ParseOptions(newlines_in_values=True),
            csv.ConvertOptions(
                column_types=kinds, strings_can_be_null=True, null_values=[""], quoted_strings_can_be_null=False
            ),
        )

    def write(self, target: str, columns: Sequence[str], batches: Any) -> None:
        """Load batches of texts, made by `outward`, into the columns of a table."""
        names = ", ".join(map(quoted, columns))
        options = csv.WriteOptions(include_header=False, quoting_style="needed")  # a null is nothing, a text has quotes
        statement = f"COPY {target} ({names}) FROM STDIN (FORMAT csv)"
        with self._explained(), self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for batch in batches:
                sink = pa.BufferOutputStream()
                csv.write_csv(batch, sink, options)
                copy.write(sink.getvalue().to_pybytes())

    @contextmanager
    def _explained(self, *, connecting: bool = False) -> Iterator[None]:
        try:
            yield
        except self._psycopg.Error as error:
            what, hint = _explanation(self._psycopg, error, connecting=connecting)
            raise WarehouseError(what, where=self.where, hint=hint) from error


def _explanation(psycopg: Any, error: Any, *, connecting: bool) -> tuple[str, str]:
    errors = psycopg.errors
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    if connecting:
        return _refused(text)
    if isinstance(error, errors.InsufficientPrivilege):
        return (
            f"the user may not do this: {text}",
            "grant it CREATE on the database, or make the schema and grant CREATE and USAGE on it",
        )
    if isinstance(error, errors.DiskFull):
        return f"the server's disk is full: {text}", f"free space on the server and run again; {WHOLE}"
    if isinstance(error, errors.DuplicateTable):
        return (
            f"there is a table in the way: {text}",
            "land in another schema, or move the table: only tables a sync has made are written to",
        )
    lost = (psycopg.OperationalError, psycopg.InterfaceError)
    if isinstance(error, lost) and (error.sqlstate or "57P").startswith(("57P", "08")):
        return f"the connection to the server was lost: {text}", f"see that the server runs, and run again; {WHOLE}"
    return f"PostgreSQL: {text}", f"see the message; {WHOLE}"


def _refused(text: str) -> tuple[str, str]:
    if "password" in text:
        return "the server refuses the user or the password", "check user and password"
    if "does not exist" in text:
        return (
            f"the server has no such database or user: {text.rpartition('FATAL:')[2].strip()}",
            "create it, or name another",
        )
    return f"the server cannot be reached: {text}", "check host and port, and that the server runs"


def _psycopg() -> Any:
    try:
        import psycopg  # noqa: PLC0415  (an extra: whoever lands elsewhere does without)
        import psycopg.conninfo  # noqa: PLC0415
    except ImportError as error:
        raise WarehouseError(
            "psycopg is not installed", where="PostgreSQL", hint='pip install "headwater[databases]"'
        ) from error
    return psycopg
