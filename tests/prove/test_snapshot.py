"""Comparing destinations, and a destination with the truth: every way to differ is told apart and named."""

from datetime import date

import pyarrow as pa
import pytest

from headwater.prove.snapshot import Snapshot, difference, untruth

ROWS = [{"id": "a", "n": 1, "day": date(2025, 1, 1)}, {"id": "b", "n": 2, "day": None}]


def snapshot(rows, name="things", **columns):
    return Snapshot({name: pa.Table.from_pylist([{**row, **columns} for row in rows])})


def test_the_order_of_rows_and_the_moment_of_writing_do_not_matter():
    one = snapshot(ROWS, _fivetran_synced=1, _fivetran_deleted=False)
    other = snapshot(ROWS[::-1], _fivetran_synced=2, _fivetran_deleted=False)
    assert difference(one, other) == ""


def test_the_order_of_columns_does_not_matter():
    assert (
        difference(snapshot(ROWS), Snapshot({"things": snapshot(ROWS).tables["things"].select(["n", "day", "id"])}))
        == ""
    )


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (snapshot(ROWS, name="others"), "only one of the two has table others, things"),
        (snapshot(ROWS[:1]), "things differs: 1 rows instead of 2"),
        (snapshot([ROWS[0], {**ROWS[1], "n": 3}]), "other values in n"),
        (snapshot([{**row, "n": float(row["n"])} for row in ROWS]), "n double instead of int64"),
        (snapshot(ROWS, more=1), "more int64 instead of absent"),
        (snapshot(ROWS, _fivetran_deleted=True), "_fivetran_deleted bool instead of absent"),
    ],
)
def test_every_other_difference_is_named(other, message):
    assert message in difference(snapshot(ROWS), other)


def test_rows_without_a_unique_column_are_compared_as_a_bag():
    rows = [{"n": 1, "m": 2}, {"n": 1, "m": 1}, {"n": 1, "m": 1}]
    assert difference(snapshot(rows), snapshot([rows[1], rows[0], rows[2]])) == ""
    assert difference(snapshot(rows), snapshot([rows[1], rows[0], rows[0]])) != ""


def test_the_truth_is_held_when_every_value_is():
    assert untruth(snapshot(ROWS, _fivetran_deleted=False, derived=1), "things", ("id",), ROWS) == ""


def test_an_absent_table_holds_no_rows():
    assert untruth(Snapshot({}), "things", ("id",), []) == ""
    assert untruth(Snapshot({}), "things", ("id",), ROWS) == "things lacks 2 of 2 rows: a, b"


def test_a_column_that_is_not_there_is_null():
    assert untruth(snapshot([{"id": "a"}]), "things", ("id",), [{"id": "a", "n": None}]) == ""
    assert "n is None, the source has 1" in untruth(snapshot([{"id": "a"}]), "things", ("id",), ROWS[:1])


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (ROWS[:1], "things lacks 1 of 2 rows: b"),
        ([*ROWS, {"id": "c", "n": 3, "day": None}], "things holds 1 rows the source does not: c"),
        ([*ROWS, ROWS[0]], "things holds 1 rows too many of the same id"),
        ([{**ROWS[0], "n": 7}, ROWS[1]], "things a: n is 7, the source has 1"),
        (
            [{**ROWS[0], "day": "2025-01-01"}, ROWS[1]],
            "day is '2025-01-01', the source has datetime.date(2025, 1, 1)",
        ),
    ],
)
def test_every_untruth_is_named(held, message):
    assert message in untruth(snapshot(held), "things", ("id",), ROWS)


def test_deleted_rows_are_not_held():
    rows = [{**ROWS[0], "_fivetran_deleted": True}, {**ROWS[1], "_fivetran_deleted": False}]
    assert untruth(snapshot(rows), "things", ("id",), ROWS) == "things lacks 1 of 2 rows: a"


@pytest.mark.parametrize(
    ("true", "held", "same"),
    [
        (1, 1.0, True),
        (213.77, 213.77, True),
        (213.77, 213.77000427246094, False),
        (True, 1, False),
        (0, None, False),
        (None, None, True),
        ({"a": [1]}, '{"a": [1]}', True),
        ({"a": [1]}, '{"a": [2]}', False),
        ("1", 1, False),
    ],
)
def test_values_are_the_same_only_when_nothing_was_lost(true, held, same):
    found = untruth(snapshot([{"id": "a", "v": held}]), "things", ("id",), [{"id": "a", "v": true}])
    assert (found == "") is same
