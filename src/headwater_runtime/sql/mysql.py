"""MySQL and MariaDB: rows by an unbuffered cursor of PyMySQL, in the server's own text, which Arrow reads exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from headwater_runtime.errors import ConfigError
from headwater_runtime.sql.columns import INTEGERS, decimal, tabled
from headwater_runtime.sql.fetch import fetched
from headwater_runtime.sql.need import needed
from headwater_runtime.sql.server import Column, Found, Options, Reading, Session, Trouble
from headwater_runtime.sql.statement import Origin, rendered
from headwater_runtime.sql.trouble import ENCRYPTION, explained
from headwater_runtime.tables import ColumnType

__all__ = ["Mysql", "connected"]

DIALECT = mysql.dialect(paramstyle="format")
UNSIGNED, ENUM, SET = 32, 256, 2048  # flags of a column in the protocol
SORTED = 8192  # bytes of a key's weights; 3,072 bytes of text have no more
BYTES_SET = 63  # the character set of what is no text
WHOLE: Mapping[int, tuple[pa.DataType, pa.DataType]] = {  # protocol type: signed, unsigned
    1: (pa.int8(), pa.uint8()),
    2: (pa.int16(), pa.uint16()),
    3: (pa.int32(), pa.uint32()),
    9: (pa.int32(), pa.uint32()),
    8: (pa.int64(), pa.uint64()),
    13: (pa.int16(), pa.uint16()),  # YEAR
}
FLOAT, BIT, JSON, GEOMETRY = 4, 16, 245, 255
TIMED: Mapping[int, tuple[pa.DataType, ColumnType]] = {
    5: (pa.float64(), "DOUBLE"),
    7: (pa.timestamp("us", "UTC"), "UTC_DATETIME"),
    10: (pa.date32(), "NAIVE_DATE"),
    12: (pa.timestamp("us"), "NAIVE_DATETIME"),
}
# What servers say by number, as SQLSTATEs that say the same: https://mariadb.com/kb/en/mariadb-error-code-reference/
STATES = {
    1044: "28000", 1045: "28000", 1698: "28000", 1129: "28000", 1130: "28000", 1820: "28000", 1862: "28000", 4151: "28000",
    1226: "53300", 2026: ENCRYPTION, 1049: "3D000", 1146: "42P01", 1054: "42703",
    1142: "42501", 1143: "42501", 1370: "42501", 1205: "55P03", 1213: "40P01", 1969: "57014", 3024: "57014",
    1317: "57014", 1040: "53300", 1203: "53300", 1053: "57P01", 1927: "57P01", 4031: "57P01",
    1158: "08006", 1159: "08006", 1160: "08006", 1161: "08006", 2002: "08001", 2003: "08001", 2005: "08001",
    2006: "08006", 2013: "08006", 2014: "08006", 2055: "08006", 1412: "40001",
}  # fmt: skip
HORIZON = """
SELECT LEAST(
  COALESCE((SELECT MIN(trx_started) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id NOT IN ({ours})), NOW()),
  COALESCE((SELECT NOW() - INTERVAL MAX(time) SECOND FROM information_schema.processlist
            WHERE command NOT IN ('Sleep', 'Daemon', 'Binlog Dump', 'Binlog Dump GTID') AND user <> 'system user'
            AND id NOT IN ({ours})), NOW())), NOW()
"""
FOUND = """
SELECT t.table_name, t.table_type, k.column_name FROM information_schema.tables t
LEFT JOIN information_schema.key_column_usage k ON k.table_schema = t.table_schema AND k.table_name = t.table_name
  AND {exact}(k.table_name) = {exact}(t.table_name) AND {exact}(k.table_schema) = {exact}(t.table_schema)
  AND k.constraint_name = 'PRIMARY'
WHERE t.table_schema = COALESCE(%s, DATABASE()) AND {exact}(t.table_schema) = {exact}(COALESCE(%s, DATABASE()))
  AND (%s IS NULL OR t.table_name = %s) AND {exact}(t.table_name) = {exact}(COALESCE(%s, t.table_name))
  AND t.table_type <> 'SEQUENCE'
ORDER BY t.table_name, t.table_schema, k.ordinal_position
"""


@dataclass(frozen=True)
class Mysql:
    """A server. `ours` are the connections of this run, whose transactions write nothing."""

    login: Mapping[str, Any] = field(repr=False)
    options: Options
    ours: set[int] = field(default_factory=set, compare=False, repr=False)
    row_values = False
    untyped = False

    def ask(self) -> Session:
        """Connect."""
        return _Asking(self)

    def open(self) -> Reading:
        """Connect."""
        return _Asking(self)

    def value(self, column: Column, value: Any) -> sa.ColumnElement[Any]:  # noqa: ARG002
        """Return it as a parameter. The server reads text as the time or date it is compared with."""
        if isinstance(value, datetime):
            value = value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value
            value = value.isoformat(" ")
        elif isinstance(value, date):
            value = value.isoformat()
        return sa.literal(value, sa.types.NullType())

    def trouble(self, error: Exception, where: str) -> Trouble | None:
        """Explain an error by its number."""
        pymysql = needed("pymysql", "PyMySQL")
        if isinstance(error, pymysql.err.MySQLError):
            number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
            text = str(error.args[-1]) if error.args else ""
            lost = isinstance(error, (pymysql.err.InterfaceError,)) or number == 0
            return explained(STATES.get(number, "08006" if lost else f"MySQL {number}"), text, where)
        if isinstance(error, (OSError, EOFError)):
            return explained("08006", str(error), where)
        return None


def _flag(text: str) -> bool:
    return text.lower() in {"1", "true", "yes"}


# What an address may have behind its ?, in the words of PyMySQL.
QUERY: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(("unix_socket", "ssl_ca", "ssl_cert", "ssl_key", "ssl_key_password"), str),
    **dict.fromkeys(("ssl_verify_cert", "ssl_verify_identity", "ssl_disabled"), _flag),
}


class _Asking:
    """A session."""

    def __init__(self, server: Mysql) -> None:
        pymysql = needed("pymysql", "PyMySQL")
        self._server, self._cursors = server, pymysql.cursors
        self._connection = pymysql.connect(**server.login)
        self._number = self._connection.thread_id()
        server.ours.add(self._number)
        for statement in self._settings():
            self._run(statement)

    def columns(self, nothing: sa.Select[Any]) -> list[Column]:
        sql, values = rendered(nothing, DIALECT, whole=False)
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            return [_column(one) for one in cursor._result.fields]  # noqa: SLF001  (DB-API's description has no flags)

    def begin(self, snapshot: str = "", origin: Origin | None = None) -> None:  # noqa: ARG002  (InnoDB gives none away)
        self._run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self._run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def end(self) -> None:
        self._run("COMMIT")

    def share(self) -> str:
        return ""

    def stream(self, statement: sa.Select[Any], columns: Sequence[Column], size: int) -> Iterator[pa.Table]:
        sql, values = rendered(statement, DIALECT, whole=False)
        cursor = self._connection.cursor(self._cursors.SSCursor)
        try:
            cursor.execute(sql, values)
            yield from fetched(cursor.fetchmany, columns, size)
        except BaseException:
            # Closed as it is, it would read all that is left; `close` of this session cuts the line instead.
            for one in (cursor, self._connection):
                if (result := one._result) is not None:  # noqa: SLF001  (PyMySQL has no public way to give up a result)
                    result.unbuffered_active, one._result = False, None  # noqa: SLF001
            raise
        finally:
            cursor.close()

    def one(self, statement: sa.Select[Any], columns: Sequence[Column]) -> list[Any] | None:
        sql, values = rendered(statement, DIALECT, whole=False)
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values)
            row = cursor.fetchone()
        if row is None:
            return None
        table = tabled([row], columns)
        return [found.cast(column.arrow)[0].as_py() for column, found in zip(columns, table.columns, strict=True)]

    def horizon(self) -> datetime | None:
        ours = ", ".join(map(str, sorted(self._server.ours)))
        try:
            # The times of transactions are in the server's zone; what matters is how long ago they are.
            self._run("SET time_zone = 'SYSTEM'")
            with self._connection.cursor() as cursor:
                cursor.execute(HORIZON.format(ours=ours))
                oldest, now = cursor.fetchone() or (None, None)
                cursor.execute("SELECT UTC_TIMESTAMP()")
                (utc,) = cursor.fetchone() or (None,)
            self._run("SET time_zone = '+00:00'")
        except Exception as error:
            if error.args and error.args[0] in {1142, 1227, 1044}:  # no right to see the transactions of others
                self._run("SET time_zone = '+00:00'")
                return None
            raise
        if oldest is None or now is None or utc is None:
            return None
        age = datetime.fromisoformat(now) - datetime.fromisoformat(oldest) + timedelta(seconds=1)
        return datetime.fromisoformat(utc).replace(tzinfo=timezone.utc) - age

    def found(self, schema: str | None, name: str | None = None) -> list[Found]:
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT @@lower_case_table_names")
            (folds,) = cursor.fetchone() or ("0",)
            # The schema that tells of names compares them without case, even where they differ by nothing else.
            cursor.execute(FOUND.format(exact="HEX" if folds == "0" else "LOWER"), (schema, schema, name, name, name))
            rows = cursor.fetchall()
        keys: dict[tuple[str, str], list[str]] = {}
        for table, kind, column in rows:
            keys.setdefault((table, kind), []).extend([column] if column else [])
        # A versioned table's key ends in the column that tells rows of the past from one another.
        told = {one: key[:-1] if one[1] == "SYSTEM VERSIONED" else key for one, key in keys.items()}
        return [Found(table, tuple(key), kind.endswith("VIEW")) for (table, kind), key in told.items()]

    def close(self) -> None:
        self._server.ours.discard(self._number)
        with suppress(Exception):  # what is broken cannot be closed well
            self._connection._force_close()  # noqa: SLF001  (`close` would read an unbuffered result to its end)

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def _settings(self) -> Iterator[str]:
        options = self._server.options
        told = ["time_zone = '+00:00'", "net_write_timeout = 600"]
        # What would cut rows off, change their texts or take '' for null; and a sort by all that an index can hold.
        told += ["sql_select_limit = 18446744073709551615", f"max_sort_length = {SORTED}"]
        modes = "@@sql_mode"
        for mode in ("PAD_CHAR_TO_FULL_LENGTH", "EMPTY_STRING_IS_NULL"):
            modes = f"REPLACE({modes}, '{mode}', '')"
        told += [f"sql_mode = {modes}"]
        if options.lock_timeout is not None:
            told += [f"lock_wait_timeout = {max(1, int(options.lock_timeout))}"]
            told += [f"innodb_lock_wait_timeout = {max(1, int(options.lock_timeout))}"]
        yield f"SET {', '.join(told)}"
        if options.statement_timeout is not None:
            maria = "MariaDB" in str(self._connection.get_server_info())
            name, unit = ("max_statement_time", 1.0) if maria else ("max_execution_time", 1000.0)
            yield f"SET {name} = {options.statement_timeout * unit:g}"


def connected(url: sa.URL, options: Options, near: int | None) -> Mysql:
    """Return the server of a URL, at the local port `near` if a tunnel leads to it."""
    login: dict[str, Any] = {
        "host": url.host or "localhost" if near is None else "127.0.0.1",
        "port": url.port or 3306 if near is None else near,
        "user": url.username or "",
        "password": str(url.password or "").encode(),  # as a text it would be sent in latin1
        "database": url.database,
        "charset": "utf8mb4",
        "autocommit": True,
        "conv": needed("pymysql.converters", "PyMySQL").encoders,  # and no decoders: values stay the server's text
        "binary_prefix": True,
        "connect_timeout": int(options.connect_timeout),
        "read_timeout": options.read_timeout,
    }
    unknown = sorted(set(url.query) - {"charset", *QUERY})
    if unknown:
        what = f"the address of the database has '{unknown[0]}', which nothing here knows"
        hint = f"it may have {', '.join(QUERY)}; what else PyMySQL takes, give as Database(…, arguments=…)"
        raise ConfigError(what, where="Database", hint=hint)
    plain = {name: QUERY[name](str(value)) for name, value in url.query.items() if name in QUERY}
    if "ssl_ca" in plain:
        plain = {"ssl_verify_cert": True, **plain}  # PyMySQL would look at no certificate
    return Mysql({**login, **plain, **dict(options.arguments)}, options)


def _column(found: Any) -> Column:
    """Return how a column of a result is read."""
    name, kind, flags = found.name, found.type_code, found.flags
    native = f"MySQL type {kind}"
    if kind in WHOLE:
        arrow = WHOLE[kind][bool(flags & UNSIGNED)]
        return Column(name, arrow, INTEGERS[arrow], native=native)
    if kind in {0, 246}:
        digits = found.length - (found.scale > 0) - (not flags & UNSIGNED)
        arrow, declared = decimal(digits, found.scale)
        return Column(name, arrow, declared, native=native)
    if kind == FLOAT:  # as it is the server would send six digits of it
        return Column(name, pa.float32(), "FLOAT", read=_wide, native=native)
    if kind == BIT:
        return Column(name, pa.uint64(), INTEGERS[pa.uint64()], read=_number, native=native)
    if kind in TIMED:
        arrow, declared = TIMED[kind]
        return Column(name, arrow, declared, native=native)
    if kind == JSON:
        return Column(name, pa.string(), "JSON", native=native)
    if flags & (ENUM | SET):  # sorted by number, but compared with a text by its text, in a collation of no table
        return Column(name, pa.string(), "STRING", compared=_by_text, native=native)
    if kind == GEOMETRY or (found.charsetnr == BYTES_SET and kind in {249, 250, 251, 252, 253, 254}):
        return Column(name, pa.binary(), "BINARY", native=native)
    return Column(name, pa.string(), "STRING", native=native)


def _by_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.collate(sa.cast(column, sa.CHAR), "utf8mb4_bin")


def _wide(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column + sa.literal_column("0e0")


def _number(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column + sa.literal_column("0")
