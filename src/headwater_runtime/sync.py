"""The sync: reads each stream's pages, emits their rows, and alone decides when to checkpoint.

Order within a stream: a page's rows are emitted, then the cursor moves over that page, then a checkpoint may save it. A page
is emitted wholly or not at all, so a saved state never lies past a row that was not emitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from headwater_runtime.client import Page, Pages
from headwater_runtime.clock import Clock
from headwater_runtime.cursor import Cursor, FullRefresh, Saved
from headwater_runtime.emit import Emit
from headwater_runtime.errors import ConfigError, ContractError, HeadwaterError, SourceError
from headwater_runtime.log import Log
from headwater_runtime.read_ahead import ReadAhead
from headwater_runtime.records import Row
from headwater_runtime.state import State
from headwater_runtime.tables import Table

__all__ = ["RowFunction", "Stream", "check", "sync"]

AHEAD_BYTES = 4_000_000  # of answers that may wait, decoded, until their rows are emitted
RowFunction = Callable[[Row], "Row | None"]


@dataclass(frozen=True)
class Stream:
    """One endpoint and the tables its records fill: `into` maps each table to a pure function from record to row.

    A row function that returns None leaves the record out of that table. A checkpoint follows the page that completes
    `checkpoint_rows` rows, or the first page after `checkpoint_seconds`, and the end of the stream. Raises ConfigError if
    the cursor cannot work with the paging.
    """

    pages: Pages
    into: Mapping[Table, RowFunction]
    cursor: Cursor = field(default_factory=FullRefresh)
    checkpoint_rows: int = 10_000
    checkpoint_seconds: float = 600.0

    def __post_init__(self) -> None:
        if not self.into:
            raise ConfigError(
                "a stream fills no table",
                where=f"GET {self.pages.path}",
                hint="give Stream(pages, {TABLE: row_function}) in sync.py",
            )
        self.cursor.check(self.pages)

    @property
    def name(self) -> str:
        """The stream's name in state and log: that of its first table."""
        return next(iter(self.into)).name

    @property
    def shape(self) -> str:
        """What gives a saved position of this stream its meaning: all before it is in these tables, read this way.

        So a table added to a stream that has synced before is filled from the beginning, not from the saved position.
        """
        return f"{self.cursor.name} {self.pages.shape} → {', '.join(sorted(table.name for table in self.into))}"


def check(streams: Iterable[Stream]) -> tuple[Table, ...]:
    """Return every table the streams fill, in order. Raises ConfigError if two of them claim one name."""
    tables: dict[tuple[str | None, str], Table] = {}
    names: set[str] = set()
    for stream in streams:
        if stream.name in names:
            raise ConfigError(
                f"two streams fill '{stream.name}' first, so they would share one saved position",
                where=f"GET {stream.pages.path}",
                hint="list another table first in `into`, or read both through one stream",
            )
        names.add(stream.name)
        for table in stream.into:
            if tables.setdefault((table.schema, table.name), table) != table:
                raise ConfigError(
                    f"two different tables are called '{table.name}'",
                    where=f"GET {stream.pages.path}",
                    hint="declare the table once in models.py, or give one of them another name or schema",
                )
    return tuple(tables.values())


def sync(streams: Sequence[Stream], state: State, emit: Emit, clock: Clock, log: Log) -> None:
    """Run `streams` one after the other."""
    for stream in streams:
        _StreamSync(stream, state, emit, clock, log).run()


class _StreamSync:
    """One stream's run: what was emitted since the last checkpoint, and what may be saved for it."""

    def __init__(self, stream: Stream, state: State, emit: Emit, clock: Clock, log: Log) -> None:
        self._stream, self._state, self._emit, self._clock, self._log = stream, state, emit, clock, log
        self._pending = 0
        self._emitted = 0
        self._skipped = 0
        self._since = clock.monotonic()

    def run(self) -> None:
        """Read to the end. If the source fails, what was wholly emitted is checkpointed before the error goes on."""
        stream = self._stream
        saved = self._state.saved(stream.name, stream.shape, self._log)
        start = stream.cursor.start(saved)
        self._log.info(f"{stream.name}: reading from {'the beginning' if start is None else 'the saved position'}")
        pages = stream.pages.read(start)
        with closing(ReadAhead(pages, weight=lambda page: page.size, limit=AHEAD_BYTES)) as ahead:
            saved = self._drain(iter(ahead), saved, resumed=start is not None)
        self._checkpoint(saved)
        left_out = f", {self._skipped} left out by their row function" if self._skipped else ""
        self._log.info(f"{stream.name}: {self._emitted} rows{left_out}")

    def _drain(self, pages: Iterator[Page], saved: Saved, *, resumed: bool) -> Saved:
        """Emit every page and return what may be saved then. `resumed`: the first page is at a position of an earlier sync."""
        while True:
            try:
                page = next(pages, None)
                rows = None if page is None else self._rows(page)
            except HeadwaterError as error:
                if self._pending:
                    self._checkpoint(saved)
                raise _with_remedy(error, resumed=resumed) from error
            if page is None or rows is None:
                return saved
            saved = self._take(page, rows, saved)
            resumed = False

    def _take(self, page: Page, rows: Mapping[Table, list[Row]], saved: Saved) -> Saved:
        for table, batch in rows.items():
            if batch:
                self._emit.upsert(table, batch)
                self._pending += len(batch)
        saved = self._stream.cursor.advance(saved, page)
        due = self._clock.monotonic() - self._since >= self._stream.checkpoint_seconds
        if self._pending >= self._stream.checkpoint_rows or (due and self._pending):
            self._checkpoint(saved)
        return saved

    def _rows(self, page: Page) -> dict[Table, list[Row]]:
        """Return the page's rows by table, every one of them with a whole key."""
        rows = {table: self._mapped(table, function, page) for table, function in self._stream.into.items()}
        for table, batch in rows.items():
            _check_keys(table, batch, page)
        return rows

    def _mapped(self, table: Table, function: RowFunction, page: Page) -> list[Row]:
        made: list[Row] = []
        for index, record in enumerate(page.records):
            try:
                row = function(record)
            except Exception as error:
                raise ContractError(
                    f"the row function of '{table.name}' failed on record {index} of a page: "
                    f"{type(error).__name__}: {error}",
                    where=page.where,
                    hint="mend the function in models.py; a field that may be absent is read with record.get(…)",
                ) from error
            if row is not None:
                made.append(row)
        self._skipped += len(page.records) - len(made)
        return made

    def _checkpoint(self, saved: Saved) -> None:
        self._state.put(self._stream.name, self._stream.shape, saved)
        self._emit.checkpoint(self._state.as_dict())
        self._emitted += self._pending
        self._pending = 0
        self._since = self._clock.monotonic()


def _check_keys(table: Table, rows: Sequence[Row], page: Page) -> None:
    for column in table.key:
        for index, row in enumerate(rows):
            if row.get(column) is None:
                raise ContractError(
                    f"row {index} of a page has no '{column}', a key of '{table.name}'",
                    where=page.where,
                    hint="Fivetran fails a sync on a null key: return None from the row function to leave such records "
                    "out, or choose another key in models.py",
                )


def _with_remedy(error: HeadwaterError, *, resumed: bool) -> HeadwaterError:
    """Return `error`, with the remedy that fits if the source refused the very position it gave in an earlier sync."""
    if not resumed or not isinstance(error, SourceError):
        return error
    return SourceError(
        f"the source refused the position saved by an earlier sync: {error.what}",
        where=error.where,
        hint="the saved cursor is no longer valid: reset the connection to read from the beginning (locally: --reset)",
        status=error.status,
    )
