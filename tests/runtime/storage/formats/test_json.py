"""JSON lines and JSON: the values are those that `json` reads, in whatever pieces; what is broken is named."""

import io
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater_runtime import ContractError, TransientError
from headwater_runtime.batch import Batch
from headwater_runtime.storage import json_lines
from headwater_runtime.storage.format import LONGEST, Feed, chunked
from headwater_runtime.storage.json_columns import Known, end_of
from headwater_runtime.storage.json_document import Json
from headwater_runtime.storage.json_lines import Jsonl
from headwater_runtime.storage.row_columns import table_of

from .reading import Drops, bad, checked, chunks, numbered, rows

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from(["a", "b", "", "é", '"', "a b"])
RECORDS = st.dictionaries(NAMES, VALUES, max_size=3)
ALIKE = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, SCALARS)), max_size=9)
)
TABLES = st.lists(RECORDS, max_size=9) | ALIKE
ASCII = st.booleans()


def lines_of(table, *, ascii_only: bool = True, end: bytes = b"\n") -> bytes:
    return end.join(json.dumps(row, ensure_ascii=ascii_only).encode() for row in table)


def without_nulls(table) -> list[dict]:
    """A field that is absent from some records is null in a table of columns."""
    return [{name: value for name, value in row.items() if value is not None} for row in table]


def spelled(table) -> str:
    """Tell 1 from True and -0.0 from 0.0; a whole number among fractions is one of them."""
    return repr([sorted((name, mixed(value)) for name, value in row.items()) for row in without_nulls(table)])


def mixed(value):
    if type(value) in {int, float} and value == 0:
        return 0.0
    return float(value) if type(value) is int and abs(value) <= 2**53 else value


@given(TABLES, ASCII, st.sampled_from([b"\n", b"\r\n", b"\n\n"]), st.integers(0, 10))
@example([{"a": 2**63}, {"a": 2**64 - 1}], True, b"\n", 0)
@example([{"a": 2**53 + 1}, {"a": 0.5}], True, b"\n", 0)
@example([{"a": {"x": 2**64}}], True, b"\n", 0)
@example([{"a": 1.0}, {"a": 2}], True, b"\n", 0)
@example([{"a": True}, {"a": 2}], True, b"\n", 0)
@example([{"a": "2020-01-01"}, {"a": "2020-01-01T00:00:00Z"}], True, b"\n", 0)
def test_lines_are_what_json_reads(table, ascii_only, end, after):
    data = lines_of(table, ascii_only=ascii_only, end=end)
    assert spelled(rows(Jsonl(), data)) == spelled(table)
    assert spelled(rows(Jsonl(), data, after)) == spelled(table[after:])


@given(TABLES, ASCII, st.sampled_from([None, 1]), st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]), st.integers(0, 10))
def test_a_list_is_what_json_reads(table, ascii_only, indent, encoding, after):
    data = json.dumps(table, ensure_ascii=ascii_only, indent=indent).encode(encoding)
    assert spelled(rows(Json(), data)) == spelled(table)
    assert spelled(rows(Json(), data, after)) == spelled(table[after:])
    inside = json.dumps({"x": [0], "data": {"rows": table}, "y": None}, ensure_ascii=ascii_only).encode(encoding)
    assert spelled(rows(Json("data.rows"), inside)) == spelled(table)


@given(TABLES, st.sampled_from(["", " ", "\n", "\n\n  "]), st.lists(st.integers(1, 9), max_size=9))
def test_objects_behind_each_other_are_a_record_each(table, between, sizes):
    data = between.join(json.dumps(row, indent=1) for row in table).encode()
    found = checked(Json().read(Drops(data, sizes), "f"))
    assert spelled([row for chunk in found for row in chunk.records]) == spelled(table)


@settings(max_examples=60)
@given(ALIKE, st.data())
def test_a_byte_that_changed_costs_its_line(table, data):
    lines = [json.dumps(row).encode() + b"\n" for row in table]
    whole = b"".join(lines)
    if not whole:
        return
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    hit = whole[:at].count(b"\n")
    found = numbered(chunks(Jsonl(), broken, skip=True))
    assert spelled([found.get(number, {}) for number in range(1, hit + 1)]) == spelled(table[:hit])
    behind = table[hit + 2 :]  # a line end that is gone takes the next line along, one that is new makes one more
    assert spelled(list(found.values())[len(found) - len(behind) :] if behind else []) == spelled(behind)


def in_blocks(data: bytes, block: int):
    return checked(chunked(json_lines._pieces(Feed(Drops(data)), block), "f", "", 0, skip=True))


FLAT = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.tuples(
        *(
            st.sampled_from([st.integers(-9, 9), st.floats(), st.text(max_size=4), st.booleans(), SCALARS])
            for _ in names
        )
    ).flatmap(
        lambda kinds: st.lists(
            st.fixed_dictionaries(
                {}, optional={name: st.none() | kind for name, kind in zip(names, kinds, strict=True)}
            ),
            max_size=12,
        )
    )
)
ODD_LINES = [
    b"null", b"{}", b'{"a":1}{"a":2}', b'{"a":1}null{"a":2}', b'{"a":NaN}', b'{"a":\n1}', b'{"a":12345678901234567890}', b'{"a":9007199254740993}',
    b'{"a":"\xff"}', b'{"a":1,"a":2}', b'{"a":"\\ud83d"}', b'{"a":1e400}', b'{"z":1}', b"", b" ", b'{"a":1,\n"b":2}', b'{"a":-0}', b'{"a":-0.0}', b'{"a":"2020-01-01 00:00:00"}',
]  # fmt: skip


@settings(max_examples=300)
@given(
    FLAT,
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(ODD_LINES)), max_size=3),
    st.integers(1, 200),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_lines_read_by_arrow_are_what_json_reads(table, odd, block, end):
    lines = [json.dumps(row).encode() for row in table]
    for at, line in odd:
        lines.insert(at, line)
    data = end.join(lines)
    one_by_one = in_blocks(data, 1)
    by_blocks = in_blocks(data, block)
    assert list(numbered(by_blocks)) == list(numbered(one_by_one))
    assert spelled(numbered(by_blocks).values()) == spelled(numbered(one_by_one).values())
    assert [one for chunk in by_blocks for one in chunk.bad] == [one for chunk in one_by_one for one in chunk.bad]


@given(st.binary(max_size=8), st.text(" \t\r\n", max_size=3000))
def test_the_end_of_a_block_is_found_behind_any_white_space(text, space):
    block = text + space.encode()
    assert end_of(block) == len(block.rstrip())


@given(st.lists(st.text(min_size=1, max_size=3).map(str.encode) | st.binary(min_size=1, max_size=4), max_size=6))
@example([b"\xed\xa0\x80"])  # a surrogate
@example([b"\xc0\x80"])  # two bytes for what takes one
@example([b"\xf4\x90\x80\x80"])  # beyond the last character
def test_a_block_that_is_not_utf_8_is_not_read_by_arrow(parts):
    text = b"".join(parts).translate(None, b'"\\\n\r' + bytes(range(32)))
    known = Known()
    known.learn(table_of([{"a": "x"}]))
    try:
        text.decode()
    except UnicodeDecodeError:
        assert known.table(b'{"a": "' + text + b'"}\n') is None
    else:
        assert known.table(b'{"a": "' + text + b'"}\n').to_pylist() == [{"a": text.decode()}]


def test_blocks_behind_the_first_are_read_by_arrow():
    known = Known()
    known.learn(table_of([{"a": 1, "b": "x", "c": None}]))
    assert known.table(b'{"a": 2, "b": "2020-01-01"}\n{"b": null, "c": "y"}\n').to_pylist() == [
        {"a": 2, "b": "2020-01-01", "c": None},
        {"a": None, "b": None, "c": "y"},
    ]
    refused = [
        b"null",
        b'{"a": 1}\nnull',
        b'{"a": 1}{"a": 2}',
        b'{"a": 1.0}',
        b'{"a": "x"}',
        b'{"z": 1}',
        b'{"b": "\xff"}',
        b'{"a": [1]}',
        b'{"b": 5}',
    ]
    assert [known.table(block) for block in refused] == [None] * len(refused)
    known.learn([{"a": [1]}])
    assert known.table(b'{"a": 2}') is None
    fractions = Known()
    fractions.learn(table_of([{"a": 0.5}]))
    assert fractions.table(b'{"a": 2}').to_pylist() == [{"a": 2.0}]
    assert [fractions.table(b'{"a": %d}' % number) for number in (2**53 + 1, -(2**53) - 1)] == [None, None]


BROKEN = {
    "no JSON": (b"nothing\n", "it is not JSON"),
    "a list": (b"[1]\n", "it is a list, not an object"),
    "null": (b"null\n", "it is null, not an object"),
    "two objects": (b'{"a": 1} {"a": 2}\n', "it is not JSON"),
    "cut": (b'{"a": \n', "it is not JSON"),
    "no UTF-8": (b'{"a": "\xff"}\n', "it is not JSON"),
    "nested beyond all bounds": (b'{"a":' * 100_000 + b"\n", "it is nested too deeply"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_is_left_out_alone(kind):
    line, reason = BROKEN[kind]
    data = b'{"a": 1}\n\n' + line + b'{"a": 3}'
    assert bad(Jsonl(), data) == [("line 3", reason)]
    assert {number: row["a"] for number, row in numbered(chunks(Jsonl(), data, skip=True)).items()} == {1: 1, 3: 3}
    with pytest.raises(ContractError, match=reason) as refused:
        rows(Jsonl(), data)
    assert refused.value.where == "f, line 3"


def test_lines_that_would_make_sense_together_do_not():
    data = b'{"a": 1}\n{"a": [{}\n{}]}\n{"a": 2},{"a": 3}\n{"a": 4}\n'
    assert rows(Jsonl(), data, skip=True) == [{"a": 1}, {"a": 4}]
    assert [place for place, _ in bad(Jsonl(), data)] == ["line 2", "line 3", "line 4"]


def test_a_line_of_a_gigabyte_is_left_out_without_holding_it():
    class Endless(io.RawIOBase):
        left = 1_000

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return b"x" * 1_000_000 if self.left > 0 else b'\n{"a": 1}\n' if self.left == 0 else b""

    found = checked(Jsonl().read(Endless(), "f", 0, True))
    assert [one for chunk in found for one in chunk.bad] == [("line 1", f"it is longer than {LONGEST // 1_000_000} MB")]
    assert list(numbered(found)) == [2]


def test_rows_of_one_kind_come_as_columns():
    found = chunks(Jsonl(), lines_of([{"id": number, "name": None if number % 2 else "x"} for number in range(9)]))
    assert [type(chunk.records) for chunk in found] == [Batch]
    nested = chunks(Jsonl(), lines_of([{"id": 1, "tags": ["a"]}]))
    assert [chunk.records for chunk in nested] == [[{"id": 1, "tags": ["a"]}]]


def test_half_a_character_is_written_as_its_escape():
    assert rows(Jsonl(), b'{"a": "\\ud83d"}') == [{"a": "\\ud83d"}]
    assert rows(Json(), b'{"a": "\\ud83d"}') == [{"a": "\\ud83d"}]


DOCUMENTS = {
    "cut": (Json(), b'{"a": 1}\n{"a": 2}\n{"a"', "the rest", "from here on it is not JSON"),
    "a number among objects": (Json(), b'{"a": 1} {"a": 2} 5', "the file", "it holds a number among its objects"),
    "a number in the list": (Json(), b"[5]", "the file", "it holds a number among its objects"),
    "no such path": (Json("data"), b'{"rows": []}', "the file", "the records field 'data' is not in the response"),
    "nested beyond all bounds": (Json(), b"[" * 100_000, "the file", "nested too deeply|a list, not an object"),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_that_is_broken_is_named(kind):
    form, data, place, reason = DOCUMENTS[kind]
    found = bad(form, data)
    assert len(found) == 1
    assert found[0][0] in {place, "the rest"}
    with pytest.raises(ContractError, match=reason):
        rows(form, data)


def test_rows_before_the_break_are_kept():
    assert rows(Json(), b'{"a": 1}\n{"a": 2}\n{"a"', skip=True) == [{"a": 1}, {"a": 2}]
    assert rows(Json(), b'[{"a": 1},\n{"a": 2}, {"a"', skip=True) == [{"a": 1}, {"a": 2}]
    assert rows(Json(), b'[{"a": 1}, {"a": 2} {"a": 3}]', skip=True) == [{"a": 1}, {"a": 2}]
    assert rows(Json(), b'[{"a": 1}, {"a": 2}] {"a": 3}', skip=True) == [{"a": 1}, {"a": 2}]
    assert rows(Json(), b'[{"a": 1}, 5]', skip=True) == [{"a": 1}]


@pytest.mark.parametrize("form", [Json(), Jsonl()])
def test_an_empty_file_has_no_rows(form):
    assert rows(form, b"") == rows(form, b" \n \n") == []


@pytest.mark.parametrize("form", [Json(), Jsonl()])
@pytest.mark.parametrize("at", [0, 1, 9, 300_000])
def test_what_the_file_raises_comes_behind_the_rows_before_it(form, at):
    data = b"".join(b'{"id": %d}\n' % number for number in range(50_000))
    found = []
    with pytest.raises(TransientError, match="reset"):
        found.extend(form.read(Drops(data, error=TransientError("reset"), at=at), "f"))
    got = [row["id"] for chunk in found for row in chunk.records]
    assert got == list(range(len(got)))
    assert len(got) >= data[:at].count(b"\n")


def test_an_object_too_long_is_told_for_what_it_is():
    data = b'{"rows": [' + b'{"id": 1},' * 2_000_000 + b'{"id": 2}]}'
    ((place, why),) = bad(Json(), data)
    assert (place, why.partition(":")[0]) == ("the rest", "an object is longer than 16 MB")
    assert sum(len(chunk.records) for chunk in chunks(Json("rows"), data)) == 2_000_001
