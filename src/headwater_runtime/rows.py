"""From the records of a page to the rows of its tables, each with a whole key: a page is made wholly or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from typing import Any, NamedTuple

from headwater_runtime.bad import Failure
from headwater_runtime.batch import Batch
from headwater_runtime.errors import ContractError
from headwater_runtime.pages import Page
from headwater_runtime.records import MISSING, Row, lookup, select
from headwater_runtime.stream import Beside, RowFunction, Stream
from headwater_runtime.tables import Table
from headwater_runtime.values import sdk_value

__all__ = ["Rows"]

Functions = Mapping[Table, RowFunction]
ONLY_ROWS = {dict}
ANYTHING = frozenset({"STRING", "JSON"})  # column types that no value is too odd for
UNSET = frozenset({"", "false", "f", "no", "n", "0", "off", "null"})
# What bad data makes a function raise.
OF_THE_RECORD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
NULL_KEY = (
    "Fivetran fails a sync on a null key: return None from the row function to leave such records out, or choose "
    "another key in models.py"
)


class Some(NamedTuple):
    """Rows of one table to upsert; `deleted`: keys of rows to delete."""

    table: Table
    rows: Sequence[Row]
    deleted: bool


@dataclass
class Made:
    """What is made of a page, in the order in which it is to be emitted: rows; the records that are there; what failed."""

    rows: list[Some] = field(default_factory=list)
    records: list[Sequence[Row]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


class Rows:
    """Makes the rows of one stream. `skipped` counts records that a row function left out."""

    def __init__(self, stream: Stream) -> None:
        self._tolerant = stream.errors is not None
        self._deleted = stream.deleted
        self._own: dict[Table, RowFunction] = {}
        self._beside: dict[str, dict[Table, RowFunction]] = {}
        for table, function in stream.into.items():
            if isinstance(function, Beside):
                self._beside.setdefault(function.records, {})[table] = function.row
            else:
                self._own[table] = function
        self.skipped = 0

    def made(self, page: Page, carried: Mapping[str, Any], now: datetime) -> Made:
        """Return what is made of `page`; `carried` is put onto its own records."""
        made = Made()
        records = [{**record, **carried} for record in page.records] if carried else page.records
        for deleted, some in self._runs(records, page):
            there = self._group(some, self._own, page, now, made, deleted=deleted)
            if not deleted:
                made.records.append(there)
        for path, functions in self._beside.items():
            self._group(select(page.body, path, page.where), functions, page, now, made, deleted=False)
        return made

    def _runs(self, records: Sequence[Row], page: Page) -> Iterator[tuple[bool, Sequence[Row]]]:
        """Part the records, in order, into those that are there and those the source has deleted."""
        deleted, start = self._deleted, 0
        if deleted is None or not len(records):
            yield False, records
            return
        if not callable(deleted):
            flags = [_says_so(value) for value in _column(records, deleted, page)]
        else:
            try:
                flags = [bool(deleted(record)) for record in records]
            except Exception as error:
                what = f"`deleted` failed on a record of a page: {type(error).__name__}: {error}"
                raise ContractError(what, where=page.where, hint="mend the function in sync.py") from error
        for flag, run in groupby(flags):
            end = start + len(list(run))
            yield flag, records[start:end]
            start = end

    def _group(
        self, records: Sequence[Row], functions: Functions, page: Page, now: datetime, made: Made, *, deleted: bool
    ) -> Sequence[Row]:
        """Add what is made of `records` to `made`; return those of which all could be made."""
        skipped = self.skipped
        try:
            found = [(table, self._all(table, one, records, page)) for table, one in functions.items()]
        except _BadRecordError:
            if not self._tolerant:
                raise
            self.skipped = skipped
            found, records = self._one_by_one(records, functions, page, now, made.failures)
        for table, rows in found:
            named = Batch(rows.table.select(list(table.key))) if deleted and isinstance(rows, Batch) else rows
            keys = [{name: row[name] for name in table.key} for row in named] if deleted else rows
            made.rows.append(Some(table, keys, deleted))
        return records

    def _one_by_one(
        self, records: Sequence[Row], functions: Functions, page: Page, now: datetime, failures: list[Failure]
    ) -> tuple[list[tuple[Table, Sequence[Row]]], list[Row]]:
        """Return the rows of the records of which all can be made, and those; the others are added to `failures`."""
        rows: dict[Table, list[Row]] = {table: [] for table in functions}
        good: list[Row] = []
        for record in records:
            try:
                whole = {table: self._all(table, one, [record], page) for table, one in functions.items()}
            except _BadRecordError as error:
                mark = hashlib.blake2b(json.dumps(record, default=str).encode(), digest_size=8).hexdigest()
                failures.append(Failure(page.where, "", 0, error.reason, now, error.table, mark))
                continue
            good.append(record)
            for table, batch in whole.items():
                rows[table] += batch
        return list(rows.items()), good

    def _all(self, table: Table, function: RowFunction, records: Sequence[Row], page: Page) -> Sequence[Row]:
        """Return the rows of `records`; the first that fails is named."""
        if function is dict and isinstance(records, Batch):
            self._check(table, records, page)
            return records
        made: list[Any] = []
        try:
            made.extend(map(function, records))  # what was made until an error tells which record it was
            if set(map(type, made)) != ONLY_ROWS:
                left = [row for row in made if row is not None]
                self.skipped += len(made) - len(left)
                made = list(chain.from_iterable((row,) if isinstance(row, dict) else row for row in left))
        except Exception as error:
            which = f"record {len(made)}" if len(made) < len(records) else "a record"
            raise _failed(table, error, which, page) from error
        self._check(table, made, page)
        return made

    def _check(self, table: Table, rows: Sequence[Row], page: Page) -> None:
        _check_keys(table, rows, page)
        if self._tolerant:
            _check_values(table, rows, page)


class _BadRecordError(ContractError):
    """A record of which no row can be made. `reason` holds nothing of its content."""

    def __init__(self, what: str, reason: str, table: Table, where: str, hint: str) -> None:
        super().__init__(what, where=where, hint=hint)
        self.reason, self.table = reason, table.name


def _failed(table: Table, error: Exception, which: str, page: Page) -> ContractError:
    what = f"the row function of '{table.name}' failed"
    named = f" {error.args[0]!r}" if isinstance(error, KeyError) and error.args else ""
    whole = f"{what} on {which} of a page: {type(error).__name__}: {error}"
    hint = "mend the function in models.py; a field that may be absent is read with record.get(…)"
    if isinstance(error, OF_THE_RECORD):
        return _BadRecordError(whole, f"{what} with {type(error).__name__}{named}", table, page.where, hint)
    return ContractError(whole, where=page.where, hint=hint)


def _check_keys(table: Table, rows: Sequence[Row], page: Page) -> None:
    for column in table.key:
        if isinstance(rows, Batch) and not rows.nulls(column):
            continue
        for index, row in enumerate(rows):
            if row.get(column) is None:
                reason = f"has no '{column}', a key of '{table.name}'"
                raise _BadRecordError(f"row {index} of a page {reason}", f"it {reason}", table, page.where, NULL_KEY)


def _check_values(table: Table, rows: Sequence[Row], page: Page) -> None:
    """Find what could not be landed before a row of the page is: only where such records are to be left out."""
    for column, kind in table.columns.items():
        if isinstance(kind, str) and kind in ANYTHING:
            continue
        values = rows.column(column) or () if isinstance(rows, Batch) else (row.get(column) for row in rows)
        for value in values:
            try:
                sdk_value(value, kind)
            except OF_THE_RECORD as error:
                what = f"'{column}' of '{table.name}' is declared {kind} but holds something that does not fit it"
                hint = "declare STRING, or convert it in models.py"
                raise _BadRecordError(what, what, table, page.where, hint) from error


def _column(records: Sequence[Row], path: str, page: Page) -> Sequence[Any]:
    """Return the value at `path` of each record. Raises ContractError for columns among which it is not."""
    if not isinstance(records, Batch):
        return [lookup(record, path) for record in records]
    values = records.column(path)
    if values is None:
        what = f"there is no column '{path}', which `deleted=` goes by, but: {', '.join(records.names[:10])}"
        raise ContractError(what, where=page.where, hint="name one of them in sync.py")
    return values


def _says_so(value: Any) -> bool:
    """Say whether a mark of deletion is set: a moment, a true, a word other than no."""
    return value is not MISSING and bool(value) and not (isinstance(value, str) and value.strip().lower() in UNSET)
