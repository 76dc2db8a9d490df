"""From the records of a page to the rows of its tables, each with a whole key: a page is made wholly or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from headwater_runtime.bad import Failure
from headwater_runtime.errors import ContractError
from headwater_runtime.pages import Page
from headwater_runtime.records import Row, select
from headwater_runtime.stream import Beside, RowFunction, Stream
from headwater_runtime.tables import Table
from headwater_runtime.values import sdk_value

__all__ = ["Rows"]

Functions = Mapping[Table, RowFunction]
ONLY_ROWS = {dict}
ANYTHING = frozenset({"STRING", "JSON"})  # column types that no value is too odd for
# What bad data makes a function raise.
OF_THE_RECORD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
NULL_KEY = (
    "Fivetran fails a sync on a null key: return None from the row function to leave such records out, or choose "
    "another key in models.py"
)


class Made(NamedTuple):
    """The rows of some records by table, the records they are of, and what could not be made."""

    rows: dict[Table, list[Row]]
    records: Sequence[Row]
    failures: list[Failure]


class Rows:
    """Makes the rows of one stream. `skipped` counts records that a row function left out."""

    def __init__(self, stream: Stream) -> None:
        self._tolerant = stream.errors is not None
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
        records = [{**record, **carried} for record in page.records] if carried else page.records
        made = self._group(records, self._own, page, now)
        for path, functions in self._beside.items():
            beside = self._group(select(page.body, path, page.where), functions, page, now)
            made.rows.update(beside.rows)
            made.failures.extend(beside.failures)
        return made

    def _group(self, records: Sequence[Row], functions: Functions, page: Page, now: datetime) -> Made:
        skipped = self.skipped
        try:
            return Made({table: self._all(table, one, records, page) for table, one in functions.items()}, records, [])
        except _BadRecordError:
            if not self._tolerant:
                raise
        self.skipped = skipped
        rows: dict[Table, list[Row]] = {table: [] for table in functions}
        good: list[Row] = []
        failures: list[Failure] = []
        for record in records:
            try:
                made = {table: self._all(table, one, [record], page) for table, one in functions.items()}
            except _BadRecordError as error:
                mark = hashlib.blake2b(json.dumps(record, default=str).encode(), digest_size=8).hexdigest()
                failures.append(Failure(page.where, "", 0, error.reason, now, error.table, mark))
                continue
            good.append(record)
            for table, batch in made.items():
                rows[table] += batch
        return Made(rows, good, failures)

    def _all(self, table: Table, function: RowFunction, records: Sequence[Row], page: Page) -> list[Row]:
        """Return the rows of `records`; the first that fails is named."""
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
        _check_keys(table, made, page)
        if self._tolerant:
            _check_values(table, made, page)
        return made


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
        for index, row in enumerate(rows):
            if row.get(column) is None:
                reason = f"has no '{column}', a key of '{table.name}'"
                raise _BadRecordError(f"row {index} of a page {reason}", f"it {reason}", table, page.where, NULL_KEY)


def _check_values(table: Table, rows: Sequence[Row], page: Page) -> None:
    """Find what could not be landed before a row of the page is: only where such records are to be left out."""
    for column, kind in table.columns.items():
        if isinstance(kind, str) and kind in ANYTHING:
            continue
        for row in rows:
            try:
                sdk_value(row.get(column), kind)
            except OF_THE_RECORD as error:
                what = f"'{column}' of '{table.name}' is declared {kind} but holds something that does not fit it"
                hint = "declare STRING, or convert it in models.py"
                raise _BadRecordError(what, what, table, page.where, hint) from error
