"""Workbooks: what openpyxl wrote is read; what would fill the memory is refused before it is opened."""

import io
import zipfile
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_runtime import ConfigError, ContractError
from headwater_runtime.storage.excel import Excel
from headwater_runtime.storage.excel_limits import UNPACKED

from .reading import bad, chunks, rows

CELLS = (
    st.none()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e15, 1e15).map(lambda one: float(f"{one:.14g}"))
    | st.booleans()
    | st.text(
        st.characters(min_codepoint=32, max_codepoint=0xD7FF, exclude_characters="_\x7f"), min_size=1, max_size=6
    ).map(lambda one: f"t{one}")
    | st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)).map(lambda one: one.replace(microsecond=0))
)


def workbook(*sheets: list[list], names: tuple[str, ...] = ("One", "Two")) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in zip(names, sheets, strict=False):
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def day(value):
    """Midnight reads as a date: a workbook does not tell them apart."""
    return value.date() if isinstance(value, datetime) and value.time() == time(0) else value


@settings(max_examples=40)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6), st.integers(0, 7))
def test_what_was_written_is_read(table, after):
    data = workbook([["a", "b", "c"], *table])
    expected = [
        {name: day(value) for name, value in zip("abc", line, strict=True)}
        for line in table
        if any(value is not None for value in line)
    ]
    found = [{name: day(value) for name, value in row.items()} for row in rows(Excel(), data)]
    assert found == expected
    assert [{name: day(value) for name, value in row.items()} for row in rows(Excel(), data, after)] == expected[after:]


def test_values_are_what_was_saved():
    line = [
        1,
        1.5,
        True,
        "007",
        date(2020, 1, 2),
        datetime(2020, 1, 2, 3, 4, 5),
        time(1, 2, 3),
        timedelta(hours=30),
        "=1+1",
        None,
    ]
    found = rows(Excel(), workbook([list("abcdefghij"), line]))
    expected = [
        1,
        1.5,
        True,
        "007",
        date(2020, 1, 2),
        datetime(2020, 1, 2, 3, 4, 5),
        time(1, 2, 3),
        "PT108000S",
        None,
        None,
    ]
    assert found == [dict(zip("abcdefghij", expected, strict=True))]
    assert type(found[0]["a"]) is int


def test_sheets_are_chosen_by_name_number_or_what_is_there():
    data = workbook([], [["x"], [5]], names=("Empty", "Data"))
    assert rows(Excel(), data) == rows(Excel(sheet="Data"), data) == rows(Excel(sheet=2), data) == [{"x": 5}]
    assert rows(Excel(sheet="Empty"), data) == []
    assert [note for chunk in chunks(Excel(), data) for note in chunk.notes] == [
        "of 2 sheets the first that is not empty is read: Excel(sheet=…)"
    ]


def test_a_sheet_that_is_not_there_is_an_error():
    with pytest.raises(ContractError, match="it has no sheet 'no', but One"):
        rows(Excel(sheet="no"), workbook([["x"]]))
    with pytest.raises(ContractError, match="it has no sheet 3, only 1"):
        rows(Excel(sheet=3), workbook([["x"]]))


HEADERS = {
    "a title before it": (Excel(skip_rows=2), [["Report"], [], ["a", "b"], [1, 2]], [{"a": 1, "b": 2}]),
    "names twice and empty": (
        Excel(),
        [["a", "a", None, "d"], [1, 2, 3, 4]],
        [{"a": 1, "a_2": 2, "column_3": 3, "d": 4}],
    ),
    "numbers and dates": (Excel(), [[2019, date(2020, 1, 1)], [1, 2]], [{"2019": 1, "2020-01-01": 2}]),
    "none": (
        Excel(header=False),
        [[1, 2], [3, None]],
        [{"column_1": 1, "column_2": 2}, {"column_1": 3, "column_2": None}],
    ),
    "declared": (Excel(header=("x", "y")), [[1, 2]], [{"x": 1, "y": 2}]),
    "cells beyond it": (Excel(), [["a"], [1], [2, "far"]], [{"a": 1, "column_2": None}, {"a": 2, "column_2": "far"}]),
    "empty rows": (Excel(), [["a"], [], [1], [], [2]], [{"a": 1}, {"a": 2}]),
}


@pytest.mark.parametrize("kind", HEADERS)
def test_headers(kind):
    form, lines, expected = HEADERS[kind]
    found = rows(form, workbook(lines))
    names = list(dict.fromkeys(name for row in expected for name in row))
    assert [{name: row.get(name) for name in names} for row in found] == expected


def test_merged_cells_have_their_value_once():
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append(["x", 1])
    book.active.append([None, 2])
    book.active.merge_cells("A2:A3")
    file = io.BytesIO()
    book.save(file)
    assert rows(Excel(), file.getvalue()) == [{"a": "x", "b": 1}, {"a": None, "b": 2}]


def replaced(data: bytes, **members: bytes) -> bytes:
    """Return a workbook with other members."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for name in old.namelist():
            key = name.replace("/", "_").replace(".", "_")
            new.writestr(name, members.get(key) or old.read(name))
    return file.getvalue()


SHEET = b'<?xml version="1.0"?>%s<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
FAR = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c %s><v>1</v></c></row>'
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
ATTACKS = {
    "two cells far apart": (SHEET % (b"", FAR % b'r="XFD1048576"'), "spans more than 50 million cells"),
    "in other quotes": (SHEET % (b"", FAR % b"r = 'ABC1048576'"), "spans more than 50 million cells"),
    "entities": (SHEET % (LAUGHS, b'<row r="1"><c r="A1" t="str"><v>&b;</v></c></row>'), "its XML defines entities"),
}


@pytest.mark.parametrize("kind", ATTACKS)
def test_what_would_fill_the_memory_is_refused(kind):
    sheet, reason = ATTACKS[kind]
    data = replaced(workbook([["a"], [1]]), xl_worksheets_sheet1_xml=sheet)
    with pytest.raises(ContractError, match=reason):
        rows(Excel(), data)


def test_a_bomb_is_refused_though_it_says_it_is_small():
    data = bytearray(replaced(workbook([["a"], [1]]), docProps_app_xml=b" " * (UNPACKED + 1)))
    assert len(data) < UNPACKED / 100
    true, told = (UNPACKED + 1).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert true in data
    with pytest.raises(ContractError, match="unpacks to more than"):
        rows(Excel(), bytes(data.replace(true, told)))


def ods(rows_of_table: str) -> bytes:
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
        f'<office:body><office:spreadsheet><table:table table:name="One">{rows_of_table}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return file.getvalue()


def cell(text: str, more: str = "") -> str:
    return f'<table:table-cell office:value-type="string" {more}><text:p>{text}</text:p></table:table-cell>'


def test_an_open_document_is_read():
    lines = f"<table:table-row>{cell('a')}{cell('b')}</table:table-row><table:table-row>{cell('x')}{cell('é')}</table:table-row>"
    empty = '<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="1024"/></table:table-row>'
    assert rows(Excel(), ods(lines + empty)) == [{"a": "x", "b": "é"}]


def test_repeated_cells_beyond_all_bounds_are_refused():
    many = 'table:number-columns-repeated="16000"'
    lines = f'<table:table-row table:number-rows-repeated="1000000">{cell("x", many)}</table:table-row>'
    with pytest.raises(ContractError, match="spans more than 50 million cells"):
        rows(Excel(), ods(lines))


TWO_ROWS = workbook([["a", "b"], [1, "x"], [2, "y"]])


@settings(max_examples=60)
@given(st.data())
def test_a_byte_that_changed_ends_in_rows_or_a_named_failure(data):
    whole = TWO_ROWS
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    found = chunks(Excel(), broken, skip=True)
    assert any(chunk.bad for chunk in found) or [row for chunk in found for row in chunk.records] == rows(
        Excel(), whole
    )


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0" + b"x" * 600, b"hello"])
def test_what_is_no_workbook_is_refused(data):
    assert [place for place, _ in bad(Excel(), data)] == ["the file"]
    with pytest.raises(ContractError, match="the workbook cannot be read"):
        rows(Excel(), data)


@pytest.mark.parametrize("declared", [{"sheet": 0}, {"header": ()}, {"header": ("a", "a")}, {"skip_rows": -1}])
def test_what_cannot_be_is_refused_where_it_is_declared(declared):
    with pytest.raises(ConfigError):
        Excel(**declared)
