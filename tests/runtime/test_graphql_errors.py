"""Errors inside a 200: waited for, tried again, refused, or left with the one record they name; a partial answer is never taken."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headwater.simulate import Reply
from headwater.simulate.graphql import Vendor, fail, strikes
from headwater.simulate.graphql_budget import Bucket, Window
from headwater_runtime import (
    ConfigError,
    ContractError,
    Errors,
    Flat,
    Keyset,
    Limit,
    Login,
    Offset,
    Relay,
    Retry,
    Rule,
    Sizes,
    SourceError,
    Stream,
    Table,
    Token,
    TransientError,
)
from headwater_runtime.call import Call
from headwater_runtime.clock import FakeClock
from headwater_runtime.graphql.errors import FAILED, judged, mark
from headwater_runtime.graphql.points import Points, Told, told
from headwater_runtime.log import Log, redactor
from headwater_runtime.records import select
from headwater_runtime.state import State
from headwater_runtime.sync import sync
from headwater_runtime.transport import RequestsTransport

from .conftest import Kept
from .graphql_source import INFO, opened, plain, read, reader, sold, whole

ERRORS, ORDERS = Table("errors", key="id"), Table("orders", key="id")


@pytest.fixture
def shop():
    with opened() as open_shop:
        yield open_shop


@pytest.fixture
def client(shop, transport):
    return shop.client(transport)


@pytest.fixture
def transport():
    line = RequestsTransport()
    yield line
    line.close()


def error(message, code="", path=None):
    return {"message": message, **({"extensions": {"code": code}} if code else {}), **({"path": path} if path else {})}


def bare(client, size=2, selected="id number", **options):
    return client.graphql(
        f"query Orders($first: Int, $after: String) {{ orders(first: $first, after: $after) {{ {INFO} nodes {{ {selected} }} }} }}",
        "data.orders.nodes",
        paging=Relay(size=size),
        **options,
    )


class TestBudgets:
    """What queries cost a share of is waited for on the clock, exactly as long as it takes, by all threads together."""

    def test_a_bucket_is_never_asked_for_more_than_it_has(self, shop, client):
        bucket = Bucket(most=100, rate=5)
        shop.sells(sold(20), budget=bucket)  # a page of two orders costs 2 x 1, and 2 of that of `total`
        assert len(read(bare(client, size=20, selected="id total { amount }"))) == 20
        assert shop.clock.slept == []
        assert len(read(bare(client, size=20, selected="id total { amount }"))) == 20
        assert len(read(bare(client, size=20, selected="id total { amount }"))) == 20
        assert bucket.exceeded == 0
        assert sum(shop.clock.slept) == pytest.approx((3 * 40 - 100) / 5)

    def test_the_first_query_may_find_it_empty_and_waits_exactly(self, shop, client):
        bucket = Bucket(most=50, rate=2)
        shop.sells(sold(3), budget=bucket)
        bucket.refused(49, shop.clock.now())
        assert len(read(bare(client, size=3))) == 3  # costs 3, and 1 is left
        assert bucket.exceeded == 1
        assert sum(shop.clock.slept) == pytest.approx(1.0)

    def test_threads_share_it(self, shop, client):
        bucket = Bucket(most=60, rate=10)
        shop.sells(sold(60), budget=bucket)
        sources = [bare(client, size=10) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(read, sources))
        assert [len(one) for one in found] == [60] * 4
        assert bucket.exceeded <= 4  # while nobody knows the cost yet
        shop.server.reset()
        shop.clock.sleep(1_000)
        bucket.exceeded = 0
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(read, sources))
        assert bucket.exceeded == 0

    def test_answers_that_come_in_another_order_do_not_make_it_larger(self):
        points = Points(FakeClock())
        points.leave("q", points.enter("q")[0], Told(100.0, 40.0, rate=10.0, most=100.0))
        (first, _), (second, _) = points.enter("q"), points.enter("q")
        points.leave("q", second, Told(20.0, 40.0, rate=10.0, most=100.0))
        points.leave("q", first, Told(60.0, 40.0, rate=10.0, most=100.0))
        assert points.wait("q") == 2.0

    def test_a_window_that_has_begun_anew_is_whole_whatever_was_told_of_the_one_before(self):
        points = Points(FakeClock())
        points.leave("q", points.enter("q")[0], Told(10.0, 4.0, reset=1.0))
        (first, _), (second, _) = points.enter("q"), points.enter("q")
        points.leave("q", first, Told(2.0, 4.0, reset=1.0))
        points.leave("q", second, Told(5_000.0, 4.0, reset=3_600.0))
        assert points.wait("q") == 0.0

    @pytest.mark.parametrize(
        ("field", "monday"),
        [
            ("rateLimit { cost remaining resetAt limit }", False),
            ("complexity { query after reset_in_x_seconds }", True),
        ],
    )
    def test_a_window_told_in_the_answer_is_waited_for(self, shop, client, field, monday):
        window = Window(most=10, seconds=60, monday=monday)
        fields = {"rateLimit": window.rate_limit, "complexity": window.complexity}
        shop.sells(sold(8), budget=window, roots=fields)
        orders = client.graphql(
            f"query($first: Int, $after: String) {{ {field} orders(first: $first, after: $after) {{ {INFO} nodes {{ id }} }} }}",
            "data.orders.nodes",
            paging=Relay(size=2),
        )
        assert len(read(orders)) == 8  # each query costs 3, so the fourth would be one too many
        assert window.exceeded == 0
        assert 59 <= sum(shop.clock.slept) <= 61

    def test_a_window_told_in_headers_is_a_limit_of_the_client(self, shop, transport):
        window = Window(most=4, seconds=60)
        shop.sells(sold(8), budget=window)
        limit = Limit(1_000, seconds=60, remaining="X-RateLimit-Remaining", reset="X-RateLimit-Reset")
        assert len(read(bare(shop.client(transport, limits=(limit,))))) == 8
        assert window.exceeded == 0
        assert sum(shop.clock.slept) == pytest.approx(60, abs=2)

    def test_a_refusal_that_says_how_long_is_obeyed(self, shop, client):
        shop.sells(sold(8), budget=Window(most=4, seconds=60, monday=True))
        assert len(read(bare(client))) == 8
        assert sum(shop.clock.slept) == pytest.approx(60)

    @pytest.mark.parametrize("status", [200, 400, 403])
    def test_retry_after_is_obeyed_whatever_the_status(self, shop, client, status):
        # GitHub's secondary limits come as a 403 without errors, Linear's as a 400 with them.
        said = {"message": "Wait a little"} if status == 403 else {"errors": [error("no", "RATELIMITED")]}
        shop.sells(sold(3), troubles=[strikes(Reply.json(said, status=status, headers={"Retry-After": "33"}), 2)])
        assert len(read(bare(client))) == 3
        assert shop.clock.slept == [33.0]

    def test_a_limit_told_by_its_message_alone_is_a_limit(self, shop, client):
        said = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
        shop.sells(sold(3), troubles=[strikes(Reply.json(said, status=403), 1, 2)])
        assert len(read(bare(client))) == 3
        assert shop.clock.slept == [1.0, 2.0]
        shop.sells([], troubles=[strikes(Reply.json({"message": "Resource not accessible"}, status=403), 1)])
        with pytest.raises(ConfigError, match="403: Resource not accessible"):
            read(bare(client))

    def test_an_error_that_says_when_to_come_back_is_a_limit_by_any_name(self, shop, client):
        old = {"error_code": "FIELD_LIMIT_EXCEEDED", "error_data": {"retry_in_seconds": 15}, "error_message": "no"}
        new = {"message": "no", "extensions": {"code": "FIELD_LIMIT_EXCEEDED", "error_data": {"retry_in_seconds": 7}}}
        shop.sells(sold(3), troubles=[strikes(Reply.json(old), 1), strikes(new, 2)])
        assert len(read(bare(client))) == 3
        assert shop.clock.slept == [15.0, 7.0]

    def test_what_is_waited_for_a_budget_is_no_part_of_a_request_s_deadline(self, shop, client):
        bucket = Bucket(most=2, rate=0.002)
        shop.sells(sold(4), budget=bucket, troubles=[strikes(error("internal error"), 2)])
        assert len(read(bare(client))) == 4
        assert sum(shop.clock.slept) == pytest.approx(1_000 + 1)
        assert bucket.exceeded == 0

    def test_a_budget_that_never_comes_back_ends_in_a_clear_error(self, shop, transport):
        bucket = Bucket(most=100, rate=0.001)
        shop.sells(sold(30), budget=bucket)
        client = shop.client(transport, retry=Retry(patience=600))
        with pytest.raises(TransientError, match="budget of points is used up for another"):
            read(bare(client, size=2, selected="id total { amount } lines(first: 4) { totalCount }"))

    def test_a_limit_without_a_word_on_how_long_ends_too(self, shop, transport):
        shop.sells([], troubles=[lambda _asked: error("Throttled", "THROTTLED")])
        with pytest.raises(TransientError, match="still answers 200, that it limits us"):
            read(bare(shop.client(transport, retry=Retry(patience=600))))
        assert shop.asked < 50


PASSING = ["INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT", "DOWNSTREAM_SERVICE_ERROR", "GATEWAY_TIMEOUT"]


@pytest.mark.parametrize("code", [*PASSING, ""])
def test_what_may_pass_is_asked_again(shop, client, code):
    said = error("Something went wrong while executing your query.", code)
    shop.sells(sold(6), troubles=[strikes(said, 1, 2, 4)])
    assert len(read(bare(client))) == 6
    assert shop.asked == 3 + 3


def test_what_does_not_pass_ends_in_the_vendor_s_words(shop, client):
    shop.sells(sold(6), troubles=[strikes(error("Query timed out"), *range(2, 99))])
    with pytest.raises(
        TransientError, match=r"answered with an error: Query timed out; gave up after 6 attempts"
    ) as caught:
        read(bare(client))
    assert caught.value.where == "POST /graphql Orders"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("UNAUTHENTICATED", 401),
        ("AUTHENTICATION_ERROR", 401),
        ("FORBIDDEN", 403),
        ("ACCESS_DENIED", 403),
        ("INSUFFICIENT_SCOPES", 403),
    ],
)
def test_a_refused_credential_is_a_matter_of_the_configuration(shop, client, code, status):
    shop.sells([], troubles=[strikes(error("no right to read orders", code), 1)])
    with pytest.raises(ConfigError, match="refused the credential: no right to read orders") as caught:
        read(bare(client))
    assert caught.value.status == status
    assert shop.asked == 1


def test_a_credential_that_ended_is_renewed_once(shop, transport):
    given = iter(["first", "second", "third"])
    shop.login = lambda: next(given)

    def trouble(asked):
        return error("expired", "UNAUTHENTICATED") if asked.request.headers["authorization"] == "first" else None

    shop.sells(sold(3), troubles=[trouble])
    client = shop.client(transport, auth=Login(Call("/login", "POST"), token="token"))
    assert len(read(bare(client))) == 3
    shop.sells(sold(3), troubles=[lambda _asked: error("expired", "UNAUTHENTICATED")])
    with pytest.raises(ConfigError, match="refused the credential: expired"):
        read(bare(client))


def test_an_error_of_another_kind_is_told_in_the_vendor_s_words_without_secrets(shop, transport):
    shop.sells([], troubles=[strikes({**error("Unknown shop sesame-1234\n  in  this region", "SHOP_GONE"), "x": 1}, 1)])
    client = shop.client(transport, log=Log(redactor(["sesame-1234"])))
    with pytest.raises(SourceError) as caught:
        read(bare(client))
    assert "answered with an error: Unknown shop *** in this region" in caught.value.what
    assert "sesame" not in str(caught.value)
    assert shop.asked == 1


def test_a_rule_of_the_connector_comes_first(shop, transport):
    shop.sells([], troubles=[strikes(error("nothing here", "FORBIDDEN"), 1)])
    rule = Rule("end", where={"errors.*.extensions.code": "FORBIDDEN"})
    assert read(bare(shop.client(transport, rules=(rule,)))) == []


def test_a_query_too_costly_is_asked_for_less(shop, client):
    shop.sells(sold(30), dearest=8)
    pages = list(bare(client, size=Sizes(20, 10, 5, 1)).read())
    assert sum(len(page.records) for page in pages) == 30
    assert {len(page.records) for page in pages} == {5}
    with pytest.raises(SourceError, match="refused the query for its size: Query cost is 20, .* limit 8") as caught:
        read(bare(client, size=20))
    assert "Sizes" in caught.value.hint


def test_a_size_that_serves_a_nested_reader_is_kept_from_parent_to_parent(shop, client):
    orders = sold(5, lines=12)
    shop.sells(orders, troubles=[strikes(error("too much", "QUERY_TOO_COMPLEX"), largest=4, size="n")])
    assert plain(read(reader(client, (4, Sizes(50, 20, 4), 4)))) == whole(orders)
    # Two pages of orders; three of lines for each order behind the two that came with it; on each page two steps down.
    assert shop.asked == 2 + 5 * 3 + 2 * 2


def test_a_query_that_costs_more_than_the_whole_budget_is_asked_for_less(shop, client):
    bucket = Bucket(most=12, rate=4)
    shop.sells(sold(30), budget=bucket)
    assert len(read(bare(client, size=Sizes(20, 10, 5, 1)))) == 30
    assert bucket.exceeded == 1


def test_a_query_that_times_out_is_asked_for_less(shop, client):
    shop.sells(sold(12), troubles=[strikes(error("timeout", "TIMEOUT"), largest=4)])
    assert len(read(bare(client, size=Sizes(10, 4)))) == 12


def spoiled(orders, index, **fields):
    """These orders with a field of one of them that cannot be given."""
    return [{**one, **fields} if at == index else one for at, one in enumerate(orders)]


BROKEN = fail("The price service has no such order", code="NOT_FOUND")


def run(client, source, errors):
    emit = Kept()
    stream = Stream(source, {ORDERS: Flat(leave_out=("lines",))}, errors=errors)
    sync([stream], State({}), emit, client)
    return emit


class TestOneRecord:
    """A record that an error names goes to the errors table alone, if the stream has one; else the sync says so."""

    # `total` is nullable, so the record stays with a null in it; `number` is not, so the whole record becomes null.
    @pytest.mark.parametrize("field", ["total", "number"])
    @pytest.mark.parametrize("by", ["nodes", "edges"])
    def test_it_alone_goes_to_errors(self, shop, client, field, by):
        shop.sells(spoiled(sold(7, lines=3), 4, **{field: BROKEN}))
        emit = run(client, reader(client, (3, 2, 2), by=by), Errors(ERRORS))
        assert [row["id"] for row in emit.rows("orders")] == ["o0", "o1", "o2", "o3", "o5", "o6"]
        (failure,) = emit.rows("errors")
        assert failure["message"] == "the record failed at the source: The price service has no such order"
        inside = "nodes.1" if by == "nodes" else "edges.1.node"
        assert failure["payload"] == f"orders.{inside}.{field}"
        assert failure["url"] == "POST /graphql Orders"
        assert failure["status"] == 200

    @pytest.mark.parametrize("field", ["total", "number"])
    def test_without_an_errors_table_nothing_of_the_page_is_taken(self, shop, client, field):
        shop.sells(spoiled(sold(4), 2, **{field: BROKEN}))
        pages = reader(client, (2, 2, 2)).read()
        assert len(next(pages).records) == 2
        with pytest.raises(
            SourceError, match=rf"at orders.nodes.0.{field}: The price service has no such order"
        ) as caught:
            next(pages)
        assert "errors=" in caught.value.hint

    def test_what_fails_within_it_takes_it_along(self, shop, client):
        orders = sold(4, lines=3, taxes=1)
        orders[1]["lines"][1]["price"] = BROKEN  # comes with the order, and is not nullable
        orders[2]["lines"][2]["sku"] = BROKEN  # comes with a page of lines of its own
        orders[3]["lines"][0]["taxes"] = BROKEN  # a whole connection
        shop.sells(orders)
        emit = run(client, reader(client, (10, 2, 2)), Errors(ERRORS))
        assert [row["id"] for row in emit.rows("orders")] == ["o0"]
        assert sorted(row["payload"] for row in emit.rows("errors")) == [
            "order.lines.nodes.0.sku",
            "orders.nodes.1.lines.nodes.1.price",
            "orders.nodes.3.lines.nodes.0.taxes",
        ]

    def test_a_connection_that_cannot_be_read_on_fails_its_record(self, shop, client):
        shop.sells(sold(4, lines=4), roots={})
        vendor = shop.vendor
        by_id = vendor.roots["order"]

        def order(info, **which):
            return {**by_id(info, **which), **({"lines": BROKEN} if which == {"id": "o2"} else {})}

        vendor.roots = {**vendor.roots, "order": order}
        emit = run(client, reader(client, (10, 2, 2)), Errors(ERRORS))
        assert [row["id"] for row in emit.rows("orders")] == ["o0", "o1", "o3"]
        (failure,) = emit.rows("errors")
        assert failure["message"] == "the source answered with an error: The price service has no such order"
        with pytest.raises(SourceError, match="answered with an error: The price service"):
            read(reader(client, (10, 2, 2)))

    def test_pages_of_nothing_but_failures_are_no_page_that_comes_again(self, shop, client):
        shop.sells([{**one, "number": BROKEN} if one["number"] in {1, 2, 3} else one for one in sold(5)])
        emit = run(client, reader(client, (1, 2, 2)), Errors(ERRORS))
        assert [row["id"] for row in emit.rows("orders")] == ["o0", "o4"]
        assert len(emit.rows("errors")) == 3

    def test_a_failure_that_may_pass_is_tried_again_first(self, shop, client):
        tries = []

        def total(_info):
            tries.append(1)
            if len(tries) < 3:
                fail("busy", code="INTERNAL_SERVER_ERROR")(None)
            return {"amount": 9.0, "currency": "EUR"}

        shop.sells(spoiled(sold(3), 1, total=total))
        emit = run(client, reader(client), Errors(ERRORS))
        assert [row["total_amount"] for row in emit.rows("orders")] == [1.5, 9.0, 1.5]
        assert emit.rows("errors") == []
        shop.sells(spoiled(sold(3), 1, total=fail("busy", code="INTERNAL_SERVER_ERROR")))
        again = run(client, reader(client), Errors(ERRORS))
        assert len(again.rows("orders")) == 2
        assert len(again.rows("errors")) == 1

    def test_a_null_that_took_the_whole_list_along_is_no_empty_list(self, shop, client):
        shop.sells(spoiled(sold(4), 2, number=BROKEN))
        strict = client.graphql(
            f"query($first: Int, $after: String) {{ strictOrders(first: $first, after: $after) {{ {INFO} nodes {{ id number }} }} }}",
            "data.strictOrders.nodes",
            paging=Relay(size=2),
        )
        pages = strict.read(skip=True)
        assert len(next(pages).records) == 2
        with pytest.raises(SourceError, match="answered with an error: The price service has no such order"):
            next(pages)

    def test_such_a_list_is_asked_for_record_by_record_where_that_is_possible(self, shop, client):
        people = [{"id": f"c{n}", "name": BROKEN if n == 3 else "x", "country": None} for n in range(8)]

        def strict(_info, offset, limit):
            return {"items": people[offset : offset + limit], "total": len(people)}

        sdl = (
            "type P { id: ID!, name: String! } type Ps { items: [P!]!, total: Int! }"
            " type Query { people(offset: Int!, limit: Int!): Ps }"
        )
        shop.vendor = Vendor(sdl, {"people": strict})
        source = client.graphql(
            "query($o: Int!, $n: Int!) { people(offset: $o, limit: $n) { total items { id name } } }",
            "data.people.items",
            paging=Offset("o", size_param="n", size=Sizes(4, 1), total="data.people.total"),
        )
        emit = run(client, source, Errors(ERRORS))
        assert [row["id"] for row in emit.rows("orders")] == [f"c{n}" for n in range(8) if n != 3]
        assert [row["message"] for row in emit.rows("errors")] == [
            "the source answered with an error: The price service has no such order"
        ]

    def test_a_page_whose_last_record_failed_still_leads_on_by_key(self, shop, client):
        def above(_info, above=-1, first=50):
            return [{"number": n, "text": BROKEN if n == 2 else "x"} for n in range(7) if n > above][:first]

        shop.vendor = Vendor(
            "type N { number: Int!, text: String } type Query { all(above: Int, first: Int): [N!]! }", {"all": above}
        )
        source = client.graphql(
            "query($above: Int, $first: Int) { all(above: $above, first: $first) { number text } }",
            "data.all",
            paging=Keyset("number", param="above", size_param="first", size=3),
        )
        emit = Kept()
        stream = Stream(source, {Table("numbers", key="number"): Flat()}, errors=Errors(ERRORS))
        sync([stream], State({}), emit, client)
        assert [row["number"] for row in emit.rows("numbers")] == [0, 1, 3, 4, 5, 6]
        assert [row["payload"] for row in emit.rows("errors")] == ["all.2.text"]

    def test_errors_that_name_no_record_spare_none(self, shop, client):
        shop.sells(sold(2), roots={"customers": BROKEN})
        both = client.graphql(
            f"query($after: String) {{ orders(after: $after) {{ {INFO} nodes {{ id }} }} customers {{ total }} }}",
            "data.orders.nodes",
            paging=Relay(),
        )
        with pytest.raises(SourceError, match="answered with an error: The price service"):
            list(both.read(skip=True))


def test_errors_in_a_shape_of_their_own_are_errors_too(shop, client):
    old = {"error_code": "UserUnauthorizedException", "error_message": "no such user", "status_code": 403}
    for said, kind in (
        (old, ConfigError),
        ({"errors": ["plain text"]}, SourceError),
        ({"errors": "plain text", "data": {"orders": {"nodes": []}}}, SourceError),
        ({"errors": {"message": "one alone"}, "data": {"orders": {"nodes": []}}}, SourceError),
        ({"errors": True, "data": {"orders": {"nodes": []}}}, SourceError),
        ({"errors": [{"message": None}], "data": None}, SourceError),
        ({"errors": [{"path": ["orders", "nodes", 99]}], "data": {"orders": {"nodes": []}}}, SourceError),
        ({"errors": [{"path": [True, {}, None]}], "data": {"orders": {"nodes": []}}}, SourceError),
        ({"errors": [{"message": "x", "path": "orders"}], "data": {"orders": None}}, SourceError),
    ):
        shop.sells([], troubles=[strikes(Reply.json(said), 1)])
        with pytest.raises(kind):
            read(bare(client))


PASSED_OVER = [
    error("Throttled", "THROTTLED"),
    error("x", "INTERNAL_SERVER_ERROR"),
    error("x", "TIMEOUT"),
    error("in time"),
]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(1, 25), st.sampled_from(PASSED_OVER), max_size=5))
def test_errors_that_pass_leave_no_trace_wherever_they_strike(shop, client, struck):
    orders = sold(6, lines=4, taxes=3)
    shop.sells(orders, troubles=[strikes(said, number) for number, said in struck.items()])
    assert plain(read(reader(client, (2, 2, 2)))) == whole(orders)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
STEP = st.sampled_from(["orders", "nodes", "edges", "node", "id", 0, 1, 7, -1, True, None]) | JSON
NODE = st.none() | st.just({"id": 1})
NODES = st.none() | st.lists(NODE, max_size=2) | JSON
EDGES = st.none() | st.lists(st.none() | st.fixed_dictionaries({"node": NODE}), max_size=2) | JSON
DATA = (
    st.none()
    | JSON
    | st.fixed_dictionaries({"orders": st.none() | st.fixed_dictionaries({"nodes": NODES, "edges": EDGES})})
)
ODD = JSON | st.dictionaries(
    st.sampled_from(["message", "path", "extensions", "type"]), JSON | st.lists(STEP, max_size=5), max_size=4
)

# Errors that name a record, most of them one that is there.
PLACE = st.tuples(st.sampled_from(["nodes", "edges"]), st.integers(0, 2))
BELOW = st.sampled_from([[], ["id"], ["node"], ["node", "id"]])
NAMING = st.builds(lambda place, below: {"message": "x", "path": ["orders", *place, *below]}, PLACE, BELOW)
PAGE = st.fixed_dictionaries(
    {"nodes": st.lists(NODE, max_size=3), "edges": st.lists(st.builds(dict, node=NODE), max_size=3)}
)
ANSWERS = st.fixed_dictionaries({"errors": JSON | st.lists(ODD, max_size=3), "data": DATA}) | st.fixed_dictionaries(
    {"errors": st.lists(NAMING, min_size=1, max_size=2), "data": st.builds(dict, orders=PAGE)}
)
FIGURE = st.integers(-9, 9_999) | st.floats() | JSON


@given(ANSWERS, st.sampled_from(["nodes", "edges.*.node"]))
def test_no_answer_however_odd_breaks_the_judging_of_its_errors(body, tail):
    records = f"data.orders.{tail}"
    verdict = judged(body, records, str)
    mark(body, records)
    if verdict is not None and verdict.kind == "partial":
        with contextlib.suppress(ContractError):  # the other records may be no records
            assert any(FAILED in one for one in select(body, records, ""))


@given(FIGURE, FIGURE, FIGURE, FIGURE)
@example(0, 10, 5e-324, None)
def test_no_budget_however_odd_is_waited_for_without_end(left, cost, rate, most):
    status = {"currentlyAvailable": left, "restoreRate": rate, "maximumAvailable": most}
    body = {"extensions": {"cost": {"requestedQueryCost": cost, "throttleStatus": status}}}
    points = Points(FakeClock())
    points.leave("q", points.enter("q")[0], told(body, FakeClock()))
    assert 0 <= points.wait("q") <= 1e12


def test_no_errors_and_empty_errors_are_no_errors(shop, client):
    page = {"orders": {"nodes": [{"id": "a", "number": 1}], "pageInfo": {"hasNextPage": False, "endCursor": "x"}}}
    for errors in ([], None):
        shop.sells([], troubles=[strikes(Reply.json({"data": page, "errors": errors}), 1)])
        assert read(bare(client)) == page["orders"]["nodes"]


def test_a_body_that_is_no_json_is_asked_for_again(shop, client):
    shop.sells(sold(3), troubles=[strikes(Reply(200, b"<html>"), 1), strikes(Reply(200, b""), 2)])
    assert len(read(bare(client))) == 3


def test_nested_levels_wait_and_try_again_as_the_first_does(shop, client):
    bucket = Bucket(most=60, rate=7)
    orders = sold(5, lines=5, taxes=5)
    shop.sells(orders, budget=bucket, troubles=[strikes(error("internal error"), 3, 5, 8)])
    assert plain(read(reader(client, (2, 2, 2)))) == whole(orders)
    assert bucket.exceeded <= 3  # once a query whose cost is not known yet


def test_a_sync_that_fails_keeps_what_was_read_before(shop, client):
    shop.sells(sold(6), troubles=[strikes(error("Shop closed", "SHOP_CLOSED"), 3)])
    emit = Kept()
    stream = Stream(bare(client), {ORDERS: dict}, Token())
    with pytest.raises(SourceError, match="Shop closed"):
        sync([stream], State({}), emit, client)
    again = Kept()
    sync([stream], State(json.loads(json.dumps(emit.states[-1]))), again, client)
    assert [row["id"] for row in emit.rows("orders") + again.rows("orders")] == [f"o{n}" for n in range(6)]
