"""From the pieces of a decoder to chunks: every row once, in order, with its number, whatever is left out."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ContractError, SourceError
from headwater_runtime.storage.format import ROWS, WEIGHT, WHOLE, Bad, Piece, chunked, named

from .reading import checked, numbered


@st.composite
def pieces(draw):
    """Draw pieces whose rows say their own number, and the numbers of the bad ones."""
    found, bad, number = [], [], 0
    for _ in range(draw(st.integers(0, 6))):
        good = draw(st.lists(st.booleans(), max_size=5))
        kept = [offset for offset, is_good in enumerate(good) if is_good]
        broken = [(offset, Bad("", "broken")) for offset, is_good in enumerate(good) if not is_good]
        rows = [{"n": number + 1 + offset} for offset in kept]
        records = pa.table({"n": pa.array([row["n"] for row in rows], pa.int64())}) if draw(st.booleans()) else rows
        found.append(Piece(records, len(good), kept if broken else None, broken, 10 * len(good)))
        bad += [number + 1 + offset for offset, _ in broken]
        number += len(good)
    return found, bad, number


@given(pieces(), st.integers(0, 20))
def test_every_row_comes_once_under_its_number(drawn, after):
    given_pieces, broken, count = drawn
    found = checked(chunked(iter(given_pieces), "f", "", after, skip=True), after)
    expected = [number for number in range(after + 1, count + 1) if number not in broken]
    assert numbered(found) == {number: {"n": number} for number in expected}
    assert [one for chunk in found for one in chunk.bad] == [
        Bad(f"row {number}", "broken") for number in broken if number > after
    ]
    assert not found or max(chunk.upto for chunk in found) <= max(count, after)


@given(pieces(), st.integers(0, 20))
def test_without_leave_to_skip_the_rows_before_the_first_broken_one_come_and_then_it(drawn, after):
    given_pieces, broken, count = drawn
    first = next((number for number in broken if number > after), None)
    found = []
    if first is None:
        found.extend(chunked(iter(given_pieces), "f", "mend it", after, skip=False))
    else:
        with pytest.raises(ContractError) as refused:
            found.extend(chunked(iter(given_pieces), "f", "mend it", after, skip=False))
        assert (refused.value.where, refused.value.hint) == (f"f, row {first}", "mend it")
    assert list(numbered(found)) == [number for number in range(after + 1, first or count + 1) if number not in broken]


@given(pieces(), st.data())
def test_reading_goes_on_behind_any_chunk(drawn, data):
    given_pieces, _, _ = drawn
    whole = list(chunked(iter(given_pieces), "f", "", 0, skip=True))
    if whole:
        at = data.draw(st.integers(0, len(whole) - 1))
        rest = list(chunked(iter(given_pieces), "f", "", whole[at].upto, skip=True))
        assert {**numbered(whole[: at + 1]), **numbered(rest)} == numbered(whole)


def test_chunks_are_neither_long_nor_heavy():
    long = pa.table({"n": range(3 * ROWS + 5)})
    assert [len(chunk.records) for chunk in chunked(iter([Piece(long, long.num_rows)]), "f", "", 0, skip=False)] == [
        ROWS
    ] * 3 + [5]
    rows = [{"n": number} for number in range(ROWS + 5)]
    found = list(chunked(iter([Piece(rows, len(rows))]), "f", "", 0, skip=False))
    assert [(len(chunk.records), chunk.first, chunk.upto) for chunk in found] == [
        (ROWS, 1, ROWS),
        (5, ROWS + 1, ROWS + 5),
    ]
    heavy = Piece(pa.table({"n": range(100)}), 100, size=4 * WEIGHT)
    assert max(chunk.size for chunk in chunked(iter([heavy]), "f", "", 0, skip=False)) <= WEIGHT
    small = [Piece(pa.table({"n": range(10)}), 10, size=100) for _ in range(50)]
    assert [len(chunk.records) for chunk in chunked(iter(small), "f", "", 0, skip=False)] == [500]


def test_what_the_file_raises_comes_behind_what_was_read():
    def broken():
        yield Piece(pa.table({"n": [1]}), 1, notes=("odd",))
        raise SourceError("gone")

    found = []
    with pytest.raises(SourceError, match="gone"):
        found.extend(chunked(broken(), "f", "", 0, skip=True))
    assert [(chunk.records.column("n"), chunk.notes) for chunk in found] == [([1], ("odd",))]


def test_a_file_that_is_bad_as_a_whole_is_told_under_its_own_name():
    with pytest.raises(ContractError) as refused:
        list(chunked(iter([Piece([], 0, [], [(0, Bad(WHOLE, "it is no file"))])]), "place/x.csv", "", 0, skip=False))
    assert (refused.value.where, refused.value.what) == ("place/x.csv", "what cannot be read: it is no file")


@pytest.mark.parametrize(
    ("given_names", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "a_2", "a"], ["a", "a_2", "a_3"]),
        (["", " ", "column_1"], ["column_1", "column_2", "column_1_2"]),
        ([], []),
    ],
)
def test_names_are_made_each_one_of_its_own(given_names, expected):
    assert named(given_names) == expected
