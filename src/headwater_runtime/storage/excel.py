"""Workbooks: xlsx, xlsm, xlsb, xls and ods, through calamine. A workbook is held in memory, so its size is limited."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import IO, Any

from headwater_runtime.errors import ConfigError, require
from headwater_runtime.records import Row
from headwater_runtime.storage.excel_limits import check
from headwater_runtime.storage.format import WHOLE, Bad, FileChunk, Piece, Sample, chunked, named
from headwater_runtime.storage.row_columns import table_of

__all__ = ["Excel"]

HINT = "have the file saved anew, or pass errors=Errors(…) to the stream to go on without it"
ROWS = 10_000  # of a piece
LARGEST = 100_000_000  # bytes of a file
EXACT = 2**53  # up to here Excel's numbers are whole ones
TOLD = 10  # names of sheets
VISIBLE, WORKSHEET = "SheetVisibleEnum.Visible", "SheetTypeEnum.WorkSheet"


@dataclass(frozen=True)
class Excel:
    """One sheet of a workbook: by name, by number from 1, or the first that can be seen and is not empty.

    `header` is whether a row names the columns, after `skip_rows` rows, or the names where none does. Values are those that
    were saved: of a formula its last result, null for an error; whole numbers are ints; of merged cells the first has the
    value. Empty rows are no rows.
    """

    sheet: str | int | None = None
    header: bool | tuple[str, ...] = True
    skip_rows: int = 0
    name: str = field(default="Excel", init=False, repr=False)
    suffixes: tuple[str, ...] = field(default=(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), init=False, repr=False)
    random: bool = field(default=True, init=False, repr=False)

    def __post_init__(self) -> None:
        by_number = not isinstance(self.sheet, int) or self.sheet > 0
        require(by_number, "sheets are numbered from 1", hint="Excel(sheet=1), or its name")
        names = self.header if isinstance(self.header, tuple) else ("x",)
        require(
            len(set(names)) == len(names) > 0, "the header names no column, or one twice", hint="mend Excel(header=…)"
        )
        require(self.skip_rows >= 0, "skip_rows is a number of rows", hint="Excel(skip_rows=2)")

    def settled(self, samples: Sequence[Sample], where: str) -> tuple[Excel, str]:  # noqa: ARG002  (the seam)
        """Nothing has to be found."""
        return self, ""

    def read(self, file: IO[bytes], where: str, after: int = 0, skip: bool = False) -> Iterator[FileChunk]:  # noqa: FBT001, FBT002
        """Yield the rows of the sheet."""
        return chunked(_pieces(self, file), where, HINT, after, skip=skip)


def _pieces(form: Excel, file: IO[bytes]) -> Iterator[Piece]:
    try:
        sheet, note = _sheet(form, _opened(file))
    except ValueError as error:
        yield Piece([], 0, [], [(0, Bad(WHOLE, f"the workbook cannot be read: {error}"))])
        return
    if note:
        yield Piece([], 0, [], notes=(note,))
    if sheet is None:
        return
    rows = (row for row in _rows(sheet, form.skip_rows) if any(value is not None for value in row))
    names: list[str] | None = list(form.header) if isinstance(form.header, tuple) else None
    found: list[Row] = []
    for row in rows:
        if names is None:
            names = named([_text(value) for value in _filled(row, 1)] if form.header else [""] * len(row))
            if form.header:
                continue
        row = _filled(row, len(names))  # noqa: PLW2901
        names += named([*names, *[""] * (len(row) - len(names))])[len(names) :]
        found.append(dict(zip(names, row)))  # noqa: B905  (a row may be shorter)
        if len(found) == ROWS:
            yield _piece(found)
            found = []
    if found:
        yield _piece(found)


def _piece(rows: list[Row]) -> Piece:
    table = table_of(rows)
    size = table.nbytes if table is not None else 100 * len(rows)
    return Piece(rows if table is None else table, len(rows), None, (), size)


def _opened(file: IO[bytes]) -> Any:
    try:
        import python_calamine  # noqa: PLC0415  (a requirement of those who read workbooks)
    except ImportError:
        raise ConfigError("reading Excel needs calamine", hint="add `python-calamine` to requirements.txt") from None
    if file.seek(0, 2) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 1_000_000} MB")
    file.seek(0)
    start = file.read(4)
    if start[:2] == b"PK":
        check(file)
    file.seek(0)
    data = file.read()  # calamine's own reading would turn what the file raises into something else
    try:
        return python_calamine.load_workbook(io.BytesIO(data))
    except python_calamine.PasswordError:
        raise ValueError("it is protected by a password") from None
    except (python_calamine.CalamineError, OSError, ValueError, RuntimeError) as error:
        raise ValueError(str(error).partition("\n")[0][:100]) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a bug in its Rust, which is no Exception
            raise
        raise ValueError("calamine fails on it") from None


def _sheet(form: Excel, workbook: Any) -> tuple[Any, str]:
    """Return the sheet, None if all are empty, and a note of what was chosen. Raises ValueError if it is not there."""
    names = workbook.sheet_names
    if isinstance(form.sheet, str) and form.sheet not in names:
        raise ValueError(f"it has no sheet '{form.sheet}', but {', '.join(names[:TOLD])}")
    if isinstance(form.sheet, int) and form.sheet > len(names):
        raise ValueError(f"it has no sheet {form.sheet}, only {len(names)}")
    if form.sheet is not None:
        name = form.sheet if isinstance(form.sheet, str) else names[form.sheet - 1]
        return _loaded(workbook, name), ""
    seen = [one.name for one in workbook.sheets_metadata if str(one.visible) == VISIBLE and str(one.typ) == WORKSHEET]
    for name in seen:
        sheet = _loaded(workbook, name)
        if sheet.start is not None:
            return sheet, f"of {len(seen)} sheets the first that is not empty is read: Excel(sheet=…)" if len(
                seen
            ) > 1 else ""
    return None, ""


def _loaded(workbook: Any, name: str) -> Any:
    try:
        return workbook.get_sheet_by_name(name)
    except Exception as error:
        raise ValueError(f"a sheet of it is broken ({type(error).__name__})") from error


def _rows(sheet: Any, skip: int) -> Iterator[list[Any]]:
    for row in islice(sheet.iter_rows(), skip, None):
        yield [_value(value) for value in row]


def _filled(row: list[Any], least: int) -> list[Any]:
    """Return a row without the empty cells at its end, but with `least` cells: calamine makes all rows of one length."""
    width = next((width for width in range(len(row), least, -1) if row[width - 1] is not None), least)
    return row[:width]


def _value(value: Any) -> Any:
    """Return a cell's value: null for an empty one, an int for a whole number."""
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) <= EXACT else value
    if value == "":
        return None
    return _duration(value) if type(value) is timedelta else value


def _duration(value: timedelta) -> str:
    """Write a duration as ISO 8601 has it, in seconds."""
    seconds = value / timedelta(seconds=1)
    return f"{'-' if seconds < 0 else ''}PT{abs(seconds):f}".rstrip("0").rstrip(".") + "S"


def _text(value: Any) -> str:
    """Return what a cell of the header says."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return "" if value is None else str(value).strip()
