"""Rows by rule: what is nested becomes columns, lists and child tables, and nothing is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ConfigError, Each, Flat

NODES = {"nodes": [{"id": 1}, {"id": 2}], "pageInfo": {"hasNextPage": False}, "totalCount": 2}
EDGES = {"edges": [{"cursor": "x", "node": {"id": 1}}, {"node": {"id": 2}}], "pageInfo": {}}
RECORD = {
    "__typename": "Order",
    "id": 7,
    "customer": {"__typename": "Customer", "name": "Ada", "address": {"city": "Oulu", "geo": {"lat": 1.5}}},
    "note": None,
    "tags": ["a", "b"],
    "lines": NODES,
    "taxes": EDGES,
}


def test_objects_become_columns_connections_lists_and_lists_stay():
    assert Flat()(RECORD) == {
        "id": 7,
        "customer_name": "Ada",
        "customer_address_city": "Oulu",
        "customer_address_geo_lat": 1.5,
        "note": None,
        "tags": ["a", "b"],
        "lines": [{"id": 1}, {"id": 2}],
        "taxes": [{"id": 1}, {"id": 2}],
    }


def test_depth_separator_type_names_and_what_is_left_out():
    flat = Flat(separator="__", depth=1, leave_out=("lines", "taxes", "customer.name"), typename="kind")
    assert flat(RECORD) == {
        "kind": "Order",
        "id": 7,
        "customer__kind": "Customer",
        "customer__address": {"city": "Oulu", "geo": {"lat": 1.5}},
        "note": None,
        "tags": ["a", "b"],
    }
    assert Flat(depth=0)({"a": {"b": 1, "__typename": "A"}}) == {"a": {"b": 1}}
    assert Flat(depth=0, typename="t")({"a": {"b": 1, "__typename": "A"}}) == {"a": {"b": 1, "t": "A"}}


def test_connections_within_lists_become_lists_too():
    record = {"items": [{"id": 1, "parts": {"edges": [{"node": {"id": 2, "more": NODES}}, None]}}]}
    assert Flat()(record) == {"items": [{"id": 1, "parts": [{"id": 2, "more": [{"id": 1}, {"id": 2}]}, None]}]}


def test_what_a_connection_or_an_edge_has_beside_its_nodes_is_kept():
    languages = {"totalSize": 9, "edges": [{"size": 5, "cursor": "c", "node": {"id": 1, "name": "C"}}, None]}
    record = {"id": 7, "languages": languages, "cluster": {"name": "x", "nodes": [{"id": 1}]}, "none": {"nodes": None}}
    assert Flat()(record) == {
        "id": 7,
        "languages_totalSize": 9,
        "languages_edges": [{"size": 5, "cursor": "c", "node": {"id": 1, "name": "C"}}, None],
        "cluster_name": "x",
        "cluster_nodes": [{"id": 1}],
        "none": [],
    }
    assert Flat()({"all": [{"cluster": record["cluster"]}]}) == {"all": [{"cluster": record["cluster"]}]}
    assert Each("languages", {"of": "id"})(record) == [
        {"of": 7, "size": 5, "cursor": "c", "node_id": 1, "node_name": "C"}
    ]
    assert Each("cluster", {"of": "id"})({"id": 7, "cluster": {"name": "x", "nodes": [{"key": 1}]}}) == [
        {"of": 7, "key": 1}
    ]
    both = {"nodes": [{"id": 1}], "edges": [{"role": "owner"}], "pageInfo": {}}
    assert Flat()({"members": both}) == {"members_nodes": [{"id": 1}], "members_edges": [{"role": "owner"}]}


@pytest.mark.parametrize("record", [{"a_b": 1, "a": {"b": 2}}, {"a": {"b": 2}, "a_b": 1}])
def test_two_values_for_one_column_are_an_error_and_not_a_loss(record):
    with pytest.raises(ValueError, match="two fields would fill the column 'a_b'"):
        Flat()(record)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match="leave out its letters"):
        Flat(leave_out="lines")
    with pytest.raises(ConfigError, match="depth=-1"):
        Flat(depth=-1)


ORDER = {
    "id": 7,
    "shop": {"code": "fi"},
    "lines": {
        "nodes": [
            {
                "id": "a",
                "price": {"amount": 2.5},
                "taxes": {"edges": [{"node": {"rate": 0.1}}, {"node": {"rate": 0.2}}]},
            },
            {"id": "b", "price": None, "taxes": None},
            None,
        ]
    },
}


def test_children_get_the_ids_of_all_they_are_in():
    lines = Each("lines", {"order_id": "id", "shop": "shop.code"}, Flat(leave_out=("taxes",)))
    assert lines(ORDER) == [
        {"order_id": 7, "shop": "fi", "id": "a", "price_amount": 2.5},
        {"order_id": 7, "shop": "fi", "id": "b", "price": None},
    ]
    taxes = Each("lines.taxes", {"order_id": "id", "line_id": "lines.id"}, number="tax")
    assert taxes(ORDER) == [
        {"order_id": 7, "line_id": "a", "tax": 1, "rate": 0.1},
        {"order_id": 7, "line_id": "a", "tax": 2, "rate": 0.2},
    ]
    assert Each("shop", {"order_id": "id"})(ORDER) == [{"order_id": 7, "code": "fi"}]


def test_children_of_a_plain_list_and_of_none():
    record = {"id": 1, "lines": [{"id": 2}], "others": None, "none": {"nodes": []}}
    assert Each("lines", {"of": "id"})(record) == [{"of": 1, "id": 2}]
    assert Each("others")(record) == Each("none")(record) == []


def test_what_is_not_there_is_an_error():
    with pytest.raises(LookupError, match="no 'linez'"):
        Each("linez")(ORDER)
    with pytest.raises(LookupError, match="no 'lines.taxez'"):
        Each("lines.taxez")({"lines": {"nodes": [{"id": 1}]}})
    with pytest.raises(TypeError, match="'tags' holds text, not objects"):
        Each("tags")({"tags": ["a"]})
    with pytest.raises(LookupError, match="no record on the way has 'number'"):
        Each("lines", {"order": "number"})(ORDER)
    with pytest.raises(ValueError, match="two fields would fill the column 'id'"):
        Each("lines", {"id": "id"})(ORDER)


NAME = st.text("abcdef", min_size=1, max_size=3)
LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
TREE = st.recursive(
    st.dictionaries(NAME, LEAF, max_size=3), lambda inner: st.dictionaries(NAME, LEAF | inner, max_size=3), max_leaves=6
)


def leaves(record, before=""):
    for name, value in record.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{before}{name}_")
        else:
            yield before + name, value


@given(TREE)
def test_every_leaf_is_a_column(record):
    assert Flat()(record) == dict(leaves(record))
