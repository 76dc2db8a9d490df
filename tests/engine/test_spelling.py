"""Numbers and moments in texts, column by column: only what surely comes back as it was written is taken."""

import base64
import hashlib
from datetime import datetime, timezone
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fivetran_connector_sdk_core import DataType
from fivetran_connector_sdk_core.constants import CELL_NULL, CELL_SCALAR

from headwater.engine.columns import Column
from headwater.engine.forms import Form
from headwater.engine.key_spans import KeySpans, in_order
from headwater.engine.landing import java_number, land, source_texts
from headwater.engine.row_ids import renamed, row_id, row_ids
from headwater.engine.spelling import (
    MOMENT,
    array_of,
    as_dates,
    as_integers,
    as_moments,
    as_reals,
    exact_integers,
    exact_moments,
    in_python,
    moment_texts,
    shapes_of,
    without_blanks,
)
from headwater.engine.sqltypes import JSON, VARCHAR
from headwater.engine.typed import typed

MICROSECONDS, MOMENTS = pa.timestamp("us"), pa.timestamp("us", "UTC")
FIRST_DAY, LAST_DAY, DAY = -719_162, 2_932_896, 86_400_000_000


def texts(*values):
    return pa.array(values, pa.string())


@pytest.mark.parametrize(
    "values",
    [["0", "-7", "12"], [None, "1"], ["9223372036854775807", "-9223372036854775807"], ["10", "100", "99"], ["-10"]],
)
def test_integers_that_are_written_as_their_numbers_are(values):
    found = exact_integers(texts(*values))
    assert [None if one is None else str(one) for one in found.to_pylist()] == values


@pytest.mark.parametrize(
    "values",
    [
        ["-0"],
        ["-0", "12"],
        ["007"],
        ["", "1"],
        ["-"],
        ["1-"],
        ["9223372036854775808"],
        ["-9223372036854775808"],
        ["1.0"],
    ],
)
def test_integers_that_are_not(values):
    assert exact_integers(texts(*values)) is None


def test_the_empty_text_is_null_in_a_column_of_numbers():
    assert as_integers(texts("", "7", None)).to_pylist() == [None, 7, None]
    assert as_reals(texts("", "7.5")).to_pylist() == [None, 7.5]
    assert without_blanks(texts("a", "")).to_pylist() == ["a", None]


def test_a_number_beyond_a_double_is_not_taken_for_infinity():
    assert as_reals(texts("9" * 400)) is None
    assert as_reals(texts("9" * 200)).to_pylist() == [1e200]


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        (pa.date32(), FIRST_DAY, LAST_DAY),
        (MICROSECONDS, FIRST_DAY * DAY, (LAST_DAY + 1) * DAY - 1),
        (MOMENTS, FIRST_DAY * DAY, (LAST_DAY + 1) * DAY - 1),
    ],
)
def test_the_days_and_moments_that_python_has(kind, first, last):
    number = pa.int32() if kind == pa.date32() else pa.int64()
    for value, there in ((first, True), (first - 1, False), (last, True), (last + 1, False)):
        assert in_python(pa.array([value, None], number).cast(kind)) is there
    assert in_python(pa.nulls(2, kind))


def test_days_are_those_of_the_calendar_from_the_year_1():
    assert as_dates(texts("0001-01-01", "9999-12-31", "")).null_count == 1
    for wrong in ("0000-12-31", "2024-02-30", "2024-2-03", "2024-02-03 "):
        assert as_dates(texts("2024-02-29", wrong)) is None


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("2024-02-29T10:00:00", True),
        ("2024-02-29T10:00:00.120000", True),
        ("2024-02-29T10:00:00.000000", False),
        ("2024-02-29T10:00:00.12", False),
        ("2024-02-29 10:00:00", False),
        ("2024-02-29T10:00", False),
    ],
)
def test_moments_that_are_written_as_python_writes_them(text, exact):
    column = texts("2024-01-01T00:00:00", text, None)
    shapes = shapes_of(column)
    moments = as_moments(column, MOMENT, shapes, zoned=False)
    assert exact_moments(column, moments, shapes) is exact
    assert (moment_texts(moments).to_pylist() == column.to_pylist()) is exact


def test_moments_are_written_with_three_digits_where_they_suffice():
    moments = pa.array([datetime(2024, 1, 1, 0, 0, 0, part, timezone.utc) for part in (0, 120_000, 120_001)], MOMENTS)
    assert moment_texts(moments, milliseconds=True).to_pylist() == [
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:00:00.120Z",
        "2024-01-01T00:00:00.120001Z",
    ]


@pytest.mark.parametrize("start", range(5))
def test_shapes_of_a_slice_are_its_own(start):
    whole = texts("12", None, "a-1", "2024", None, "x9")
    assert set(shapes_of(whole[start:])) == {
        "".join("0" if letter.isdigit() else letter for letter in one)
        for one in whole[start:].to_pylist()
        if one is not None
    }


def test_decimals_are_doubles_only_where_the_shortest_text_is_theirs():
    for number, scale in ((10**15 - 1, 2), (123, 22), (-(10**15) + 1, 15)):
        decimals = pa.array([Decimal(number).scaleb(-scale), None], pa.decimal128(38, scale))
        form, values, _ = typed(decimals, None, exact=True)
        assert form == Form.REAL
        assert Decimal(repr(values[0].as_py())) == Decimal(number).scaleb(-scale)
    for number, scale in ((10**15, 2), (99999999999999999, 1), (123, 23), (-(10**15), 15)):
        decimals = pa.array([Decimal(number).scaleb(-scale)], pa.decimal128(38, scale))
        assert typed(decimals, None, exact=True) is None
        assert (
            typed(
                pa.concat_arrays([pa.array([Decimal(1).scaleb(-scale)], decimals.type), decimals])[1:], None, exact=True
            )
            is None
        )


def test_integers_beyond_their_declaration_are_refused():
    for number, taken in ((2**31 - 1, True), (2**31, False), (-(2**31), True), (-(2**31) - 1, False)):
        assert (typed(pa.array([0, number]), DataType.INT, exact=True) is not None) is taken


def test_keys_are_missed_only_outside_of_all_spans():
    spans = KeySpans(2)
    for span in ((10, 20), (12, 14), (30, 40)):
        spans.add(span)
    for first, last, missed in (
        (21, 29, True),
        (20, 20, False),
        (30, 30, False),
        (21, 30, False),
        (41, 50, True),
        (1, 9, True),
    ):
        assert spans.misses((first, last)) is missed
    spans.add((100, 110))  # one more than is told apart: the two nearest become one
    assert spans.misses((41, 99))
    assert not any(spans.misses((number, number)) for number in (10, 20, 30, 40, 100, 110))


def test_keys_in_order_are_all_different():
    for numbers, ordered in (
        ([1, 2, 5], True),
        ([5, 2, 1], True),
        ([1, 2, 2], False),
        ([2, 2, 1], False),
        ([1, 3, 2], False),
    ):
        assert in_order(pa.chunked_array([numbers[:1], numbers[1:]])) is ordered


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-1.25e7, "-1.25E7"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (-0.0, "-0.0"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_floats_are_written_as_java_writes_them(value, text):
    assert java_number(value, single=False) == java_number(value, single=True) == text


def test_decimals_are_written_with_all_their_places():
    tiny = pa.array([Decimal("1E-9"), None, Decimal("-120.000000000")], pa.decimal128(20, 9))
    assert source_texts(Column(Form.DECIMAL, tiny, None, 0)).to_pylist() == ["0.000000001", None, "-120.000000000"]


def test_an_empty_text_is_null_among_json():
    landed = land([Column(Form.TEXT, texts("", "a", None, "é"), VARCHAR, 0)], JSON)
    assert landed.array.to_pylist() == [None, '"a"', None, '"é"']


def test_the_key_of_a_row_is_the_hash_of_what_python_shows():
    values = ["plain", "it's", "back\\slash", "", "é", None]
    shown = [f"a={value!r}\x1fb='7'" for value in values]
    expected = [base64.b64encode(hashlib.sha1(one.encode()).digest()).decode() for one in shown]
    sevens = Column(Form.INT, pa.array([7] * len(values)), None, 0)
    assert row_ids({"b": sevens, "a": Column(Form.TEXT, texts(*values), VARCHAR, 0)}).to_pylist() == expected
    for number, value in enumerate(values):  # also where all texts of a column are plain
        alone = {"a": Column(Form.TEXT, texts(value), VARCHAR, 0), "b": Column(Form.INT, pa.array([7]), None, 0)}
        assert row_ids(alone).to_pylist() == [expected[number]]


def test_the_key_of_a_row_is_the_same_as_cells_and_as_columns():
    """A text's NUL counts in neither, for it does not land."""
    cells = {"a": bytes([CELL_SCALAR]) + b"x\0y", "b": bytes([CELL_NULL])}
    columns = {"a": Column(Form.TEXT, texts("xy"), VARCHAR, 0), "b": Column(Form.TEXT, texts(None), None, 0)}
    assert [row_id(cells, str)] == row_ids(columns).to_pylist()


def test_of_two_columns_with_one_name_the_first_counts():
    assert renamed({"userName": 1, "username": 2, "x": 3}, str.lower) == {"username": 1, "x": 3}


@pytest.mark.parametrize("start", range(17))
def test_nulls_of_a_part_of_an_array_stay_where_they_are(start):
    values = pa.array([None if number % 3 == 0 else number for number in range(40)]).slice(start, 20)
    made = array_of(np.arange(start, start + 20), pc.is_valid(values))
    assert made.to_pylist() == values.to_pylist()
    made.validate(full=True)
