"""Paths: what is there is found, what is not there is an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ContractError
from headwater_runtime.records import MISSING, every, lookup, select, value_at

BODY = {
    "data": {"items": [{"id": 1, "tags": [{"t": "x"}, {"t": "y"}]}, {"id": 2, "tags": []}]},
    "@odata.nextLink": "/more",
    "null": None,
    "edges": [{"node": {"id": 1}}, {"node": {"id": 2}}],
    "by_name": {"a": {"id": 1}, "b": {"id": 2}},
    "results": [],
    "*": 7,
    "really?": 8,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", BODY),
        ("data.items.0.id", 1),
        ("data.items.1.id", 2),
        ("data.items.2.id", MISSING),
        ("data.items.-1.id", MISSING),
        ("data.items.id", MISSING),
        ("data.items.*.id", 1),
        ("data.items.*.none", MISSING),
        (r"@odata\.nextLink", "/more"),
        ("@odata.nextLink", MISSING),
        ("null", None),
        ("null.deeper", MISSING),
        ("data.absent?", MISSING),
        (r"\*", 7),
        (r"really\?", 8),
        ("results.*.id", MISSING),
    ],
)
def test_a_path_leads_to_its_value(path, value):
    assert lookup(BODY, path) == value
    assert value_at(BODY, path, "default") == ("default" if value is MISSING else value)


def test_every_value_behind_a_star_in_order():
    assert every(BODY, "data.items.*.tags.*.t") == ["x", "y"]
    assert every(BODY, "by_name.*.id") == [1, 2]
    assert every(BODY, "data.items.0.id") == [1]
    assert every(BODY, "absent.*.id") == []


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ("data.items", [1, 2]),
        ("data.items?", [1, 2]),
        ("edges.*.node", [1, 2]),
        ("by_name.*", [1, 2]),
        ("results", []),
        ("absent?", []),
        ("null?", []),
        ("data.absent?", []),
        ("data.items.*.tags", [None, None]),
        ("data.items.0.tags", [None, None]),
        ("data.items.*.absent?", []),
        ("results.*.whatever", []),
    ],
)
def test_records_are_found(path, ids):
    assert [record.get("id") for record in select(BODY, path, "GET /x")] == ids


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("absent", "'absent' is not in the response, which holds: \\*, @odata.nextLink, by_name, data"),
        ("absent.deeper?", "'absent.deeper.' is not in the response"),
        ("data.absent", "'data.absent' is not in the response, which holds: items"),
        ("data.items.*.absent", "which holds: id, tags"),
        ("null", "'null' should be a list of records but is null"),
        ("null.deeper?", "which holds: null"),
        ("data", "should be a list of records but is an object"),
        ("edges.0.node", "should be a list of records but is an object"),
        ("data.items.*.id", "should be a list of records but is a number"),
        (r"\*", "but is a number"),
        ("", "the body should be a list of records but is an object"),
    ],
)
def test_records_that_are_not_there_are_an_error(path, message):
    with pytest.raises(ContractError, match=message):
        select(BODY, path, "GET /x")


@pytest.mark.parametrize("element", [None, 1, "x", True, []])
def test_a_record_is_an_object(element):
    with pytest.raises(ContractError, match="record 1 of 'data' is .*, not an object"):
        select({"data": [{}, element]}, "data", "GET /x")


NAMES = st.text(st.sampled_from("ab.*?\\0"), min_size=1, max_size=4).filter(lambda name: "\\" not in name)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_any_name_can_be_written(names):
    body: object = [{"id": 1}]
    for name in reversed(names):
        body = {name: body}
    path = ".".join(name.replace(".", r"\.").replace("*", r"\*").replace("?", r"\?") for name in names)
    assert lookup(body, path) == select(body, path, "GET /x") == [{"id": 1}]
