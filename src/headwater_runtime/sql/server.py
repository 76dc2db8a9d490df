"""What a kind of database server must offer, so that reading from it is the same as from any other.

A Server knows how to connect and what its errors mean; a Session is one connection. Both speak in statements of SQLAlchemy
and in Arrow tables. postgres.py, mysql.py, sqlite.py and duck.py have one each, other.py has one for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import sqlalchemy as sa

from headwater_runtime.errors import HeadwaterError
from headwater_runtime.tables import ColumnType

if TYPE_CHECKING:
    from headwater_runtime.sql.statement import Origin

__all__ = ["BYTES", "Column", "Found", "Options", "Reading", "Server", "Session", "Trouble"]

BYTES = 8_000_000  # of rows that are fetched at a time, about


def _same(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column


@dataclass(frozen=True)
class Column:
    """A column as it is read: `arrow` is its type in a batch, `declared` what Fivetran is told (None: inferred).

    `read` makes the expression that is selected for it, such as a cast to text. `compared` makes the one its rows are
    sorted and compared by, where that is not the column itself. `native` is the server's name for its type.
    """

    name: str
    arrow: pa.DataType
    declared: ColumnType | None = None
    read: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]] = field(default=_same, compare=False)
    compared: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]] = field(default=_same, compare=False)
    native: str = ""


@dataclass(frozen=True)
class Found:
    """A table or view that a server names. `key` tells its rows apart, () if nothing does; `hidden`: policies hide some."""

    name: str
    key: tuple[str, ...]
    view: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class Options:
    """How sessions behave. Seconds; None: the server's own setting."""

    connect_timeout: float = 10.0
    lock_timeout: float | None = 60.0
    statement_timeout: float | None = None
    read_timeout: float | None = 600.0
    name: str = "headwater"  # what the server's list of sessions shows
    arguments: tuple[tuple[str, Any], ...] = ()  # more for the driver


@dataclass(frozen=True)
class Trouble:
    """What a driver's error means: the error to raise, and whether a new connection may mend it."""

    error: HeadwaterError
    passing: bool = False


class Reading(Protocol):
    """One connection, used by one thread at a time. Its methods raise the driver's errors, which `Server.trouble` explains."""

    def begin(self, snapshot: str = "", origin: Origin | None = None) -> None:
        """Have all that follows see the data of one moment, where the server can; that of `snapshot` if it is given.

        A moment before a table of `origin` was filled anew, which some servers then show as empty, is not that one.
        """

    def stream(self, statement: sa.Select[Any], columns: Sequence[Column], size: int) -> Iterator[Any]:
        """Yield the rows as the server sends them, `size` at most and about BYTES at a time: Arrow tables.

        Lists of rows where a column holds values of several types, as those of SQLite may.
        """

    def end(self) -> None:
        """End what `begin` began, so that another reading may follow."""

    def close(self) -> None:
        """End the connection. Does not raise."""


class Session(Reading, Protocol):
    """A connection that answers questions too."""

    def columns(self, nothing: sa.Select[Any]) -> list[Column]:
        """Return the columns of a statement that gives no rows."""

    def share(self) -> str:
        """Return a name of this session's snapshot that others can begin with, "" if the server has none."""

    def one(self, statement: sa.Select[Any], columns: Sequence[Column]) -> list[Any] | None:
        """Return the first row, each value as a record has it; None if there is none."""

    def horizon(self) -> datetime | None:
        """Return the start of the oldest transaction that is open, at most now; None: the server does not tell."""

    def found(self, schema: str | None, name: str | None = None) -> list[Found]:
        """Return the tables and views of a schema (None: the default one), or the one called `name`."""


class Server(Protocol):
    """A kind of server at one address."""

    @property
    def row_values(self) -> bool:
        """Whether an index serves (a, b) > (x, y)."""

    @property
    def untyped(self) -> bool:
        """Whether a column may hold values of several types."""

    def ask(self) -> Session:
        """Connect to ask, by the driver whose errors tell most."""

    def open(self) -> Reading:
        """Connect to read."""

    def value(self, column: Column, value: Any) -> sa.ColumnElement[Any]:
        """Return the expression of a value as a record has it, to compare with `column`."""

    def trouble(self, error: Exception, where: str) -> Trouble | None:
        """Say what a driver's error means; None for an error that is none of the driver's."""
