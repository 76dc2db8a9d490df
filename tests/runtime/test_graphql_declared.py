"""What could lose records without a word is refused where a query is declared, and the parser reads what the reference reads."""

import pytest
from graphql import FieldNode, FragmentSpreadNode, parse
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import (
    Call,
    Client,
    ConfigError,
    Keyset,
    NextToken,
    Offset,
    Part,
    Relay,
    Single,
    Start,
    Stream,
    Table,
)
from headwater_runtime.graphql.document import operation, tree

PAGED = "pageInfo { hasNextPage endCursor }"


def declared(query, records="data.orders.nodes", **options):
    options.setdefault("paging", Relay(size=10))
    return Client("https://api.test").graphql(query.replace("PAGED", PAGED), records, **options)


def orders(selected):
    return f"query Orders($first: Int, $after: String) {{ orders(first: $first, after: $after) {{ {selected} }} }}"


KEYSET = Keyset("number", param="after", size_param="first", size=5)
A, B = "$first: Int, $after: String", "first: $first, after: $after"
REFUSED = {
    orders("nodes { id }"): ({}, "does not ask for hasNextPage and endCursor of 'orders'"),
    orders("nodes { id } pageInfo { hasNextPage }"): ({}, "does not ask for endCursor of 'orders'"),
    orders("nodes { id } PAGED"): ({"paging": Relay(size=5, backward=True)}, r"no variable '\$before'"),
    "query { orders { nodes { id } PAGED } }": ({}, r"no variable '\$after'"),
    f"query({A}) {{ orders {{ nodes {{ id }} PAGED }} }}": ({}, r"hands '\$after', .* to nothing"),
    f"query({A}!) {{ orders({B}) {{ nodes {{ id }} PAGED }} }}": ({}, r"'\$after' must always be given"),
    f"query({A}, $id: ID!) {{ orders({B}, id: $id) {{ nodes {{ id }} PAGED }} }}": ({}, "no value is given for id"),
    orders("nodes { id } PAGED "): ({"variables": {"shop": 1}}, "no variable shop"),
    orders("edges { node { id } } PAGED"): ({}, "does not ask for fields at 'data.orders.nodes'"),
    orders("nodes { id } PAGED  "): ({"records": "orders.nodes"}, "not at 'orders.nodes'"),
    orders("nodes { id lines { nodes { id } } } PAGED"): ({}, "nothing pages 'lines'"),
    orders("nodes { id lines { id pageInfo { hasNextPage } } } PAGED"): ({}, "nothing pages 'lines'"),
    orders("nodes { id a { b { edges { node { id } } } } } PAGED"): ({}, "nothing pages 'a.b'"),
    orders("PAGED nodes { id }"): ({"nested": {"lines.nodes": None}}, "does not ask for 'lines.nodes' of a record"),
    orders("PAGED nodes { id } "): ({"paging": KEYSET}, "for the key 'number'"),
    orders("PAGED nodes { id }  "): (
        {"paging": NextToken("data.orders.next", param="after")},
        "does not ask for 'data.orders.next'",
    ),
    "{ orders { nodes { id } } }": ({"paging": None}, "no paging is given for 'orders'"),
    "{ a { orders { edges { node { id } } } } }": (
        {"paging": None, "records": "data.a.orders.edges.*.node"},
        "no paging is given for 'a.orders'",
    ),
    "{ orders { items { id } PAGED } }": (
        {"paging": None, "records": "data.orders.items"},
        "no paging is given for 'orders'",
    ),
    "{ orders { rows: nodes { id } } }": (
        {"paging": None, "records": "data.orders.rows"},
        "no paging is given for 'orders'",
    ),
    orders("nodes { id lines { rows: nodes { id } } } PAGED"): ({}, "nothing pages 'lines'"),
    orders("nodes { id lines { id info: pageInfo { hasNextPage } } } PAGED"): ({}, "nothing pages 'lines'"),
    orders("nodes { id } info: pageInfo { hasNextPage endCursor }"): ({}, "does not ask for hasNextPage"),
    f"query({A}) {{ orders(last: $first, after: $after) {{ nodes {{ id }} PAGED }} }}": (
        {},
        "'orders' is asked for from its end, but paged forward",
    ),
    "query($n: Int, $c: String) { orders(first: $n, before: $c) { nodes { id } pageInfo { hasPreviousPage startCursor } } }": (
        {"paging": Relay("c", "n", 5, backward=True)},
        "'orders' is asked for from its beginning, but paged backward",
    ),
    f"query({A}) {{ shops {{ orders({B}) {{ nodes {{ id }} PAGED }} }} }}": (
        {"records": "data.shops.*.orders.nodes"},
        "is many lists, not one",
    ),
    f"query({A}) {{ shops {{ orders(offset: $after, limit: $first) {{ items {{ id }} }} }} }}": (
        {"records": "data.shops.*.orders.items", "paging": Offset("after", size_param="first", size=5)},
        "is many lists, not one",
    ),
    f"query({A}) {{ shops({B}) {{ next nodes {{ orders {{ nodes {{ id }} }} }} }} }}": (
        {"records": "data.shops.nodes.*.orders.nodes", "paging": NextToken("data.shops.next", param="after")},
        "is many lists, not one",
    ),
    orders("PAGED nodes { id }   "): (
        {"paging": NextToken("orders.next", param="after")},
        "'orders.next', which its paging reads, is in no answer",
    ),
    orders("edges { role node { id } } PAGED"): (
        {"records": "data.orders.edges.*.node"},
        "asks for role of each edge",
    ),
    orders("nodes { id } edges { role } PAGED"): ({}, "asks for role of each edge"),
    "{ " + "a { " * 5000 + "b" + " }" * 5001: ({}, "nests too deeply"),
    "mutation { sell { id } }": ({}, "holds a mutation"),
    "query A { a { id } } query B { b { id } }": ({}, "2 operations"),
    "fragment F on A { id }": ({}, "0 operations"),
    "": ({}, "0 operations"),
    "{ orders { nodes { ...F } } }": ({}, "fragment 'F' is not in the document"),
    "{ orders { nodes { ...F } } } fragment F on O { a { ...F } }": ({}, "spreads itself"),
    "{ orders { nodes { id } }": ({}, "has the end where"),
    "{ orders(a: ?) { id } }": ({}, r"has '\?' where"),
    '{ orders(a: "b) { id } }': ({}, "has '\"' where"),
    "{ 5 }": ({}, "has '5' where a name is due"),
    "query(": ({}, "has the end where"),
    "query($": ({}, "has the end where"),
    "query($a: [Int = [": ({}, "has the end where"),
}


@pytest.mark.parametrize("query", REFUSED)
def test_a_query_that_could_lose_records_is_refused(query):
    options, says = REFUSED[query]
    with pytest.raises(ConfigError, match=says) as caught:
        declared(query, **options)
    assert caught.value.hint
    assert caught.value.where


LINES = "query Lines($id: ID!, $after: String) { order(id: $id) { lines(after: $after) { %s } } }"


def lines(fields="nodes { id } PAGED", records="data.order.lines.nodes", **options):
    return declared(LINES % fields, records, **{"paging": Relay(), "variables": {"id": Part("id")}, **options})


def at_once():
    query = "query($id: ID!) { order(id: $id) { lines { nodes { id } } } }"
    return declared(query, "data.order.lines.nodes", paging=Single(), variables={"id": Part("id")})


@pytest.mark.parametrize(
    ("record", "inner", "says"),
    [
        ("id lines { nodes { id } }", lines, "does not ask for hasNextPage and endCursor of 'lines'"),
        ("id lines { nodes { id sku } PAGED }", lines, "differ in sku"),
        ("lines { nodes { id } PAGED }", lines, "needs 'id' of the record"),
        ("id lines { nodes { id } PAGED }", at_once, "asks for all at once"),
        (
            "id lines { nodes { id } PAGED }",
            lambda: lines("edges { node { id } } PAGED", "data.order.lines.edges.*.node"),
            "are at 'data.order.lines.edges.",
        ),
    ],
)
def test_a_nested_reader_that_does_not_fit_is_refused(record, inner, says):
    with pytest.raises(ConfigError, match=says):
        declared(orders(f"nodes {{ {record} }} PAGED"), nested={"lines.nodes": inner()})


ROWS = "nodes { id } PAGED"
BACK = "nodes { id } pageInfo { hasPreviousPage startCursor }"


def handed(arguments, fields=ROWS, declared_as="$n: Int, $c: String, $since: String", **options):
    """A reader of lines that hands these arguments to them."""
    query = f"query($id: ID!, {declared_as}) {{ order(id: $id) {{ lines({arguments}) {{ {fields} }} }} }}"
    options.setdefault("paging", Relay("c", "n", 9))
    given = {"id": Part("id"), **options.pop("variables", {})}
    return declared(query, "data.order.lines.nodes", variables=given, **options)


def within(arguments, inner, fields=ROWS, **variables):
    """Orders whose lines are asked for with these arguments."""
    query = f"query($after: String, $since: String) {{ orders(after: $after) {{ nodes {{ id lines({arguments}) {{ {fields} }} }} PAGED }} }}"
    return declared(query, paging=Relay(), nested={"lines.nodes": inner}, variables=variables)


@pytest.mark.parametrize(
    ("arguments", "own", "says"),
    [
        ("last: 2", "first: $n, after: $c", "'lines' of a record is asked for from its end, but paged forward"),
        ("first: 2, state: OPEN", "first: $n, after: $c", "differ in state"),
        ("first: 2", "first: $n, after: $c, state: OPEN", "differ in state"),
        ("first: 2, order: {by: [A, B]}", "first: $n, after: $c, order: {by: [B, A]}", "differ in order"),
        ('first: 2, like: "$n"', 'first: $n, after: $c, like: "$c"', "differ in like"),
        ("first: 2, since: $since", "first: $n, after: $c, since: $since", "differ in since"),
    ],
)
def test_a_nested_connection_is_the_same_in_both_queries(arguments, own, says):
    with pytest.raises(ConfigError, match=says) as caught:
        within(arguments, handed(own, variables={"since": "2026"} if "since" in own else {}), since="2025")
    assert caught.value.hint


def test_a_nested_connection_that_begins_at_the_other_end_is_refused():
    inner = handed("last: $n, before: $c", BACK, paging=Relay("c", "n", 9, backward=True))
    with pytest.raises(ConfigError, match="is asked for from its beginning, but paged backward"):
        within("first: 2", inner, BACK, since=None)
    within("last: 2", inner, BACK, since=None)


def test_a_nested_connection_may_differ_in_its_size_and_in_how_its_values_are_handed():
    since = {"variables": {"since": Start()}}
    within("first: 2, since: $since", handed("since: $since, first: $n, after: $c", **since), since=Start())
    within("first: 2, state: OPEN", handed("first: 50, after: $c, state: OPEN", paging=Relay("c")), since=None)
    # One query for both directions: what is not given is null.
    both = "first: $n, after: $c, last: $l, before: $b"
    within("first: 2", handed(both, declared_as="$n: Int, $c: String, $l: Int, $b: String"), since=None)
    # A field of the root is another one than that of a record.
    root = "query($id: ID!, $n: Int, $c: String) { lines(order: $id, kind: ORDER, first: $n, after: $c) { nodes { id } PAGED } }"
    own = declared(root, "data.lines.nodes", paging=Relay("c", "n", 9), variables={"id": Part("id")})
    within("first: 2", own, since=None)


@pytest.mark.parametrize(
    ("paging", "selected"),
    [
        (NextToken("data.order.lines.next", param="c"), "items { id } total"),
        (NextToken("data.order.lines.next", param="c", more="data.order.lines.more"), "items { id } next"),
        (NextToken("data.order.next", param="c"), "items { id } next more total"),
        (Offset("c", size_param="n", size=5, total="data.order.lines.total"), "items { id }"),
    ],
)
def test_a_nested_list_has_beside_it_what_leads_on(paging, selected):
    own = "query($id: ID!, $n: Int, $c: String) { order(id: $id) { next lines(n: $n, c: $c) { items { id } next more total } } }"
    inner = declared(own, "data.order.lines.items", paging=paging, variables={"id": Part("id")})
    outer = f"query($after: String) {{ orders(after: $after) {{ nodes {{ id lines {{ {selected} }} }} PAGED }} }}"
    with pytest.raises(ConfigError, match="of a record, by which its reader goes on"):
        declared(outer, paging=Relay(), nested={"lines.items": inner})


def test_a_stream_knows_what_a_query_needs_of_its_slices():
    by_order = lines(call="/shops/{shop}/graphql")
    with pytest.raises(ConfigError, match="needs id, shop of a part"):
        Stream(by_order, {Table("lines", key="id"): dict})
    by_get = lines(call=Call("/graphql", "GET"), variables={"id": Start()})
    with pytest.raises(ConfigError, match=r"sends Start\(\), to which its cursor gives no value"):
        Stream(by_get, {Table("lines", key="id"): dict})
    nested = declared(orders("nodes { id lines { nodes { id } PAGED } } PAGED"), nested={"lines.nodes": by_get})
    with pytest.raises(ConfigError, match=r"sends Start\(\)"):
        Stream(nested, {Table("orders", key="id"): dict})


def test_the_call_of_a_query_has_no_body_of_its_own():
    with pytest.raises(ConfigError, match="has a body"):
        declared(orders("nodes { id } PAGED"), call=Call("/graphql", json={"query": "{ a }"}))


def test_lists_that_are_no_connections_need_no_paging():
    assert declared("{ nodes { id } }", "data.nodes", paging=None).largest == 0
    assert declared("{ shop { tags { id } } }", "data.shop.tags", paging=None).largest == 0
    assert declared("{ orders { nodes { id } } }", paging=Single()).largest == 0


def test_sizes_and_their_variable_come_together():
    with pytest.raises(ConfigError, match="`size` and `size_param` together"):
        Relay(size_param="first")


def reference(document):
    """The tree of a document's fields as graphql-core reads it."""
    fragments = {one.name.value: one for one in document.definitions if one.kind == "fragment_definition"}

    def below(chosen):
        found = {}
        for node in chosen.selections if chosen else ():
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                found[key] = both(found.get(key, {}), below(node.selection_set))
            else:
                inner = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
                found = both(found, below(inner.selection_set))
        return found

    def both(one, other):
        return {key: both(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}

    (query,) = (one for one in document.definitions if one.kind == "operation_definition")
    return below(query.selection_set)


HOSTILE = [
    'query Q($a: [Int!]! = [1, 2], $b: In = {c: "}", d: [{e: $}]}) { a }'.replace("$}", "1}"),
    'query Q($a: Int = 1 @deprecated(reason: "x"), $b: String) @live(if: true) { a(b: $a, c: {d: [$b]}) @skip(if: false) }',
    '{ a(t: """ a "block" with { braces } and \\""" in it """) { b } }',
    '{ a(t: "quoted \\" } {") { b } # } comment\n c }',
    "\ufeff{a,b,,c{d},}",
    "{ x: a { ...F ... on T { c { d } } ... @include(if: true) { c { e } } } } fragment F on T { c { f } g }",
    "query on { on: fragment { query mutation } }",
    "{ a(n: -1.5e+3, e: ENUM, f: null, t: true) { b } }",
    "subscription: S".replace("subscription: S", "{ subscription }"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_parser_reads_what_the_reference_reads(text):
    assert tree(operation(text).fields) == reference(parse(text))


NAME = st.from_regex(r"[_A-Za-z][_0-9A-Za-z]{0,4}", fullmatch=True).filter(lambda name: name != "on")
VALUE = st.recursive(
    st.sampled_from(["1", "-2.5", "null", "E", '"}{\\""', '"""{ """', "$v", "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda all_: f"[{', '.join(all_)}]")
        | st.tuples(NAME, inner).map(lambda pair: f"{{{pair[0]}: {pair[1]}}}")
    ),
    max_leaves=4,
)
ARGUMENTS = st.just("") | st.tuples(NAME, VALUE).map(lambda pair: f"({pair[0]}: {pair[1]})")
FIELD = st.tuples(st.just("") | NAME.map("{}: ".format), NAME, ARGUMENTS).map("".join)
SELECTION = st.recursive(
    FIELD,
    lambda inner: st.tuples(FIELD | st.just("...") | st.just("... on T"), st.lists(inner, min_size=1, max_size=3)).map(
        lambda pair: f"{pair[0]} {{ {' '.join(pair[1])} }}"
    ),
    max_leaves=8,
)


@given(st.lists(SELECTION, min_size=1, max_size=3).map(lambda all_: f"query($v: Int) {{ {' '.join(all_)} }}"))
def test_any_query_is_read_as_the_reference_reads_it(text):
    assert tree(operation(text).fields) == reference(parse(text))
