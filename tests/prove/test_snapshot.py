"""Comparing destinations, and a destination with the truth: every way to differ is told apart and named."""

from collections import Counter
from datetime import date

import pytest

from headwater.engine import Content
from headwater.prove.snapshot import Snapshot, difference, untruth

ROWS = [{"id": "a", "n": 1, "day": date(2025, 1, 1)}, {"id": "b", "n": 2, "day": None}]


def holding(rows):
    return Snapshot({}, {"things": rows})


def contents(rows, **types):
    return Snapshot({"things": Content({"n": "BIGINT", **types}, frozenset({"n"}), Counter(rows))}, {})


def test_the_order_of_rows_and_the_moment_of_writing_do_not_matter():
    one, other = (
        contents([("1",), ("2",)], _fivetran_synced="TIMESTAMP"),
        contents([("2",), ("1",)], _fivetran_synced="TIMESTAMP"),
    )
    assert difference(one, other) == ""


def test_an_empty_text_is_not_told_from_null_but_from_any_other():
    assert difference(contents([("",), ("2",)]), contents([(None,), ("2",)])) == ""
    assert "lacks 1 rows" in difference(contents([("",), ("2",)]), contents([(None,), ("3",)]))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Snapshot({}, {}), "table things is missing"),
        (contents([("1",)]), "things: lacks 1 rows"),
        (contents([("1",), ("2",), ("2",)]), "things: has, and should not, 1 rows"),
        (contents([("1",), ("2",)], n="DOUBLE"), "column n is DOUBLE, expected BIGINT"),
    ],
)
def test_every_other_difference_is_named(other, message):
    assert message in difference(contents([("1",), ("2",)]), other)


def test_a_long_difference_is_cut():
    assert len(difference(contents([("x" * 1000,)]), contents([]))) < 400


def test_the_truth_is_held_when_every_value_is():
    held = [{**row, "_fivetran_deleted": False, "derived": 1} for row in ROWS]
    assert untruth(holding(held), "things", ("id",), ROWS) == ""


def test_an_absent_table_holds_no_rows():
    assert untruth(Snapshot({}, {}), "things", ("id",), []) == ""
    assert untruth(Snapshot({}, {}), "things", ("id",), ROWS) == "things lacks 2 of 2 rows: a, b"


def test_a_column_that_is_not_there_is_null():
    assert untruth(holding([{"id": "a"}]), "things", ("id",), [{"id": "a", "n": None}]) == ""
    assert "n is None, the source has 1" in untruth(holding([{"id": "a"}]), "things", ("id",), ROWS[:1])


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
    assert message in untruth(holding(held), "things", ("id",), ROWS)


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
    found = untruth(holding([{"id": "a", "v": held}]), "things", ("id",), [{"id": "a", "v": true}])
    assert (found == "") is same
