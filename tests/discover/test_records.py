"""Where the records are, what keys them and what their fields hold."""

import pytest

from headwater.discover.columns import date_fields, describe
from headwater.discover.key import find_key
from headwater.discover.records import candidates
from headwater.errors import DiscoveryError
from headwater.model import TableSpec


def test_of_several_lists_the_one_with_a_usual_name_wins(vendor, find, people):
    body = {
        "included": people(9),
        "links": [{"rel": "self"}],
        "data": people(5, start=20),
        "meta": {"facets": people(2)},
    }
    found = find(vendor.serve(lambda _: body))
    assert found.spec.endpoints[0].records == "data"
    assert found.spec.endpoints[0].records_seen == 5
    (finding,) = [one for one in found.findings if one.id == "discover.records"]
    assert finding.hint == (
        "5 objects in the first answer; other lists of objects, smaller or named like accessories: "
        "included (9), meta.facets (2), links (1)"
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([{"a": 1}], ""),
        ({"things": [{"a": 1}], "owners": [{"a": 1}, {"a": 2}]}, "things"),
        ({"response": {"docs": [{"a": 1}]}}, "response.docs"),
        ({"data": {"items": [{"a": 1}]}, "errors": []}, "data.items"),
        ({"data": [], "links": [{"rel": "self"}]}, "data"),
        ({"cpg_records": [{"a": 1}], "columns": [{"a": 1}, {"a": 2}]}, "cpg_records"),
        ({"data": [1, 2], "rows": [{"a": 1}]}, "rows"),
    ],
)
def test_the_likeliest_list(body, path):
    assert candidates(body, "things")[0].path == path


@pytest.mark.parametrize("body", [{"id": 7, "tags": [{"name": "a"}]}, {"name": "x"}, {}, 7, "text", None, [1, 2]])
def test_one_object_is_not_a_list(vendor, find, body):
    with pytest.raises(DiscoveryError, match="one object, not a list of records"):
        find(vendor.serve(lambda _: body))


@pytest.mark.parametrize("body", [[], {"data": []}, {"things": [], "links": [{"rel": "self"}]}])
def test_zero_records_are_not_guessed_from(vendor, find, body):
    with pytest.raises(DiscoveryError, match="the source is empty") as caught:
        find(vendor.serve(lambda _: body))
    assert "neither paging nor a key" in caught.value.hint


@pytest.mark.parametrize(
    ("rows", "columns", "trusted"),
    [
        ([{"name": "a", "id": 1}, {"name": "b", "id": 2}], ("id",), True),
        ([{"id": 1, "code": "a"}, {"id": 1, "code": "b"}], ("code",), True),
        ([{"user_id": 1, "thing_id": 5}, {"user_id": 2, "thing_id": 6}], ("thing_id",), True),
        ([{"user_id": 1, "day": "2025-01-01"}, {"user_id": 1, "day": "2025-01-02"}], ("user_id", "day"), True),
        ([{"a_id": 1, "b_id": 1}, {"a_id": 1, "b_id": 2}, {"a_id": 2, "b_id": 1}], ("a_id", "b_id"), True),
        ([{"clicks": 4, "a_id": 1, "day": "x"}, {"clicks": 5, "a_id": 1, "day": "y"}], ("a_id", "day"), True),
        ([{"word": "x", "n": 1.5}, {"word": "y", "n": 2.5}], ("word",), False),
        ([{"id": None, "word": "x"}, {"id": 2, "word": "y"}], ("word",), False),
        ([{"id": 1, "word": "x"}, {"id": "1", "word": "x"}], (), False),
        ([{"flag": True, "n": 1.5}, {"flag": False, "n": 2.5}], (), False),
        ([{"id": 1}], ("id",), False),
    ],
)
def test_the_key(rows, columns, trusted):
    key = find_key(rows, "things")
    assert (key.columns, key.trusted) == (columns, trusted)


def test_duplicate_ids_are_no_key(vendor, find):
    rows = [{"id": n % 40, "word": "same", "ok": True, "n": n / 8} for n in range(50)]
    found = find(vendor.serve(lambda _: rows))
    assert found.spec.endpoints[0].table == TableSpec("things")
    (finding,) = [one for one in found.findings if one.id == "discover.key"]
    assert finding.severity == "warning"
    assert finding.hint.startswith("no column and no pair of columns is unique over 50 records (not id: 10 duplicates)")


def test_a_record_that_came_twice_does_not_spoil_the_key(vendor, find, people):
    found = find(vendor.serve(lambda _: [*people(30), *people(3)]))
    assert found.spec.endpoints[0].table.key == ("id",)
    (finding,) = [one for one in found.findings if one.id == "discover.doubles"]
    assert finding.what == "3 records came twice, equal in every field"


def test_fields_and_their_kinds():
    fields = describe(
        [
            {"id": 1, "when": "2025-01-02", "at": "2025-01-02T03:04:05Z", "tags": ["a"], "mixed": 1},
            {
                "id": 2,
                "when": None,
                "at": "2025-01-02T03:04:05Z",
                "tags": {},
                "mixed": "x" * 80,
                "late": 0.5,
                "nothing": None,
            },
        ]
    )
    assert fields.types == {
        "id": "integer",
        "when": "date",
        "at": "timestamp",
        "tags": "JSON",
        "mixed": "integer or text",
        "late": "number",
        "nothing": "always null",
    }
    assert fields.samples["id"] == "1"
    assert fields.samples["nothing"] == ""
    assert fields.missing == {"id": 0, "when": 1, "at": 0, "tags": 0, "mixed": 0, "late": 1, "nothing": 2}


@pytest.mark.parametrize(
    ("values", "order", "form"),
    [
        (["2025-01-01", "2025-01-02"], "ascending", "date"),
        (["2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z"], "descending", "timestamp"),
        (["2025-01-01T02:00:00+02:00", "2025-01-01T00:00:00.000Z"], "all equal", "timestamp"),
        (["2025-01-01 00:00:00.0", "2025-01-03 00:00:00", "2025-01-02T00:00:00+0000"], "unordered", "timestamp"),
        (["2025-01-01 02:00:00 +0200", "2025-01-01 01:00:00 UTC"], "ascending", "timestamp"),
        ([1735689600, 1735689601], "ascending", "epoch"),
        ([1735689600000, 1735689601000], "ascending", "epoch"),
        (["20250101", "20250102"], "ascending", "text"),
    ],
)
def test_dates_and_their_order(values, order, form):
    (found,) = date_fields([{"updated_at": value, "n": 1} for value in values])
    assert (found.name, found.order, found.form) == ("updated_at", order, form)


@pytest.mark.parametrize("values", [["2025-13-01"], ["soon"], ["2025-01-01", None], [True], [12], ["2025-01-01", ""]])
def test_what_is_no_date(values):
    assert date_fields([{"updated_at": value} for value in values]) == []


def test_a_change_date_comes_before_a_creation_date():
    day = "2025-01-01"
    assert [one.name for one in date_fields([{"day": day, "created": day, "modified": day}])] == [
        "modified",
        "created",
        "day",
    ]
