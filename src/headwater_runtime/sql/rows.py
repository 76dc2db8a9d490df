"""Rows: a table, view or statement as a stream reads it, in the order of its key, in one snapshot.

The position is the last key of a page, so reading goes on behind it on a new connection, or in a later sync. Keys are
compared by the database alone: its collation is nobody else's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from headwater_runtime.bad import Failure
from headwater_runtime.batch import Batch
from headwater_runtime.call import WHOLE, Position, Slice, Start
from headwater_runtime.errors import ConfigError, ContractError, SourceError, TransientError
from headwater_runtime.pages import Page
from headwater_runtime.sql.columns import restored, settled, undecodable, written
from headwater_runtime.sql.server import Column, Reading
from headwater_runtime.sql.statement import Origin, between

if TYPE_CHECKING:
    from headwater_runtime.sql.database import Database

__all__ = ["Rows", "Since"]

KEY_HINT = "give another key= in sync.py: unique, and never null"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
STEP = timedelta(minutes=15)  # clocks are put back at a multiple of it, by three hours at most


@dataclass(frozen=True)
class Since:
    """The column that tells when a row was changed. One without a zone is in `zone`; a number has a `format` of Start.

    A text is asked for by its day, for its form is not known, and so is everything in a column of SQLite.
    """

    column: str
    zone: str = "UTC"
    format: str = ""

    @property
    def start(self) -> Start:
        """The bound that rows are asked for by."""
        return Start(self.format)


@dataclass(frozen=True)
class Rows:
    """What `Database.table` and `Database.query` give: rows that can be read from a key on, any number of times.

    `since` names the column that tells when a row was changed: a Watermark asks for rows at or after its mark by it. Rows
    that have null there are read while there is no mark, in the first pass, and not later. Without a key nothing can
    go on in the middle: what is broken off is read again.
    """

    client: Database
    origin: Origin
    given: tuple[str, ...] | None  # the key; None: the primary key
    only: tuple[str, ...] | None = None
    since: Since | None = None
    chunk: int = 61_440
    foresees = False

    @property
    def where(self) -> str:
        """The table or query."""
        return self.origin.where

    @property
    def key(self) -> tuple[str, ...]:
        """The columns rows are told apart by. Asks the database, once a run, if the declaration does not say."""
        return self.client.primary_key(self.origin) if self.given is None else self.given

    @property
    def bounds(self) -> Sequence[Callable[[Slice], Any]]:
        """The mark, if rows tell when they were changed."""
        return () if self.since is None else (self.since.start,)

    @property
    def durable(self) -> bool:
        """With a key."""
        return bool(self._known_key)

    @property
    def largest(self) -> int:
        """The rows of a page."""
        return self.chunk

    @property
    def shape(self) -> str:
        """The table, and the key that positions are made of."""
        key = self._known_key
        return f"Keyset {self.origin.title} by {', '.join(key)}" if key else f"Rows {self.origin.title}"

    @property
    def _known_key(self) -> tuple[str, ...]:
        try:
            return self.key
        except SourceError:  # the table is not there, or not to be seen: said when it is read, so that others go on
            return ("?",)

    def horizon(self) -> datetime | None:
        """Return the start of the oldest open transaction: no row with an earlier time shows from now on."""
        return None if self.since is None else self.client.horizon(self.where)

    def cut(self, above: Sequence[Any] | None, rows: int) -> list[Any] | None:
        """Return the key that lies `rows` rows behind the key `above`; None if there are fewer."""
        columns = {column.name: column for column in self.client.columns(self)}
        keys = [columns[name] for name in self.key]
        source = self.origin.rows(list(columns))
        at = None if above is None else [restored(one, key, self.where) for one, key in zip(above, keys, strict=True)]
        behind = between(self.client.server, source, keys, at, None)
        order = [key.compared(source.c[key.name]) for key in keys]
        wanted = [key.read(source.c[key.name]).label(quoted_name(key.name, True)) for key in keys]
        statement = sa.select(*wanted).where(*behind).order_by(*order).offset(rows - 1).limit(1)
        found = self.client.ask(self.where, lambda session: session.one(statement, keys))
        return None if found is None else [written(one) for one in found]

    def read(
        self,
        start: Slice | Position | None = WHOLE,
        *,
        parallel: int = 1,  # noqa: ARG002  (one connection a reading; ranges are read side by side)
        size: int = 0,  # noqa: ARG002
        skip: bool = False,
    ) -> Iterator[Page]:
        """Yield pages in the order of the key; of the mark first, if the slice is `ordered`.

        A lost connection is made anew, as the database's `retry` says, and reading goes on behind the last key, in a new
        snapshot: what was changed before that key meanwhile bears a time after the pass began, so the next sync reads it.
        """
        reading = _Reading(self, start if isinstance(start, Slice) else Slice(at=start), skip=skip)
        try:
            yield from reading.pages()
        finally:
            reading.close()


@dataclass(frozen=True)
class _Phase:
    """One statement: its conditions, and the columns it is sorted by. `null`: of rows without a time."""

    where: tuple[sa.ColumnElement[bool], ...]
    order: tuple[Column, ...]
    null: bool = False


class _Reading:
    """One reading of a slice."""

    def __init__(self, rows: Rows, at: Slice, *, skip: bool) -> None:
        self._rows, self._at, self._skip = rows, at, skip
        self._database = rows.client
        self._columns = self._database.columns(rows)
        by_name = {column.name: column for column in self._columns}
        self._keys = tuple(by_name[name] for name in rows.key)
        self._mark = None if rows.since is None else by_name[rows.since.column]
        self._source = rows.origin.rows(list(by_name))
        self._ordered = at.ordered and self._mark is not None
        self._session: Reading | None = None
        self._careful = False  # the session is one whose errors tell more
        self._database.look(rows.origin)
        self._unfit: Counter[str] = Counter()

    def close(self) -> None:
        """End the connection, and tell of values that no record can hold."""
        self._leave()
        for name, count in self._unfit.items():
            what = "infinite, NaN, or a date outside of the years 1 to 9999"
            self._database.log.warning(f"{self._rows.where}: {count} values of '{name}' are null here: {what}")

    def pages(self) -> Iterator[Page]:
        position = _listed(self._at.at)
        for phase in self._phases(position):
            yield from self._read(phase, position)
            position = None
        self._end()

    def _phases(self, position: list[Any] | None) -> list[_Phase]:
        start = self._start()
        if not self._ordered or self._mark is None:
            return [_Phase(start, self._keys)]
        mark = self._source.c[self._mark.name]
        whole = _Phase((*start, mark.is_not(None)), (self._mark, *self._keys))
        empty = _Phase((mark.is_(None),), self._keys, null=True)  # first: before there is a mark that passes them over
        return [whole] if start or (position is not None and position[0] is not None) else [empty, whole]

    def _start(self) -> tuple[sa.ColumnElement[bool], ...]:
        at, column, since = self._at.start, self._mark, self._rows.since
        if column is None or at is None or since is None:
            return ()
        value: Any = since.start(self._at)
        if pa.types.is_timestamp(column.arrow):
            value = at if column.arrow.tz else _wall(at, since.zone)
        elif column.arrow == pa.date32():
            value = _wall(at, since.zone).date()
        elif not since.format and (pa.types.is_string(column.arrow) or pa.types.is_null(column.arrow)):
            # Whatever form its texts have, all of a day come at or after the day's own.
            value = _wall(at, since.zone).date().isoformat()
        elif not since.format:
            hint = f"say how it tells a time: since=Since('{column.name}', format='epoch') in sync.py"
            raise ConfigError(f"'{column.name}' is no time but {column.arrow}", where=self._rows.where, hint=hint)
        mark, server = self._source.c[column.name], self._database.server
        late = mark >= server.value(column, value)
        return (sa.or_(late, sa.func.typeof(mark) != "text") if server.untyped and isinstance(value, str) else late,)

    def _behind(self, phase: _Phase, position: list[Any] | None) -> list[sa.ColumnElement[bool]]:
        above, up_to = self._at.part.get("above"), self._at.part.get("up_to")
        if position is not None:
            above = position[1:] if phase.null else position
        told = [
            None
            if one is None
            else [restored(value, key, self._rows.where) for value, key in zip(one, phase.order, strict=True)]
            for one in (above, up_to)
        ]
        return between(self._database.server, self._source, phase.order, *told)

    def _read(self, phase: _Phase, position: list[Any] | None) -> Iterator[Page]:
        keyed, chunk = bool(self._keys), self._rows.chunk
        failures, careful, stuck = 0, False, False
        while True:
            limit = chunk if keyed and not stuck and (careful or not self._database.snapshot) else None
            statement, start = self._statement(phase, position, limit), position
            count = 0
            try:
                for found in self._enter(careful=careful).stream(statement, self._columns, chunk):
                    page = self._page(found, phase)
                    count += len(found)
                    yield page
                    if keyed:  # without a key it begins anew, so that a connection which never lasts has an end
                        failures, position = 0, _listed(page.position) or position
            except Exception as error:  # noqa: BLE001  (`survive` raises what no new connection mends)
                self._leave()
                failures += 1
                self._database.survive(error, failures, self._rows.where)
                careful = True
                continue
            if limit is None or count < limit:
                return
            stuck = position == start  # by times that no position can name: what is left comes in one piece
            if careful:  # it went well: as before
                careful = False
                self._leave()

    def _statement(self, phase: _Phase, position: list[Any] | None, limit: int | None) -> sa.Select[Any]:
        wanted = [one.read(self._source.c[one.name]).label(quoted_name(one.name, True)) for one in self._columns]
        order = [key.compared(self._source.c[key.name]) for key in phase.order]
        statement = sa.select(*wanted).where(*phase.where, *self._behind(phase, position))
        statement = statement.order_by(*order) if self._keys else statement
        return statement if limit is None else statement.limit(limit)

    def _enter(self, *, careful: bool) -> Reading:
        if self._session is None:
            self._session, self._careful = self._database.reader(careful=careful), careful
            if self._database.snapshot:
                self._begin(self._session, str(self._at.part.get("snapshot") or ""))
        return self._session

    def _end(self) -> None:
        """Leave the connection to the next reading. What fails here has read everything."""
        session, self._session = self._session, None
        if session is not None:
            try:
                if self._database.snapshot:
                    session.end()
            except Exception:  # noqa: BLE001
                session.close()
            else:
                session.close() if self._careful else self._database.give_back(session)

    def _begin(self, session: Reading, shared: str) -> None:
        if shared and self._database.shares(shared):
            try:
                session.begin(shared)
            except Exception as error:
                self._database.unshare(shared)
                what, hint = "the snapshot of all ranges is gone", "run again: the ranges that are left are read"
                raise TransientError(what, where=self._rows.where, hint=hint) from error
        else:
            session.begin("", self._rows.origin)

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _page(self, found: Any, phase: _Phase) -> Page:
        where = self._rows.where
        failed: tuple[Failure, ...] = ()
        if isinstance(found, pa.Table):
            kept, failed = self._decodable(found)
            table = settled(kept, self._columns, self._count, where)
            records: Sequence[dict[str, Any]] = Batch(table)
            size = table.nbytes
            last = self._named(found, phase) if failed else records
        else:
            records, size = found, len(repr(found[0])) * len(found) if found else 0
            last = records
        for key in self._keys:
            nulls = records.nulls(key.name) if isinstance(records, Batch) else _nulls(records, key.name)
            if nulls:
                raise ContractError(f"'{key.name}', of the key, is null in a row", where=where, hint=KEY_HINT)
        return Page(records, self._told(last, phase), where, size, failed=failed)

    def _named(self, table: pa.Table, phase: _Phase) -> Batch:
        """Return what a position is made of, of the rows whose keys are text, also where other texts of theirs are none."""
        names = [one.name for one in phase.order]
        table = table.select(names)
        kept = _without(table, undecodable(table, phase.order))
        return Batch(settled(kept, phase.order, lambda *_: None, self._rows.where))

    def _decodable(self, table: pa.Table) -> tuple[pa.Table, tuple[Failure, ...]]:
        """Return the rows whose texts are such, and what to tell of the others. Raises ContractError if none may be left out."""
        bad = undecodable(table, self._columns)
        failed = []
        for at, name in bad.items():
            what = f"a text in column '{name}' is not UTF-8"
            if not self._skip:
                hint = "mend the text in the database, or let the stream go on without such rows: errors=Errors(…)"
                raise ContractError(what, where=self._rows.where, hint=hint)
            row = table.select([one.name for one in self._keys]).slice(at, 1).to_pylist()[0]
            payload = json.dumps(row, default=lambda value: f"{value!r}")
            failed.append(Failure(self._rows.where, payload, 0, what, self._database.clock.now()))
        return _without(table, bad), tuple(failed)

    def _told(self, records: Sequence[dict[str, Any]], phase: _Phase) -> Position | None:
        """Return the position behind the page: what its last row is sorted by, and null first if it has no time."""
        if not self._keys or not records:
            return None
        last = records[len(records) - 1] if not isinstance(records, Batch) else _last(records, phase.order)
        told = [written(last[key.name]) for key in phase.order]
        if None in told:  # a time that no record can hold
            return None
        values = [None, *told] if phase.null else told
        alone = len(values) == 1 and isinstance(values[0], (int, str)) and not isinstance(values[0], bool)
        return values[0] if alone else values

    def _count(self, name: str, lost: int) -> None:
        self._unfit[name] += lost


def _listed(position: Position | None) -> list[Any] | None:
    return position if position is None or isinstance(position, list) else [position]


def _without(table: pa.Table, left_out: Collection[int]) -> pa.Table:
    if not left_out:
        return table
    return table.take(pa.array([at for at in range(table.num_rows) if at not in left_out], pa.int64()))


def _nulls(records: Sequence[dict[str, Any]], name: str) -> int:
    return sum(record[name] is None for record in records)


def _last(batch: Batch, columns: Sequence[Column]) -> dict[str, Any]:
    row: dict[str, Any] = batch.table.select([one.name for one in columns]).slice(len(batch) - 1, 1).to_pylist()[0]
    return row


def _wall(moment: datetime, zone: str) -> datetime:
    """Return what the clocks of `zone` show at `moment`; the earlier, where they are put back soon after.

    They then show the same times twice, and asking too early reads rows again, asking too late loses them.
    """
    if zone == "UTC":
        return moment.astimezone(timezone.utc).replace(tzinfo=None)
    place, shown = ZoneInfo(zone), []
    whole = moment - (moment - EPOCH) % STEP
    for later in (moment - whole, *(steps * STEP for steps in range(1, 14))):
        with suppress(OverflowError):
            shown.append((whole + later).astimezone(place).replace(tzinfo=None))
    return min(shown)
