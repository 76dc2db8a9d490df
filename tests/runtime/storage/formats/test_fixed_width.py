"""Fixed width: what was laid out is read; positions count characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ConfigError, ContractError, TransientError
from headwater_runtime.storage.fixed_width import FixedWidth
from headwater_runtime.storage.format import LONGEST

from .reading import Drops, bad, chunks, numbered, rows

FORM = FixedWidth((("id", 0, 4), ("name", 4, 10), ("rest", 10, None)))
CELL = st.text(st.characters(codec="utf-8", categories=("L", "N", "S", "P")), max_size=4)


@given(
    st.lists(st.tuples(CELL, CELL, CELL).filter(any), max_size=9), st.sampled_from(["\n", "\r\n"]), st.integers(0, 9)
)
def test_what_was_laid_out_is_read(table, end, after):
    data = "".join(f"{one:4}{two:6}{three}{end}" for one, two, three in table).encode()
    expected = [dict(zip(("id", "name", "rest"), (cell or None for cell in line), strict=True)) for line in table]
    assert rows(FORM, data) == expected
    assert rows(FORM, data, after) == expected[after:]


def test_short_lines_have_nulls_and_white_space_may_be_kept():
    assert rows(FORM, b"1\n22  b\n") == [
        {"id": "1", "name": None, "rest": None},
        {"id": "22", "name": "b", "rest": None},
    ]
    assert rows(FixedWidth((("a", 0, 3),), strip=False), b" x \n") == [{"a": " x "}]


def test_the_encoding_is_found_or_declared():
    assert rows(FORM, "é   ü\n".encode("cp1252")) == [{"id": "é", "name": "ü", "rest": None}]
    assert rows(FORM, "é   ü\n".encode("utf-16")) == [{"id": "é", "name": "ü", "rest": None}]
    assert rows(FixedWidth((("a", 0, 2),), encoding="cp437"), b"\x82\n") == [{"a": "é"}]


def test_broken_lines_are_left_out_alone():
    form = FixedWidth((("a", 0, 2),), encoding="utf-8", skip_lines=1)
    data = b"title\n1\n\xff\n\n\0\n5\n"
    assert bad(form, data) == [("line 3", "it does not decode as utf-8"), ("line 5", "it holds a zero byte")]
    assert {number: row["a"] for number, row in numbered(chunks(form, data, skip=True)).items()} == {1: "1", 4: "5"}
    with pytest.raises(ContractError, match="does not decode") as refused:
        rows(form, data)
    assert refused.value.where == "f, line 3"


def test_a_line_too_long_is_left_out():
    data = b"1\n" + b"x" * (LONGEST + 3_000_000) + b"\n3"
    assert bad(FORM, data) == [("line 2", f"it is longer than {LONGEST // 1_000_000} MB")]
    assert [row["id"] for row in rows(FORM, data, skip=True)] == ["1", "3"]


def test_what_the_file_raises_comes_behind_the_rows_before_it():
    data = b"".join(b"%9d\n" % number for number in range(300_000))
    found = []
    with pytest.raises(TransientError, match="reset"):
        found.extend(FixedWidth((("a", 0, 9),)).read(Drops(data, error=TransientError("reset"), at=2_500_005), "f"))
    assert sum(len(chunk.records) for chunk in found) == 250_000


@pytest.mark.parametrize("columns", [(), (("a", 0, 2), ("a", 2, 3)), (("a", 2, 2),), (("a", -1, 2),)])
def test_what_cannot_be_is_refused_where_it_is_declared(columns):
    with pytest.raises(ConfigError):
        FixedWidth(columns)
