"""Any other database that SQLAlchemy has a dialect for: rows as its driver gives them, types as SQLAlchemy reflects them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from headwater_runtime.errors import SourceError
from headwater_runtime.sql.columns import decimal
from headwater_runtime.sql.need import needed
from headwater_runtime.sql.server import BYTES, Column, Found, Options, Reading, Session, Trouble
from headwater_runtime.sql.statement import Origin
from headwater_runtime.sql.trouble import explained
from headwater_runtime.tables import ColumnType

__all__ = ["Other"]

FIRST = 1_000


class Other:
    """A server behind a dialect of its own."""

    row_values = False
    untyped = False

    def __init__(self, url: sa.URL, options: Options, near: int | None) -> None:
        if near is not None:
            url = url.set(host="127.0.0.1", port=near)
        try:
            self.engine = sa.create_engine(
                url, poolclass=NullPool, hide_parameters=True, connect_args=dict(options.arguments)
            )
        except ModuleNotFoundError as error:
            needed(error.name or url.drivername, error.name or url.drivername)

    def ask(self) -> Session:
        """Connect."""
        return _Session(self.engine)

    def open(self) -> Reading:
        """Connect."""
        return _Session(self.engine)

    def value(self, column: Column, value: Any) -> sa.ColumnElement[Any]:  # noqa: ARG002
        """Return it as a parameter of the type SQLAlchemy takes it for."""
        return sa.literal(value)

    def trouble(self, error: Exception, where: str) -> Trouble | None:
        """Explain an error by its class, and by the words of the driver."""
        if not isinstance(error, sa.exc.SQLAlchemyError):
            return None
        text = str(getattr(error, "orig", None) or error)
        if isinstance(error, sa.exc.NoSuchTableError):
            hint = "compare the names in sync.py with the database"
            return Trouble(SourceError(f"the database lacks a table: {text}", where=where, hint=hint))
        if isinstance(error, sa.exc.DBAPIError):
            state = str(getattr(error.orig, "sqlstate", None) or "")
            lost = error.connection_invalidated or isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError))
            return explained(state or ("" if lost else "unknown"), text, where)
        return explained("unknown", text, where)


class _Session:
    """A connection."""

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()

    def columns(self, nothing: sa.Select[Any]) -> list[Column]:
        names = list(self._connection.execute(nothing).keys())
        types = self._types(nothing)
        return [_column(name, types.get(name)) for name in names]

    def begin(self, snapshot: str = "", origin: Origin | None = None) -> None:  # noqa: ARG002
        with suppress(sa.exc.SQLAlchemyError, NotImplementedError):
            self._connection.rollback()
            self._connection = self._connection.execution_options(isolation_level="REPEATABLE READ")

    def end(self) -> None:
        self._connection.rollback()

    def share(self) -> str:
        return ""

    def stream(self, statement: sa.Select[Any], columns: Sequence[Column], size: int) -> Iterator[Any]:
        names, count = [column.name for column in columns], min(size, FIRST)
        with self._connection.execution_options(stream_results=True).execute(statement) as found:
            while rows := found.fetchmany(count):
                yield [dict(zip(names, row, strict=True)) for row in rows]
                weight = max(1, len(repr(rows[0])))
                count = max(1, min(size, count * 8, BYTES // weight))

    def one(self, statement: sa.Select[Any], columns: Sequence[Column]) -> list[Any] | None:  # noqa: ARG002
        row = self._connection.execute(statement).first()
        return None if row is None else list(row)

    def horizon(self) -> datetime | None:
        return None

    def found(self, schema: str | None, name: str | None = None) -> list[Found]:
        look = sa.inspect(self._connection)
        views = [*look.get_view_names(schema), *_if_there(lambda: look.get_materialized_view_names(schema))]
        tables = [(one, False) for one in look.get_table_names(schema)] + [(one, True) for one in views]
        listed = sorted({one for one in tables if name is None or one[0] == name})
        return [
            Found(one, () if view else tuple(look.get_pk_constraint(one, schema)["constrained_columns"]), view)
            for one, view in listed
        ]

    def close(self) -> None:
        with suppress(Exception):
            self._connection.invalidate()
            self._connection.close()

    def _types(self, nothing: sa.Select[Any]) -> dict[str, Any]:
        table = getattr(nothing.get_final_froms()[0], "element", None)
        if not isinstance(table, sa.TableClause):
            return {}
        found = sa.inspect(self._connection).get_columns(table.name, table.schema)
        return {column["name"]: column["type"] for column in found}


def _if_there(names: Callable[[], list[str]]) -> list[str]:
    try:
        return names()
    except NotImplementedError:
        return []


def _column(name: str, kind: Any) -> Column:
    """Return what a column is declared as. Its values stay those of the driver."""
    declared: ColumnType | None = None
    arrow = pa.null()
    if isinstance(kind, sa.Boolean):
        declared = "BOOLEAN"
    elif isinstance(kind, sa.Integer):
        declared = "LONG"
    elif isinstance(kind, sa.Float):
        declared = "DOUBLE"
    elif isinstance(kind, sa.Numeric):
        arrow, declared = decimal(kind.precision or 0, kind.scale or 0)
    elif isinstance(kind, sa.DateTime):
        arrow = pa.timestamp("us", "UTC") if kind.timezone else pa.timestamp("us")
        declared = "UTC_DATETIME" if kind.timezone else "NAIVE_DATETIME"
    elif isinstance(kind, sa.Date):
        arrow, declared = pa.date32(), "NAIVE_DATE"
    elif isinstance(kind, sa.JSON):
        declared = "JSON"
    elif isinstance(kind, sa.LargeBinary):
        arrow, declared = pa.binary(), "BINARY"
    elif isinstance(kind, (sa.String, sa.Enum)):
        declared = "STRING"
    return Column(name, arrow, declared, native=str(kind) if kind is not None else "")
