"""GraphQL sources over a real executor: what is read equals what is there, at every page size, nesting and way of paging."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.simulate import Reply
from headwater.simulate.graphql import Vendor, offset, relay, strikes
from headwater_runtime import (
    ContractError,
    Each,
    End,
    Flat,
    Keyset,
    Offset,
    PageNumber,
    Part,
    Relay,
    Single,
    Slice,
    SourceError,
    Start,
    Stream,
    Table,
    Token,
    Windows,
)
from headwater_runtime.state import State
from headwater_runtime.sync import sync
from headwater_runtime.transport import RequestsTransport

from .conftest import Kept
from .graphql_source import GET, INFO, POST, opened, plain, read, reader, sold, whole


@pytest.fixture(scope="module")
def shop():
    with opened() as open_shop:
        yield open_shop


@pytest.fixture(scope="module")
def client(shop):
    transport = RequestsTransport()
    yield shop.client(transport)
    transport.close()


MONEY = st.fixed_dictionaries(
    {"amount": st.floats(allow_nan=False, allow_infinity=False), "currency": st.none() | st.text(max_size=3)}
)
TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
TAX = st.fixed_dictionaries({"name": TEXT, "rate": st.none() | st.floats(0, 1)})
LINE = st.fixed_dictionaries(
    {
        "sku": TEXT,
        "quantity": st.none() | st.integers(-(2**31), 2**31 - 1),
        "price": MONEY,
        "taxes": st.lists(TAX, max_size=5),
    }
)
ORDER = st.fixed_dictionaries(
    {"number": st.integers(0, 2**31 - 1), "total": st.none() | MONEY, "lines": st.lists(LINE, max_size=5)}
)


def numbered(records, before):
    """Give every record an id of its own, at every level."""
    return [
        {
            "id": f"{before}{n}",
            **{k: numbered(v, f"{before}{n}.") if isinstance(v, list) else v for k, v in one.items()},
        }
        for n, one in enumerate(records)
    ]


SIZE = st.integers(1, 6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    orders=st.lists(ORDER, max_size=8).map(lambda found: numbered(found, "o")),
    sizes=st.tuples(SIZE, SIZE, SIZE),
    how=st.fixed_dictionaries(
        {
            "embedded": SIZE,
            "by": st.sampled_from(["nodes", "edges"]),
            "backward": st.booleans(),
            "call": st.sampled_from([POST, GET]),
        }
    ),
)
def test_what_is_read_is_what_is_there(shop, client, orders, sizes, how):
    shop.sells(orders)
    found = read(reader(client, sizes, **how))
    assert plain(found) == whole(orders)
    numbers = [one["id"] for one in found]
    ids = [one["id"] for one in orders]
    assert numbers == (ids[::-1] if how["backward"] else ids)


@pytest.mark.parametrize("how", [{"call": GET}, {"by": "edges"}, {"backward": True}])
def test_each_way_alone(shop, client, how):
    orders = sold(5, lines=5, taxes=5)
    shop.sells(orders)
    found = read(reader(client, (2, 2, 2), **how))
    assert plain(found) == whole(orders)
    assert [one["number"] for one in found] == ([4, 3, 2, 1, 0] if "backward" in how else [0, 1, 2, 3, 4])


def test_a_page_is_asked_for_once_and_nothing_nested_more_than_it_must(shop, client):
    shop.sells(sold(4, lines=4, taxes=1))
    shop.server.reset()
    source = reader(client, (2, 2, 2))
    pages = list(source.read())
    assert [len(page.records) for page in pages] == [2, 2]
    assert shop.asked == 2 + 4  # a page of lines more for each order, no page of taxes
    assert all(page.size > own.size + 100 for page, own in zip(pages, source.pages.read(), strict=True))
    assert all("pageInfo" not in one["lines"] for page in pages for one in page.records)


def test_reading_goes_on_behind_a_page_and_behind_the_last_one(shop, client):
    orders = sold(7, lines=3)
    shop.sells(orders[:5])
    pages = list(reader(client, (3, 3, 3)).read())
    assert [one["id"] for one in read(reader(client), start=pages[0].position)] == ["o3", "o4"]
    (nothing,) = reader(client).read(start=pages[-1].position)
    assert (nothing.records, nothing.position) == ([], pages[-1].position)
    shop.sells(orders)
    assert [one["id"] for one in read(reader(client), start=pages[-1].position)] == ["o5", "o6"]


ORDER_TABLE, LINE_TABLE = Table("orders", key="id"), Table("order_lines", key="id")


def run(client, streams, state=None):
    emit = Kept()
    sync(streams, State(state or {}), emit, client)
    return emit


def test_the_same_reader_serves_within_a_record_and_once_a_parent(shop, client):
    shop.sells(sold(5, lines=7, taxes=3))
    whole_orders = reader(client, (2, 2, 2))
    within = run(client, [Stream(whole_orders, {LINE_TABLE: Each("lines", {"order_id": "id"})})])

    lines = whole_orders.nested["lines.nodes"]
    bare = client.graphql(
        f"query($after: String) {{ orders(first: 2, after: $after) {{ nodes {{ id number }} {INFO} }} }}",
        "data.orders.nodes",
        paging=Relay(),
    )
    parents = Stream(bare, {ORDER_TABLE: Flat()})
    child = Stream(lines, {LINE_TABLE: Flat()}, per=parents, carry={"order_id": "id"}, parallel=3)
    apart = run(client, [parents, child])

    def rows(emit):
        return sorted(emit.rows("order_lines"), key=lambda row: row["id"])

    assert rows(within) == rows(apart)
    assert len(rows(apart)) == 35
    assert all(len(row["taxes"]) == 3 for row in rows(apart))


def test_a_token_cursor_reads_on_from_the_last_cursor(shop, client):
    orders = sold(9, lines=1)
    shop.sells(orders[:6])
    stream = Stream(reader(client, (4, 2, 2)), {ORDER_TABLE: Flat(leave_out=("lines",))}, Token())
    first = run(client, [stream])
    shop.sells(orders)
    second = run(client, [stream], first.states[-1])
    assert [row["id"] for row in first.rows("orders") + second.rows("orders")] == [f"o{n}" for n in range(9)]


NOTES = "notes(offset: $offset, limit: $limit) { total items { text } }"


@pytest.mark.parametrize(
    ("given", "paging"),
    [
        ("$offset: Int, $limit: Int", Offset("offset", size_param="limit", size=3, total="data.order.notes.total")),
        ("$offset: Int, $limit: Int", Offset("offset", size_param="limit", size=3)),
        ("$offset: Int, $limit: Int", Offset("offset", size_param="limit", size=3, ends_short=True)),
        ("$page: Int, $limit: Int", PageNumber("page", size_param="limit", size=3)),
        ("$page: Int, $limit: Int", PageNumber("page", size_param="limit", size=3, ends_short=True)),
    ],
)
def test_nested_lists_without_cursors_are_paged_by_number(shop, client, given, paging):
    counts = [0, 1, 2, 3, 5, 6, 7]
    shop.sells([{**one, "notes": [{"text": str(n)} for n in range(counts[at])]} for at, one in enumerate(sold(7))])
    handed = "page: $page, perPage: $limit" if "page" in given else "offset: $offset, limit: $limit"
    notes = client.graphql(
        f"query($id: ID!, {given}) {{ order(id: $id) {{ notes({handed}) {{ total items {{ text }} }} }} }}",
        "data.order.notes.items",
        paging=paging,
        variables={"id": Part("id")},
    )
    orders = client.graphql(
        f"query($after: String) {{ orders(after: $after) {{ {INFO} nodes {{ id notes(limit: 2) {{ total items {{ text }} }} }} }} }}",
        "data.orders.nodes",
        paging=Relay(),
        nested={"notes.items": notes},
    )
    found = [[note["text"] for note in one["notes"]["items"]] for one in read(orders)]
    assert found == [[str(n) for n in range(count)] for count in counts]


@pytest.mark.parametrize("parallel", [1, 3])
def test_pages_by_offset_are_read_ahead(shop, client, parallel):
    people = [{"id": f"c{n}", "name": None, "country": "FI"} for n in range(25)]
    shop.sells([], roots={"customers": offset(people)})
    customers = client.graphql(
        "query($offset: Int!, $limit: Int!) { customers(offset: $offset, limit: $limit) { total items { id name country } } }",
        "data.customers.items",
        paging=Offset("offset", size_param="limit", size=4, total="data.customers.total"),
    )
    assert read(customers, parallel=parallel) == people
    assert customers.foresees
    assert customers.largest == 4


def test_a_key_leads_from_page_to_page(shop, client):
    def above(_info, above=-1, first=50):
        return [{"number": n} for n in range(7) if n > above][:first]

    shop.vendor = Vendor("type N { number: Int! } type Query { all(above: Int, first: Int): [N!]! }", {"all": above})
    numbers = client.graphql(
        "query($above: Int, $first: Int) { all(above: $above, first: $first) { number } }",
        "data.all",
        paging=Keyset("number", param="above", size_param="first", size=3),
    )
    assert [one["number"] for one in read(numbers)] == list(range(7))
    assert numbers.shape == "Keyset /graphql data.all by number"
    Stream(numbers, {ORDER_TABLE: dict}, Token())


def test_variables_take_bounds_and_are_left_out_without_one(shop, client):
    day = "query($from: String, $to: String, $n: Int) { days(from: $from, to: $to, n: $n) { id } }"
    seen = []

    def days(_info, **given):
        seen.append(given)
        return [{"id": 1}]

    shop.vendor = Vendor(
        "type Day { id: Int } type Query { days(from: String, to: String, n: Int): [Day] }", {"days": days}
    )
    variables = {"from": Start("%Y-%m-%d"), "to": End("%Y-%m-%d"), "n": 5}
    for call in (POST, GET):
        source = client.graphql(day, "data.days", variables=variables, call=call)
        Stream(
            source,
            {Table("days", key="id"): dict},
            Windows("2025-01-01", step=timedelta(days=1)),
        )
        moment = datetime(2025, 1, 2, tzinfo=timezone.utc)
        assert read(source, start=Slice(start=moment, end=moment)) == [{"id": 1}]
        assert read(source) == [{"id": 1}]
    assert seen == [{"from": "2025-01-02", "to": "2025-01-02", "n": 5}, {"n": 5}] * 2


def test_what_a_nested_record_is_in_can_be_sent_too(shop, client):
    asked = []

    def issue(_info, repo, number, **given):
        asked.append((repo, number))
        return {"comments": relay([{"id": f"{repo}{number}-{n}"} for n in range(5)])}

    sdl = """
    type PageInfo { hasNextPage: Boolean!, endCursor: String }
    type Comment { id: ID! } type Comments { nodes: [Comment], pageInfo: PageInfo! }
    type Issue { number: Int!, comments(first: Int, after: String): Comments }
    type Repo { name: String, labels: [Label], issues: [Issue] } type Label { id: Int }
    type Query { repos: [Repo], issue(repo: String!, number: Int!): Issue }
    """
    issues = [{"number": n, "comments": relay([{"id": f"a{n}-{m}"} for m in range(5)])} for n in range(2)]
    shop.vendor = Vendor(
        sdl, {"repos": [{"name": "a", "issues": issues}, {"name": "b", "issues": None}], "issue": issue}
    )
    info = "pageInfo { hasNextPage endCursor }"
    comments = client.graphql(
        f"query($r: String!, $i: Int!, $after: String) {{ issue(repo: $r, number: $i) {{ comments(first: 2, after: $after) {{ nodes {{ id }} {info} }} }} }}",
        "data.issue.comments.nodes",
        paging=Relay(),
        variables={"r": Part("^.name"), "i": Part("number")},
    )
    repos = client.graphql(
        f"{{ repos {{ name issues {{ number comments(first: 2) {{ nodes {{ id }} {info} }} }} }} }}",
        "data.repos",
        nested={"issues.*.comments.nodes": comments},
    )
    first, second = read(repos)
    assert [[one["id"] for one in issue["comments"]["nodes"]] for issue in first["issues"]] == [
        [f"a{n}-{m}" for m in range(5)] for n in range(2)
    ]
    assert second == {"name": "b", "issues": None}
    assert set(asked) == {("a", 0), ("a", 1)}


class TestGuards:
    """A paging that cannot end is stopped at every level."""

    def stuck(self, level):
        def again(_info, **_given):
            page = relay(sold(1)[0]["lines"] or [{"id": "x"}])(None)
            return {
                **page,
                "nodes": [{"id": "x", "name": "n", "rate": 1.0}],
                "pageInfo": {**page["pageInfo"], "hasNextPage": True, "endCursor": "same"},
            }

        orders = sold(1, lines=1, taxes=1)
        if level == "taxes":
            orders[0]["lines"][0]["taxes"] = again
        else:
            orders[0]["lines"] = lambda info, **given: {
                "nodes": [
                    {
                        **sold(1, lines=1)[0]["lines"][0],
                        "taxes": relay([]),
                    }
                ],
                "pageInfo": {"hasNextPage": True, "hasPreviousPage": False, "startCursor": "same", "endCursor": "same"},
            }
        return orders

    @pytest.mark.parametrize("level", ["lines", "taxes"])
    def test_a_cursor_that_comes_twice(self, shop, client, level):
        shop.sells(self.stuck(level))
        with pytest.raises(ContractError, match="the same next position twice|two pages in a row"):
            read(reader(client))

    def test_no_word_on_whether_there_is_more(self, shop, client):
        said = {"data": {"orders": {"nodes": [], "pageInfo": {"hasNextPage": None, "endCursor": "x"}}}}
        shop.sells([], troubles=[strikes(Reply.json(said), 1)])
        with pytest.raises(ContractError, match="no 'data.orders.pageInfo.hasNextPage'"):
            read(reader(client))

    @pytest.mark.parametrize("by", ["nodes", "edges"])
    def test_a_null_in_place_of_a_nested_page_does_not_end_it(self, shop, client, by):
        # Some servers write an empty list as null.
        def lines(_info, **given):
            where = given.get("after")
            info = {"hasNextPage": where != "end", "hasPreviousPage": False, "startCursor": "", "endCursor": "end"}
            late = {"id": "late", "price": {"amount": 1.0}, "taxes": {"nodes": None, "edges": None, "pageInfo": ended}}
            shown = None if where is None else [late] if by == "nodes" else [{"node": late, "cursor": "end"}]
            return {"nodes": None, "edges": None, by: shown, "pageInfo": info}

        ended = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
        shop.sells([{**sold(1)[0], "lines": lines}])
        (order,) = read(reader(client, by=by))
        (line,) = Each("lines", flat=Flat(leave_out=("taxes", "price")))(order)
        assert line == {"id": "late", "sku": None, "quantity": None}
        assert Each("lines.taxes")(order) == []

    def test_more_without_a_cursor(self, shop, client):
        nothing = {"hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
        shop.sells([], roots={"orders": lambda _info, **_given: {"nodes": [], "pageInfo": nothing}})
        with pytest.raises(ContractError, match="'data.orders.pageInfo.hasNextPage' but gives no 'endCursor'"):
            read(reader(client))


def test_the_first_page_of_a_connection_can_be_all_that_is_wanted(shop, client):
    shop.sells(sold(2, lines=5))
    orders = client.graphql(
        f"query($after: String) {{ orders(after: $after) {{ {INFO} nodes {{ id lines(first: 3) {{ nodes {{ id }} }} }} }} }}",
        "data.orders.nodes",
        paging=Relay(),
        nested={"lines.nodes": None},
    )
    assert [len(one["lines"]["nodes"]) for one in read(orders)] == [3, 3]


def test_aliases_fragments_and_directives_are_understood(shop, client):
    shop.sells(sold(5))
    query = """
    # a comment with { braces } and "quotes"
    query Named($first: Int = 2, $with: Boolean! = true, $after: String) {
      all: orders(first: $first, after: $after) { ...Page }
    }
    fragment Page on Orders { records: nodes { ... on Order { key: id } ...More @include(if: $with) } pageInfo { ...Info } }
    fragment More on Order { number @skip(if: false) }
    fragment Info on PageInfo { hasNextPage, endCursor }
    """
    found = client.graphql(query, "data.all.records", paging=Relay(), variables={"with": True})
    assert [one["key"] for one in read(found)] == [f"o{n}" for n in range(5)]
    assert found.where == "POST /graphql Named"
    assert found.shape == "NextToken /graphql data.all.records"


def test_a_renamed_field_is_an_error_of_the_source_and_not_nothing(shop, client):
    shop.sells(sold(2))
    gone = client.graphql("{ orders { nodes { id colour } } }", "data.orders.nodes", paging=Single())
    with pytest.raises(SourceError, match="400: Cannot query field 'colour'"):
        read(gone)


def test_a_null_without_an_error_is_not_an_empty_list(shop, client):
    shop.sells([], roots={"orders": None})
    with pytest.raises(ContractError, match="the records field 'data.orders.nodes' is not in the response"):
        read(reader(client))
