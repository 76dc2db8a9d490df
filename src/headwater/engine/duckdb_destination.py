"""A DuckDB file (or memory) as the destination, laid out as the SDK's own local runner lays it out."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from headwater.engine.buffer import Change
from headwater.engine.catalog import Existing, evolve, planned_columns, read_tables, sql_name
from headwater.engine.landing import MACROS
from headwater.engine.merge import Target, merge, truncate
from headwater.engine.naming import FIVETRAN_NAMING
from headwater.engine.shape import ROW_ID, TableName, TableShape
from headwater.engine.sqltypes import SqlType, wider
from headwater.errors import WarehouseError

__all__ = ["MEMORY", "DuckDbDestination", "explained"]

MEMORY = ":memory:"
METADATA = "main._fivetran_metadata"


class DuckDbDestination:
    """Tables in schema `tester` of the DuckDB file `path`; with ":memory:" they live as long as this object."""

    def __init__(self, path: str | Path = MEMORY) -> None:
        self.path = str(path)
        self._connection: Any = None
        self._tables: dict[TableName, Existing] = {}
        self._asked: dict[TableName, Mapping[str, SqlType]] = {}  # by changes to rows of tables that are not there yet

    @property
    def in_memory(self) -> bool:
        """Whether nothing is left of it on disk."""
        return self.path == MEMORY

    def open(self, naming: str = FIVETRAN_NAMING) -> str:
        """Connect, making folder and file where they are missing. Raises WarehouseError."""
        connection = self.connect()
        with explained(self.path):
            for macro in MACROS:
                connection.execute(macro)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS main._fivetran_metadata(key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL)"
            )
            connection.execute(f"INSERT OR IGNORE INTO {METADATA} VALUES ('naming_strategy', ?)", [naming])
            kept = connection.execute(f"SELECT value FROM {METADATA} WHERE key = 'naming_strategy'").fetchone()
            self._tables, self._asked = read_tables(connection), {}
        return str(kept[0]) if kept else naming

    def connect(self) -> Any:
        """Return the open connection, opening it if need be. Raises WarehouseError."""
        if self._connection is None:
            if not self.in_memory:
                _make_folder(Path(self.path).parent)
            with explained(self.path):
                self._connection = duckdb.connect(self.path)
                self._connection.execute("SET TimeZone = 'UTC'")
        return self._connection

    def commit(self, changes: Sequence[Change], moment: datetime) -> None:
        """Apply `changes` in one transaction."""
        self._transaction([(change.shape, change) for change in changes], moment)

    def declare(self, shapes: Sequence[TableShape], moment: datetime) -> None:
        """Create declared tables whose key has types, and add or widen declared columns, in one transaction."""
        self._transaction([(shape, None) for shape in shapes], moment)

    def counts(self) -> Mapping[str, int]:
        """Return the number of live rows of every table."""
        counts = {}
        connection = self.connect()
        for name, table in sorted(read_tables(connection).items()):
            live = "WHERE _fivetran_deleted IS DISTINCT FROM TRUE" if "_fivetran_deleted" in table.columns else ""
            counts[name.shown] = int(connection.execute(f"SELECT count(*) FROM {sql_name(name)} {live}").fetchone()[0])
        return counts

    def close(self) -> None:
        """Close the file. A destination in memory keeps its tables."""
        if self._connection is not None and not self.in_memory:
            self._connection.close()
            self._connection = None

    def _transaction(self, work: Sequence[tuple[TableShape, Change | None]], moment: datetime) -> None:
        connection, before = self.connect(), dict(self._tables)
        with explained(self.path):
            connection.execute("BEGIN TRANSACTION")
            try:
                for shape, change in work:
                    if change is None:
                        self._declare(shape)
                    else:
                        self._apply(change, f"TIMESTAMPTZ '{moment.isoformat()}'")
                connection.execute("COMMIT")
            except BaseException:
                self._tables = before
                with suppress(duckdb.Error):  # the transaction may be gone already; the first error is the one to tell
                    connection.execute("ROLLBACK")
                raise

    def _declare(self, shape: TableShape) -> None:
        existing = self._tables.get(shape.name)
        if existing is None and not all(shape.columns.get(column) for column in shape.key):
            return
        columns = planned_columns(existing, shape, {}, rows=False)
        known = shape.key and all(column in columns for column in shape.key)
        planned = Existing(columns, shape.key if known or existing is None else existing.key)
        evolve(self._connection, shape.name, existing, planned)
        self._tables[shape.name] = planned

    def _apply(self, change: Change, moment: str) -> None:
        shape, name = change.shape, change.shape.name
        chunks = [chunk for section in change.sections for chunk in section.chunks]
        existing = self._tables.get(name)
        inserts = any(chunk.some_upserts for chunk in chunks)
        asked = _joined(self._asked.pop(name, {}), _asked(chunks))
        if existing is None and not inserts:
            self._asked[name] = asked
            return  # nothing there to change or to delete
        empty = existing is None
        planned = existing
        if chunks:
            key = shape.row_key if shape.key or ROW_ID in _names(chunks) else ()
            planned = Existing(planned_columns(existing, shape, asked, rows=True), key)
            evolve(self._connection, name, existing, planned)
            self._tables[name] = planned
        assert planned is not None  # noqa: S101  (no chunks and no table returned above)
        target = Target(name, planned, planned.key, moment)
        for section in change.sections:
            if section.truncates and "_fivetran_deleted" in planned.columns:
                truncate(self._connection, target)
            if section.chunks:
                merge(self._connection, target, section.chunks, empty=empty)
                empty = False


def _names(chunks: Sequence[Any]) -> set[str]:
    return {name for chunk in chunks for name in chunk.columns}


def _asked(chunks: Sequence[Any]) -> dict[str, SqlType]:
    """Return the type each column's values ask for, in the order in which the columns' first values came."""
    types: dict[str, SqlType] = {}
    first: dict[str, int] = {}
    start = 0
    for chunk in chunks:
        for name, column in chunk.columns.items():
            if column.type is not None:
                first.setdefault(name, start + column.first)
                joined = wider(types.get(name), column.type)
                types[name] = joined if joined is not None else column.type
        start += chunk.length
    return {name: types[name] for name in sorted(types, key=lambda name: first[name])}


def _joined(one: Mapping[str, SqlType], other: Mapping[str, SqlType]) -> dict[str, SqlType]:
    return {**one, **{name: wider(one.get(name), kind) or kind for name, kind in other.items()}}


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"the folder of the warehouse cannot be made: {error.strerror}",
            where=str(folder),
            hint="check the path and its permissions",
        ) from error


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn DuckDB's errors into WarehouseErrors that say what to do."""
    try:
        yield
    except duckdb.Error as error:
        text = str(error).splitlines()[0]
        for kind, words, what, hint in _EXPLANATIONS:
            if isinstance(error, kind) and any(word in text for word in words):
                raise WarehouseError(what.format(text), where=path, hint=hint) from error
        raise WarehouseError(
            f"DuckDB: {text}", where=path, hint="see the message; what the last checkpoint wrote is whole"
        ) from error


_ANY = ("",)
_EXPLANATIONS: tuple[tuple[type[duckdb.Error], tuple[str, ...], str, str], ...] = (
    (
        duckdb.IOException,
        ("lock",),
        "the warehouse is in use by another process",
        "close the other run (or the DuckDB shell) and run again",
    ),
    (
        duckdb.IOException,
        ("valid DuckDB", "magic bytes", "checksum", "older version", "newer version"),
        "the warehouse file is damaged, or is not one this DuckDB can read",
        "restore it, or start anew with --reset",
    ),
    (
        duckdb.IOException,
        _ANY,
        "the warehouse cannot be opened or written: {}",
        "check the folder's permissions and the free space",
    ),
    (
        duckdb.ConstraintException,
        _ANY,
        "a row has no usable value in its key: {}",
        "give every row a key, or declare another key",
    ),
    (
        duckdb.ConversionException,
        _ANY,
        "a value does not fit its column: {}",
        "declare a wider type for the column, or convert the value",
    ),
)
