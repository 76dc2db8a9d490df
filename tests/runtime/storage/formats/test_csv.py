"""CSV: what the reference writer wrote is read; the fast way and the careful way are one; what is broken costs one row."""

import csv
import io
import itertools
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater_runtime import ConfigError, ContractError, TransientError
from headwater_runtime.storage.csv_blocks import Blocks
from headwater_runtime.storage.csv_format import Csv
from headwater_runtime.storage.csv_lines import Dialect
from headwater_runtime.storage.encoding import Utf8
from headwater_runtime.storage.format import LONGEST, Feed, Sample, chunked

from .reading import Drops, bad, checked, chunks, numbered, rows

USUAL = Dialect()
PLAIN = Csv(delimiter=",", quote='"', escape="", encoding="utf-8", header=True)
ODD = st.text(st.sampled_from("ab01é€,;\"'\\\n\r\t \ufeff😀"), max_size=6)
TEXTS = ODD | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
WIDTHS = st.integers(1, 4)
DIALECTS = st.sampled_from([Dialect(), Dialect(";"), Dialect("\t", "'"), Dialect(",", '"', "\\"), Dialect("|", "")])
SOUP = st.text(st.sampled_from("ab,;\"'\\\n\r\t|\0é"), max_size=60)


def written(table: list[list[str]], dialect: Dialect = USUAL, end: str = "\n") -> bytes:
    file = io.StringIO(newline="")
    returns = any(
        mark in cell for line in table for cell in line for mark in "\r\n"
    )  # which Python's writer does not always quote
    quoting = csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=dialect.delimiter, quotechar=dialect.quote, lineterminator=end, quoting=quoting)
    writer.writerows(table)
    return file.getvalue().encode()


def blocks(data: bytes, dialect: Dialect, width: int, *, fast: bool, block: int = 64, sizes: list[int] | None = None):
    names = [f"c{number}" for number in range(width)]
    source = Utf8(Feed(Drops(data, sizes)), "utf-8")
    pieces = Blocks(source, dialect, names, "", "utf-8", fast=fast, block=block).pieces()
    return checked(chunked(pieces, "f", "", 0, skip=True))


def outcome(found) -> object:
    return numbered(found), [one for chunk in found for one in chunk.bad]


@st.composite
def tables(draw):
    width = draw(WIDTHS)
    cells = st.lists(TEXTS, min_size=width, max_size=width)
    return [[f"c{number}" for number in range(width)], *draw(st.lists(cells, max_size=12))]


@given(tables(), st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n", "\r"]), st.integers(0, 13))
def test_what_the_reference_writer_wrote_is_read(table, delimiter, end, after):
    data = written(table, Dialect(delimiter), end)
    expected = [{name: cell or None for name, cell in zip(table[0], line, strict=True)} for line in table[1:]]
    form = Csv(delimiter=delimiter, quote='"', escape="", encoding="utf-8", header=True)
    assert rows(form, data) == expected
    assert rows(form, data, after) == expected[after:]


@settings(max_examples=300)
@given(SOUP, DIALECTS, WIDTHS, st.integers(1, 80), st.lists(st.integers(1, 9), max_size=20))
@example('a,"b\nc,d"\n', Dialect(), 2, 4, [])
@example('"a"\r', Dialect(), 1, 4, [])
@example("\ufeffa\n\ufeffb\n", Dialect(), 1, 4, [])
@example('1,"abc\n2,"def"\n', Dialect(), 2, 8, [])
def test_fast_equals_careful_whatever_the_file_holds(text, dialect, width, block, sizes):
    data = text.encode()
    careful = blocks(data, dialect, width, fast=False, block=1 << 20)
    assert outcome(blocks(data, dialect, width, fast=True, block=block, sizes=sizes)) == outcome(careful)
    assert outcome(blocks(data, dialect, width, fast=True, block=1 << 20)) == outcome(careful)


@given(tables(), st.data())
def test_a_byte_that_changed_never_takes_an_earlier_row_along(table, data):
    whole = b"".join(written([line]) for line in table)
    at = data.draw(st.integers(len(written(table[:1])), len(whole)))
    broken = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    lengths = list(itertools.accumulate(len(written([line])) for line in table[1:]))
    start = len(written(table[:1]))
    before = sum(start + length <= at for length in lengths)
    expected = {number: row for number, row in numbered(chunks(PLAIN, whole)).items() if number <= before}
    found = numbered(chunks(PLAIN, broken, skip=True))
    assert {number: found.get(number) for number in expected} == expected


GOOD = b"id,name\n1,a\n"
BAD = {
    "too few cells": (b"2\n", "line 3", "it has 1 cells, the header 2"),
    "too many cells": (b"2,b,c\n", "line 3", "it has 3 cells, the header 2"),
    "bytes of another encoding": (b"2,\xe9\n", "line 3", "it does not decode as utf-8"),
    "a zero byte": (b"2,\0\n", "line 3", "it holds a zero byte"),
    "a quote that is never closed": (b'2,"b\n', "line 3", "it ends within quotes, or behind an escape character"),
    "text behind a quote": (b'2,"b"c\n', "line 3", "text stands between a closing quote and the next cell"),
    "behind lines in quotes and empty ones": (b'2,"b\nb"\n\n9\n', "line 6", "it has 1 cells, the header 2"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_broken_row_is_left_out_alone_with_its_line(kind):
    broken, place, reason = BAD[kind]
    data = GOOD + broken + b"3,c\n4,d\n"
    assert bad(PLAIN, data) == [(place, reason)]
    assert [row["id"] for row in rows(PLAIN, data, skip=True)] == ["1", *(["2"] if b'b"\n' in broken else []), "3", "4"]
    with pytest.raises(ContractError, match=reason) as refused:
        rows(PLAIN, data)
    assert refused.value.where == f"f, {place}"


def test_rows_before_a_broken_one_come_before_the_error():
    read = PLAIN.read(io.BytesIO(GOOD + b"2,b\n3\n4,d\n"), "f")
    assert [row["id"] for row in next(read).records] == ["1", "2"]
    with pytest.raises(ContractError):
        next(read)


def test_numbers_of_rows_do_not_depend_on_what_is_left_out():
    data = GOOD + b"2\n3,c\n\n4,d\n"
    assert {number: row["id"] for number, row in numbered(chunks(PLAIN, data, skip=True)).items()} == {
        1: "1",
        3: "3",
        4: "4",
    }
    assert {number: row["id"] for number, row in numbered(chunks(PLAIN, data, 2, skip=True)).items()} == {
        3: "3",
        4: "4",
    }


def test_a_quote_that_is_never_closed_costs_one_row_of_a_large_file():
    many = b"".join(b"%d,x\n" % number for number in range(100_000))
    found = chunks(PLAIN, b'id,name\n0,"open\n' + many, skip=True)
    assert [one for chunk in found for one in chunk.bad] == [
        ("line 2", "it ends within quotes, or behind an escape character")
    ]
    assert sum(len(chunk.records) for chunk in found) == 100_000


@pytest.mark.parametrize("tail", [b"", b"\n2,b\n"])
def test_a_line_too_long_for_any_row_is_left_out(tail):
    data = GOOD + b"x" * (2 * LONGEST + 5_000_000) + tail
    found = chunks(PLAIN, data, skip=True)
    assert [one.place for chunk in found for one in chunk.bad] == ["line 3"]
    assert [row["id"] for row in numbered(found).values()] == ["1", "2"][: 2 if tail else 1]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"id,name\n", b"id,name", b"\xef\xbb\xbf"])
def test_a_file_without_rows_has_none(data):
    assert rows(PLAIN, data) == []
    assert rows(Csv(), data) == []


def test_a_file_may_end_without_a_line_end():
    assert rows(PLAIN, b"id,name\n1,a\n2,b") == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


FOUND = {
    "semicolons and decimal commas": (b"a;b\n1,5;x\n2,5;y\n", {}, [{"a": "1,5", "b": "x"}, {"a": "2,5", "b": "y"}]),
    "tabs": (b"a\tb\n1\t2,3\n", {}, [{"a": "1", "b": "2,3"}]),
    "bars": (b"a|b\n1|2\n", {}, [{"a": "1", "b": "2"}]),
    "single quotes": (b"'a';'b'\n'1;';'2'\n", {}, [{"a": "1;", "b": "2"}]),
    "an escape": (b'a,b\n"x\\",y",2\n', {}, [{"a": 'x",y', "b": "2"}]),
    "no header": (b"1,2\n3,4\n", {}, [{"column_1": "1", "column_2": "2"}, {"column_1": "3", "column_2": "4"}]),
    "a column a year": (b"land,2019,2020\nx,1,2\n", {}, [{"land": "x", "2019": "1", "2020": "2"}]),
    "names twice and empty": (b"a,a,,a_2\n1,2,3,4\n", {}, [{"a": "1", "a_3": "2", "column_3": "3", "a_2": "4"}]),
    "a mark": (b"\xef\xbb\xbfa,b\n1,2\n", {}, [{"a": "1", "b": "2"}]),
    "UTF-16": ("a,b\né,2\n".encode("utf-16"), {}, [{"a": "é", "b": "2"}]),
    "UTF-16 without a mark": ("a,b\né,2\n".encode("utf-16-be"), {}, [{"a": "é", "b": "2"}]),
    "cp1252": ("a,b\n€é,2\n".encode("cp1252"), {}, [{"a": "€é", "b": "2"}]),
    "cp1251": ("имя,б\nпривет мир как дела,1\n".encode("cp1251"), {}, [{"имя": "привет мир как дела", "б": "1"}]),
    "a declared header": (b"1,2\n", {"header": ("x", "y")}, [{"x": "1", "y": "2"}]),
    "leading zeros": (b"a,b\n007,1e5\n", {}, [{"a": "007", "b": "1e5"}]),
    "lines before the header": (b"Report\nof May\na,b\n1,2\n", {"skip_lines": 2}, [{"a": "1", "b": "2"}]),
    "another null": (b"a,b\n\\N,\n", {"null": "\\N"}, [{"a": None, "b": ""}]),
    "no null": (b"a,b\n,x\n", {"null": None}, [{"a": "", "b": "x"}]),
    "values that look like a page": (
        b"<a>,1\n{b},2\n",
        {"header": False},
        [{"column_1": "<a>", "column_2": "1"}, {"column_1": "{b}", "column_2": "2"}],
    ),
    "one column": (b"a\nx\n", {}, [{"a": "x"}]),
    "quotes that are letters": (b'a,b\n5" pipe,x"y"\n', {"quote": ""}, [{"a": '5" pipe', "b": 'x"y"'}]),
    "a delimiter that is no ASCII": ("a§b\n1§2\n".encode(), {"delimiter": "§"}, [{"a": "1", "b": "2"}]),
}


@pytest.mark.parametrize("kind", FOUND)
def test_what_is_not_declared_is_found(kind):
    data, declared, expected = FOUND[kind]
    form, _ = Csv(**declared).settled([Sample("x.csv", data)], "f")
    assert rows(form, data) == expected
    assert rows(Csv(**declared), data) == expected


def test_what_was_found_is_told():
    sample = Sample("x.csv", "a;b\n1;é\n".encode("cp1252"))
    _, told = Csv().settled([sample], "f")
    assert told == "encoding cp1252 (since it is not UTF-8), a header, delimiter ';'"


def test_a_file_of_a_set_shows_its_own_encoding_and_header():
    form, _ = Csv().settled([Sample("1.csv", b"a,b\n1,x\n")], "f")
    assert rows(form, "a,b\n1,é\n".encode("cp1252")) == [{"a": "1", "b": "é"}]
    others, _ = Csv().settled([Sample("1.csv", "a,b\n1,x\n".encode("utf-16"))], "f")
    assert rows(others, b"a,b\n1,x\n") == [{"a": "1", "b": "x"}]
    found = chunks(form, "b,c\n1,é\n".encode("utf-16"))
    assert [dict(row) for row in found[-1].records] == [{"b": "1", "c": "é"}]
    assert [note for chunk in found for note in chunk.notes] == [
        "a file has other columns than the first of its set (new: c; absent: a): they are taken by name"
    ]


def test_one_wrong_byte_costs_its_row_and_no_letter_of_the_others():
    data = "id,name\n1,Zoë\n2,Łódź\n".encode() + b"3,\xff\n" + "4,São\n".encode()
    form, _ = Csv().settled([Sample("x.csv", data)], "f")
    assert [row["name"] for row in rows(form, data, skip=True)] == ["Zoë", "Łódź", "São"]
    assert bad(form, data) == [("line 4", "it does not decode as utf-8")]


def test_a_file_without_the_header_of_its_set_is_not_read_as_if_it_had_one():
    form, _ = Csv().settled([Sample("1.csv", b"id,name\n1,x\n")], "f")
    why = (
        "its first row cannot be read: it is no header like that of the first file: declare Csv(header=…, delimiter=…)"
    )
    assert bad(form, b"2,y\n3,z\n") == bad(form, b"id;name\n1;x\n") == [("the file", why)]
    assert rows(form, b"id,more\n2,y\n") == [{"id": "2", "more": "y"}]
    assert rows(Csv(header=True), b"2,y\n3,z\n") == [{"2": "3", "y": "z"}], "who declares it is believed"


@pytest.mark.parametrize("picture", [b"\x89PNG\r\n\x1a\n" + bytes(range(256)), bytes(range(1, 256)) * 9])
def test_what_is_no_text_is_no_rows(picture):
    form, _ = Csv().settled([Sample("1.csv", b"id,name\n1,x\n")], "f")
    for one in (form, PLAIN):
        assert [place for place, _ in bad(replace(one, encoding=None), picture)] == ["the file"]


@pytest.mark.parametrize(
    "page",
    [
        b"<html><body>Sign in</body></html>",
        b'{"error": "expired"}',
        b'[{"id": 1, "name": "a"}, {"id": 2}]',
        b'[\n  {"id": 1},\n  {"id": 2}\n]\n',
        b"[[1, 2], [3, 4]]",
        b"[]",
    ],
)
def test_a_page_in_the_place_of_a_file_is_no_rows(page):
    assert bad(PLAIN, page) == [("the file", "its first row cannot be read: its first line looks like another format")]
    with pytest.raises(ContractError, match="looks like another format"):
        rows(PLAIN, page)


@given(st.integers(0, 800_000))
@settings(max_examples=10)
def test_what_was_read_before_the_file_broke_off_comes_first(at):
    data = b"id,name\n" + b"".join(b"%d,x\n" % number for number in range(100_000))
    found = []
    with pytest.raises(TransientError, match="reset"):
        found.extend(PLAIN.read(Drops(data, error=TransientError("reset"), at=at), "f"))
    given_rows = [row["id"] for chunk in found for row in chunk.records]
    assert given_rows == [str(number) for number in range(len(given_rows))]
    assert len(given_rows) >= max(0, data[:at].count(b"\n") - 1)


def test_a_large_file_comes_in_chunks():
    data = b"id,text\n" + b"".join(b"%d,%s\n" % (number, b"x" * 200) for number in range(100_000))
    found = chunks(PLAIN, data)
    assert sum(len(chunk.records) for chunk in found) == 100_000
    assert max(chunk.size for chunk in found) < 20_000_000
    assert len(found) > 1


@pytest.mark.parametrize(
    "declared",
    [
        {"delimiter": ",,"},
        {"delimiter": "\n"},
        {"quote": ","},
        {"quote": '"', "escape": '"'},
        {"encoding": "utf-9"},
        {"encoding": "base64"},
        {"header": ()},
        {"header": ("a", "a")},
        {"skip_lines": -1},
    ],
)
def test_what_cannot_be_is_refused_where_it_is_declared(declared):
    with pytest.raises(ConfigError):
        Csv(**{"delimiter": ",", **declared})
