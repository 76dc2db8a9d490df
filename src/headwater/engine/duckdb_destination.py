"""A DuckDB file (or memory) as the destination, laid out as the SDK's own local runner lays it out, but for the primary keys."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psutil

from headwater.engine.buffer import Change
from headwater.engine.catalog import Existing, count_live, evolve, literal, planned_columns, read_tables
from headwater.engine.key_filter import KeyFilters
from headwater.engine.landing import MACROS
from headwater.engine.merge import Target, batches, merge, truncate
from headwater.engine.naming import FIVETRAN_NAMING
from headwater.engine.shape import ROW_ID, TableName, TableShape
from headwater.engine.sqltypes import BOOLEAN, SqlType, wider
from headwater.engine.statements import ROW_GROUP, Statements
from headwater.errors import WarehouseError

__all__ = ["MEMORY", "DuckDbDestination", "explained"]

MEMORY = ":memory:"
METADATA = "main._fivetran_metadata"
MEGABYTES = 32  # megabytes DuckDB may use before it writes to disk; a commit that cannot do with them gets more
FEW_COLUMNS = 40  # with a block of 256 KiB for each
LOG = 32_000_000  # bytes before DuckDB moves it to the tables: twice its own bound, as half-full row groups are written more than once


class DuckDbDestination:
    """Tables in schema `tester` of the DuckDB file `path`; with ":memory:" they live as long as this object.

    `filters` decides when keys are looked up by their hashes in memory.
    """

    def __init__(self, path: str | Path = MEMORY, *, filters: KeyFilters | None = None) -> None:
        self.path = str(path)
        self._megabytes = MEGABYTES
        self._connection: Any = None
        self._statements = Statements(None)  # of the open connection
        self._tables: dict[TableName, Existing] = {}
        self._filters = filters or KeyFilters()
        self._asked: dict[TableName, Mapping[str, SqlType]] = {}  # by changes to rows of tables that are not there yet

    @property
    def in_memory(self) -> bool:
        """Whether nothing is left of it on disk."""
        return self.path == MEMORY

    @property
    def folder(self) -> Path | None:
        """The folder uploaded files are stored under; None in memory."""
        return None if self.in_memory else Path(self.path).parent

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
            self._filters.forget()
        return str(kept[0]) if kept else naming

    def connect(self) -> Any:
        """Return the open connection, opening it if need be. Raises WarehouseError."""
        if self._connection is None:
            if not self.in_memory:
                _make_folder(Path(self.path).parent)
            with explained(self.path):
                self._connection = duckdb.connect() if self.in_memory else _attached(self.path)
                self._statements = Statements(self._connection)
                # Two threads write two groups of rows at a time. To keep their order would take more memory than the limit gives.
                self._connection.execute("SET TimeZone = 'UTC'; SET threads = 2; SET preserve_insertion_order = false")
                if not self.in_memory:
                    self._megabytes = MEGABYTES
                    self._connection.execute(f"SET memory_limit = '{MEGABYTES}MB'; SET checkpoint_threshold = '{LOG}B'")
        return self._connection

    def commit(self, changes: Sequence[Change], moment: datetime) -> None:
        """Apply `changes` in one transaction."""
        with explained(self.path):
            while True:
                try:
                    return self._attempt(changes, moment)
                except duckdb.OutOfMemoryException:
                    if not self._got_more_memory():
                        raise

    def counts(self) -> Mapping[str, int]:
        """Return the number of live rows of every table."""
        return count_live(self.connect())

    def close(self) -> None:
        """Close the file. A destination in memory keeps its tables."""
        self._filters.forget()
        if self._connection is None:
            return
        self._connection.interrupt()  # as in `_attempt`
        if not self.in_memory:
            with suppress(duckdb.Error):  # it may be broken; closing is all there is to do
                self._lift_limit()
            self._connection.close()
            self._connection = None

    def _attempt(self, changes: Sequence[Change], moment: datetime) -> None:
        connection, before = self.connect(), (dict(self._tables), dict(self._asked))
        lifted = False
        connection.execute("BEGIN TRANSACTION")
        try:
            self._write(changes, f"TIMESTAMPTZ '{moment.isoformat()}'")
            lifted = self._needs_memory(changes)
            if lifted:
                self._lift_limit()
            connection.execute("COMMIT")
        except BaseException:
            self._tables, self._asked = before
            self._filters.forget()
            connection.interrupt()  # DuckDB's other thread, which does not hear of Ctrl-C: all that follows would wait for it
            with suppress(duckdb.Error):  # the transaction may be gone already; the first error is the one to tell
                connection.execute("ROLLBACK")
            self._statements.forget()
            raise
        finally:
            if lifted:
                self._set_limit()

    def _needs_memory(self, changes: Sequence[Change]) -> bool:
        """Tell whether it may take much to commit the changes: a block for each column, or the log becomes so big that it is moved.

        To lift the limit and to set it again takes as long as to write some thousand rows.
        """
        tables = {change.shape.name for change in changes}.intersection(self._tables)
        columns = sum(len(self._tables[name].columns) for name in tables)
        log = Path(f"{self.path}.wal")
        logged = (log.stat().st_size if log.exists() else 0) + 2 * sum(change.size for change in changes)
        return columns > FEW_COLUMNS or logged > LOG

    def _write(self, changes: Sequence[Change], moment: str) -> None:
        """Apply the changes, then bring what is declared into being; before, what is not there, if other tables get rows.

        That order is the SDK's runner's: a truncate leaves its mark on an empty table then, and an update no columns.
        """
        declared = {change.shape.name: change.shape for change in changes if not change.sections}
        some_upserts = any(change.some_upserts for change in changes)
        for change in changes:
            name = change.shape.name
            if some_upserts and not change.some_upserts and name in declared and name not in self._tables:
                self._declare(declared[name])
            if change.sections:
                self._apply(change, moment)
            else:
                self._declare(change.shape)

    def _got_more_memory(self) -> bool:
        self._megabytes *= 2
        self._set_limit()
        return self._megabytes <= _most_megabytes()

    def _lift_limit(self) -> None:
        """Let a commit have what it needs: one that runs out of memory while it moves the log breaks the connection."""
        if not self.in_memory:  # RESET would not do: DuckDB then shows the default, and holds to the old limit
            self._connection.execute(f"SET memory_limit = '{_most_megabytes()}MB'")

    def _set_limit(self) -> None:
        """Hold what DuckDB keeps between commits, and writes to disk within them, to the limit."""
        if not self.in_memory:
            with suppress(duckdb.Error):  # what cannot be let go of yet, or a connection that broke
                self._connection.execute(f"SET memory_limit = '{self._megabytes}MB'")

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
        existing = self._tables.get(name)
        asked = _joined(self._asked.pop(name, {}), change.asked)
        if existing is None and not change.some_upserts:
            self._asked[name] = asked
            return  # nothing there to change or to delete
        empty = existing is None
        planned, key = existing, shape.row_key
        if existing is not None and not change.some_upserts:
            planned = _without_upserts(existing, change, asked)
        elif change.rows:
            key = shape.row_key if shape.key or ROW_ID in change.names else ()
            planned = Existing(planned_columns(existing, shape, asked, rows=True), key)
        assert planned is not None  # noqa: S101  (no rows and no table returned above)
        evolve(self._connection, name, existing, planned)
        self._tables[name] = planned
        known = "_fivetran_deleted" in planned.columns and all(column in planned.columns for column in key)
        target = Target(name, planned, key, moment)
        for section in change.sections:
            if section.truncates and "_fivetran_deleted" in planned.columns:
                truncate(self._statements, target)
            if section.chunks and known:
                for batch in batches(section.chunks):
                    merge(self._statements, target, batch, self._filters, empty=empty)
                    empty = False


def _attached(path: str) -> Any:
    """Return a connection to the file. Files with row groups of other sizes are read, and written, all the same."""
    connection = duckdb.connect()
    try:
        try:
            connection.execute(f"ATTACH {literal(path)} AS warehouse (ROW_GROUP_SIZE {ROW_GROUP})")
        except duckdb.BinderException as error:
            if "Unrecognized option" not in str(error):
                raise
            connection.execute(f"ATTACH {literal(path)} AS warehouse")  # before DuckDB 1.2
        connection.execute("USE warehouse")
    except duckdb.Error:
        connection.close()
        raise
    return connection


def _most_megabytes() -> int:
    return int(psutil.virtual_memory().total * 0.8 / 1_000_000)


def _without_upserts(table: Existing, change: Change, asked: Mapping[str, SqlType]) -> Existing:
    """Return what `table` becomes by updates, deletes and truncates: it keeps its key, and gets no columns for another.

    A table that came into being because it is declared, and never had a row, gets no columns but the mark of deleted rows.
    """
    if "_fivetran_deleted" in table.columns:
        named = {
            name: kind for name, kind in asked.items() if name in table.columns or name not in change.shape.row_key
        }
        return Existing(planned_columns(table, change.shape, named, rows=False), table.key)
    columns = {name: wider(kind, asked.get(name)) or kind for name, kind in table.columns.items()}
    if any(section.truncates for section in change.sections):
        columns["_fivetran_deleted"] = BOOLEAN
    return Existing(columns, table.key)


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
        duckdb.Error,
        ("Could not write file", "No space left", "File too large"),
        "the warehouse cannot be written: {}",
        "check the folder's permissions and the free space; what the last checkpoint wrote is whole",
    ),
    (
        duckdb.Error,
        ("Could not set lock", "Unique file handle conflict"),
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
