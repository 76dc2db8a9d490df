"""PostgreSQL: rows by COPY through ADBC where it is installed, else by a cursor of psycopg; both give the same.

What a batch can hold exactly comes as it is; every other type comes as the server's own text for it, arrays and composite
values as its JSON, in ISO dates and UTC whatever the server's settings are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from sqlalchemy.dialects import postgresql

from headwater_runtime.errors import ConfigError
from headwater_runtime.sql.columns import INTEGERS, decimal
from headwater_runtime.sql.fetch import fetched
from headwater_runtime.sql.need import needed
from headwater_runtime.sql.server import BYTES, Column, Found, Options, Reading, Session, Trouble
from headwater_runtime.sql.statement import Origin, literal, rendered
from headwater_runtime.sql.trouble import explained
from headwater_runtime.tables import ColumnType
from headwater_runtime.times import iso

__all__ = ["Postgres", "connected"]

DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
NATIVE: Mapping[int, tuple[pa.DataType, ColumnType]] = {
    16: (pa.bool_(), "BOOLEAN"),
    **{oid: (kind, INTEGERS[kind]) for oid, kind in ((21, pa.int16()), (23, pa.int32()), (20, pa.int64()))},
    700: (pa.float32(), "FLOAT"),
    701: (pa.float64(), "DOUBLE"),
    **dict.fromkeys((25, 1043, 1042), (pa.string(), "STRING")),
    17: (pa.binary(), "BINARY"),
    1082: (pa.date32(), "NAIVE_DATE"),
    1114: (pa.timestamp("us"), "NAIVE_DATETIME"),
    1184: (pa.timestamp("us", "UTC"), "UTC_DATETIME"),
}
NUMERIC, OID, MONEY, PADDED = 1700, 26, 790, 1042
AS_TEXT: Mapping[int, ColumnType] = {
    114: "JSON",
    3802: "JSON",
    142: "XML",
    2950: "STRING",
    1083: "STRING",
    1186: "STRING",
}
TEXTS = (NUMERIC, 1082, 1114, 1184)  # what psycopg hands over as the server writes it, for Arrow to read
NESTED = frozenset("AC")  # pg_type.typcategory of arrays and composite types
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# No table; no right but on some columns; not to be locked; not there, which the reading tells better.
UNLOCKABLE = frozenset({"42809", "42501", "0A000", "42P01", "3F000"})
HORIZON = """
SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE least(
  clock_timestamp() - interval '1 second',
  (SELECT min(xact_start) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name <> {name}
   AND backend_type IS DISTINCT FROM 'autovacuum worker' AND (datid IS NULL OR datname = current_database())),
  (SELECT min(prepared) - interval '1 hour' FROM pg_prepared_xacts WHERE database = current_database())) END
"""
FOUND = """
SELECT c.relname, c.relkind IN ('v', 'm'), row_security_active(c.oid), coalesce((
  SELECT array_agg(a.attname::text ORDER BY k.place) FROM pg_index i
  CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, place)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
  WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts
  AND (c.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid))), '{{}}')
FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ({name} IS NULL OR c.relname = {name})
AND CASE WHEN {schema} IS NULL AND {name} IS NOT NULL THEN pg_table_is_visible(c.oid)
    ELSE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = coalesce({schema}, current_schema())) END
AND ({name} IS NOT NULL OR NOT c.relispartition) ORDER BY c.relname
"""


@dataclass(frozen=True)
class Postgres:
    """A server; `conninfo` holds the password."""

    conninfo: str = field(repr=False)
    options: Options
    adbc: bool
    kinds: dict[int, str] = field(default_factory=dict, compare=False, repr=False)  # category by type, as far as met
    row_values = True
    untyped = False

    def ask(self) -> Session:
        """Connect by psycopg."""
        return _Asking(self)

    def open(self) -> Reading:
        """Connect by ADBC if it is there."""
        return _Copying(self) if self.adbc else _Asking(self)

    def value(self, column: Column, value: Any) -> sa.ColumnElement[Any]:  # noqa: ARG002
        """Return its text: the server reads it as the column's type, whichever that is."""
        return literal(_text(value))

    def trouble(self, error: Exception, where: str) -> Trouble | None:
        """Explain an error by its SQLSTATE. One in the middle of a COPY has none: it is asked for again, by psycopg."""
        import psycopg  # noqa: PLC0415

        if isinstance(error, psycopg.Error):
            return explained(error.sqlstate or "", error.diag.message_primary or str(error), where)
        if type(error).__module__.startswith("adbc_driver_manager") or isinstance(error, (OSError, pa.ArrowInvalid)):
            return explained(getattr(error, "sqlstate", None) or "", str(error), where)
        return None

    @property
    def settings(self) -> str:
        """The statement that makes texts of values the same everywhere."""
        told = {
            "TimeZone": "UTC",
            "DateStyle": "ISO",
            "IntervalStyle": "iso_8601",
            "bytea_output": "hex",
            "extra_float_digits": "1",
            "client_encoding": "UTF8",
            "standard_conforming_strings": "on",
            "application_name": self.options.name,
            "lock_timeout": self.options.lock_timeout,
            "statement_timeout": self.options.statement_timeout,
        }
        calls = (
            f"set_config('{name}', '{value if isinstance(value, str) else int(value * 1000)}', false)"
            for name, value in told.items()
            if value is not None
        )
        return f"SELECT {', '.join(calls)}"


def _text(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return "\\x" + bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)


class _Asking:
    """A session of psycopg."""

    def __init__(self, server: Postgres) -> None:
        psycopg = needed("psycopg", "psycopg[binary]")
        strings = needed("psycopg.types.string", "psycopg[binary]")
        self._server = server
        self._connection = psycopg.connect(server.conninfo, autocommit=True)
        for oid in TEXTS:
            self._connection.adapters.register_loader(oid, strings.TextLoader)
        self._connection.execute(server.settings)
        self._within = False

    def columns(self, nothing: sa.Select[Any]) -> list[Column]:
        sql, _ = rendered(nothing, DIALECT, whole=True)
        found = list(self._connection.execute(sql).description or ())
        kinds = self._server.kinds
        plain = {*NATIVE, *AS_TEXT, NUMERIC, OID, MONEY}
        unknown = sorted({one.type_code for one in found} - plain - set(kinds))
        if unknown:
            listed = ", ".join(map(str, unknown))
            query = f"SELECT oid::int8, typcategory::text FROM pg_type WHERE oid IN ({listed})"  # noqa: S608  (numbers)
            kinds.update(dict(self._connection.execute(query).fetchall()))
        made = [_column(one, kinds) for one in found]
        unchecked = self._connection.info.parameter_status("server_encoding") == "SQL_ASCII"
        return [_unchecked(*one) for one in zip(made, found, strict=True)] if unchecked else made

    def begin(self, snapshot: str = "", origin: Origin | None = None) -> None:
        _begin(self._connection.execute, snapshot, origin)
        self._within = True

    def end(self) -> None:
        self._connection.execute("COMMIT")
        self._within = False

    def share(self) -> str:
        row = self._connection.execute("SELECT pg_export_snapshot()").fetchone()
        return str(row[0]) if row else ""

    def stream(self, statement: sa.Select[Any], columns: Sequence[Column], size: int) -> Iterator[pa.Table]:
        sql, _ = rendered(statement, DIALECT, whole=True)
        # Outside of a transaction the server keeps no cursor: the statement brings few rows then.
        with self._connection.cursor(name="headwater") if self._within else self._connection.cursor() as cursor:
            cursor.execute(sql)
            yield from fetched(cursor.fetchmany, columns, size)

    def one(self, statement: sa.Select[Any], columns: Sequence[Column]) -> list[Any] | None:  # noqa: ARG002
        sql, _ = rendered(statement, DIALECT, whole=True)
        row = self._connection.execute(sql).fetchone()
        return None if row is None else list(row)

    def horizon(self) -> datetime | None:
        query = HORIZON.format(name=_quoted(self._server.options.name))
        row = self._connection.execute(f"SELECT ({query})::text").fetchone()
        return None if row is None or row[0] is None else iso(row[0])

    def found(self, schema: str | None, name: str | None = None) -> list[Found]:
        query = FOUND.format(name=_quoted(name), schema=_quoted(schema))
        rows = self._connection.execute(query).fetchall()
        return [Found(name, tuple(key), view, hidden) for name, view, hidden, key in rows]

    def close(self) -> None:
        self._connection.close()


class _Copying:
    """A session of ADBC, which only streams."""

    def __init__(self, server: Postgres) -> None:
        dbapi = needed("adbc_driver_postgresql.dbapi", "adbc-driver-postgresql")
        self._cursor: Any = None
        self._connection = dbapi.connect(server.conninfo, autocommit=True)
        try:
            self._run(server.settings)
        except BaseException:
            self.close()
            raise

    def begin(self, snapshot: str = "", origin: Origin | None = None) -> None:
        _begin(self._run, snapshot, origin)

    def stream(self, statement: sa.Select[Any], columns: Sequence[Column], size: int) -> Iterator[pa.Table]:
        sql, _ = rendered(statement, DIALECT, whole=True)
        self._cursor = self._connection.cursor()
        self._cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BYTES)})
        self._cursor.execute(sql)
        names = [column.name for column in columns]
        yield from _cut(self._cursor.fetch_record_batch(), names, size)
        self._cursor.close()
        self._cursor = None

    def end(self) -> None:
        self._run("COMMIT")

    def close(self) -> None:
        for one in (self._cursor, self._connection):
            try:
                if one is not None:
                    one.close()
            except Exception:  # noqa: BLE001, S110  (what is broken cannot be closed well)
                pass

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            if statement.startswith("SELECT"):
                cursor.fetchall()


def _cut(batches: Any, names: list[str], size: int) -> Iterator[pa.Table]:
    """Yield tables of just `size` rows, but for the last one and where rows are so wide that fewer are enough."""
    rest: list[pa.RecordBatch] = []
    rows = weight = 0
    for batch in batches:
        rest.append(batch)
        rows, weight = rows + batch.num_rows, weight + batch.nbytes
        if rows < size and weight < 2 * BYTES:
            continue
        table = pa.Table.from_batches(rest).rename_columns(names)
        left = rows % size if weight < 2 * BYTES * max(1, rows // size) else 0
        for start in range(0, rows - left, size):
            yield table.slice(start, min(size, rows - left - start))
        rest = table.slice(rows - left).rename_columns(batch.schema.names).to_batches() if left else []
        rows, weight = left, sum(one.nbytes for one in rest)
    if rest:
        yield pa.Table.from_batches(rest).rename_columns(names)


def _begin(run: Callable[[str], Any], snapshot: str, origin: Origin | None) -> None:
    """Begin a transaction, and lock its table before its snapshot is taken.

    Whoever has truncated or rewritten the table holds a lock until all is there again; to a snapshot from before that
    the table would be empty. What cannot be locked, such as a materialized view, is read as it is.
    """
    run(BEGIN)
    if snapshot:
        run(f"SET TRANSACTION SNAPSHOT {_quoted(snapshot)}")
    elif origin is not None and not origin.statement:
        try:
            run(f"LOCK TABLE {origin.quoted(DIALECT)} IN ACCESS SHARE MODE")
        except Exception as error:
            if getattr(error, "sqlstate", None) not in UNLOCKABLE:
                raise
            run("ROLLBACK")
            run(BEGIN)


def _quoted(text: str | None) -> str:
    return "NULL::text" if text is None else "'" + text.replace("'", "''") + "'"


def _column(found: Any, kinds: Mapping[int, str]) -> Column:
    """Return how a column of a result is read. A domain is described as the type it stands on."""
    name, oid = found.name, found.type_code
    if oid in NATIVE:
        arrow, declared = NATIVE[oid]
        return Column(name, arrow, declared, native=str(oid))
    if oid == NUMERIC:
        arrow, declared = decimal(found.precision or 0, found.scale or 0)
        read = _as_text if arrow == pa.string() else None
        return Column(name, arrow, declared, native="numeric", **({"read": read} if read else {}))
    if oid == OID:
        return Column(name, pa.int64(), "LONG", read=lambda one: sa.cast(one, sa.BigInteger), native="oid")
    if oid == MONEY:  # whatever lc_monetary says, its text has at most four digits behind the point
        arrow, declared = decimal(23, 4)
        return Column(name, arrow, declared, read=lambda one: sa.cast(one, sa.Numeric(23, 4)), native="money")
    if kinds.get(oid) in NESTED:  # compared as what is read of them: the server takes no JSON for an array
        return Column(name, pa.string(), "JSON", read=_as_json, compared=_as_json, native=str(oid))
    return Column(name, pa.string(), AS_TEXT.get(oid, "STRING"), read=_as_text, native=str(oid))


def _unchecked(column: Column, found: Any) -> Column:
    """Return how a column of a database that checks no encoding is read: texts as bytes, to see which are none."""
    if not pa.types.is_string(column.arrow):
        return column

    def read(one: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        text = column.read(one)
        if found.type_code == PADDED and found.display_size:  # as a text it would lose its blanks
            text = sa.func.rpad(_as_text(one), sa.literal_column(str(int(found.display_size))))
        return sa.func.convert_to(_as_text(text), literal("SQL_ASCII"))

    return replace(column, read=read)


def _as_json(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return _as_text(sa.func.to_json(column))


def _as_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(column, sa.Text)


def connected(url: sa.URL, options: Options, near: int | None, *, adbc: bool) -> Postgres:
    """Return the server of a URL; at the local port `near`, under its own name, if a tunnel leads to it."""
    conninfo = needed("psycopg.conninfo", "psycopg[binary]")
    asked: dict[str, Any] = {
        name: ",".join(value) if isinstance(value, tuple) else value for name, value in url.query.items()
    }
    asked |= {"user": url.username, "password": url.password, "dbname": url.database}
    asked |= (
        {"host": url.host, "port": url.port}
        if near is None
        else {"host": url.host, "hostaddr": "127.0.0.1", "port": near}
    )
    asked |= dict(options.arguments)
    if asked.get("sslmode") == "verify-full" and not _authorities():
        asked.setdefault("sslrootcert", DEFAULT_CA_BUNDLE_PATH)
    defaults = {"connect_timeout": int(options.connect_timeout), "keepalives_idle": 30, "tcp_user_timeout": 60_000}
    told = {**defaults, **{name: value for name, value in asked.items() if value is not None}}
    try:
        return Postgres(conninfo.make_conninfo(**told), options, adbc)
    except needed("psycopg", "psycopg[binary]").ProgrammingError as error:
        what = f"the address of the database is refused: {str(error).strip()}"
        raise ConfigError(
            what, where="Database", hint="see the parameters of libpq for what may follow the ?"
        ) from error


def _authorities() -> bool:
    """Whether this machine names authorities to libpq, which by itself knows none."""
    with suppress(RuntimeError):  # nobody's home
        return bool(os.environ.get("PGSSLROOTCERT")) or (Path.home() / ".postgresql" / "root.crt").exists()
    return False
