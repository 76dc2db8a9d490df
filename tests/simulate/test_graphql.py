"""The GraphQL vendor: its answers are graphql-core's, its connections and budgets those of the vendors it stands for."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from graphql import parse

from headwater.simulate import Conditions, Fault, FaultPlan, Request, serve
from headwater.simulate.graphql import Vendor, fail, offset, relay, strikes
from headwater.simulate.graphql_budget import Bucket, Window, cost_of
from headwater_runtime.clock import FakeClock

from .graphql_shop import SDL, SIMULATOR, roots

NOW = datetime(2025, 1, 1, tzinfo=timezone.utc)
INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


def ask(vendor, query, *, at=NOW, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    reply = vendor.handler(Request("POST", "/graphql", body=body, at=at))
    return reply.status, json.loads(reply.body)


def money(number):
    return {"amount": float(number), "currency": "EUR"}


ORDERS = [{"id": f"o{n}", "number": n, "total": money(n), "lines": []} for n in range(7)]


@pytest.fixture
def vendor():
    return Vendor(SDL, roots(ORDERS))


def walk(vendor, *, forward=True, size=3):
    found, cursor = [], None
    handed = "first: $n, after: $c" if forward else "last: $n, before: $c"
    query = f"query($n: Int, $c: String) {{ orders({handed}) {{ {INFO} nodes {{ number }} totalCount edges {{ cursor node {{ number }} }} }} }}"
    while True:
        status, answer = ask(vendor, query, n=size, c=cursor)
        assert status == 200
        page = answer["data"]["orders"]
        assert page["totalCount"] == 7
        assert [edge["node"] for edge in page["edges"]] == page["nodes"]
        found.append([one["number"] for one in page["nodes"]])
        info = page["pageInfo"]
        if not info["hasNextPage" if forward else "hasPreviousPage"]:
            return found
        cursor = info["endCursor" if forward else "startCursor"]


def test_a_connection_is_walked_forward_and_backward(vendor):
    assert walk(vendor) == [[0, 1, 2], [3, 4, 5], [6]]
    assert walk(vendor, forward=False) == [[4, 5, 6], [1, 2, 3], [0]]
    assert walk(vendor, size=7) == walk(vendor, size=100) == [list(range(7))]


def test_an_empty_page_in_the_middle_says_that_there_is_more():
    assert walk(Vendor(SDL, roots(ORDERS, empty_at=4))) == [[0, 1, 2], [], [3, 4, 5], [6]]


def test_pages_by_offset_and_by_number():
    vendor = Vendor(SDL, {"customers": offset([{"id": f"c{n}"} for n in range(5)])})
    query = "query($o: Int, $p: Int) { customers(offset: $o, page: $p, limit: 2) { total hasMore items { id } } }"
    assert ask(vendor, query, o=4)[1]["data"]["customers"] == {"total": 5, "hasMore": False, "items": [{"id": "c4"}]}
    assert ask(vendor, query, p=2)[1]["data"]["customers"]["items"] == [{"id": "c2"}, {"id": "c3"}]


def test_what_is_not_valid_is_a_400_with_the_executor_s_words(vendor):
    assert ask(vendor, "{ orders { colour } }")[0] == 400
    assert "Cannot query field 'colour'" in ask(vendor, "{ orders { colour } }")[1]["errors"][0]["message"]
    assert ask(vendor, "{ orders {")[0] == 400
    assert vendor.handler(Request("POST", "/graphql", body=b"no")).status == 400
    assert "cursor" in ask(vendor, '{ orders(after: "x") { totalCount } }')[1]["errors"][0]["message"]


def test_a_field_that_fails_has_a_path_and_its_null_moves_up(vendor):
    broken = [*ORDERS[:2], {**ORDERS[2], "number": fail("no number", code="GONE")}]
    _, answer = ask(Vendor(SDL, roots(broken)), "{ orders { nodes { id number } } }")
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]) == (["orders", "nodes", 2, "number"], {"code": "GONE"})
    assert answer["data"]["orders"]["nodes"][1:] == [{"id": "o1", "number": 1}, None]


def test_troubles_strike_by_number_and_by_size():
    said = {"message": "no"}
    vendor = Vendor(SDL, roots(ORDERS), troubles=[strikes(said, 2, largest=4)])
    query = "query($first: Int) { orders(first: $first) { totalCount } }"
    struck = ["errors" in ask(vendor, query, first=size)[1] for size in (1, 1, 4, 5)]
    assert struck == [False, True, False, True]
    vendor.forget()
    assert "errors" not in ask(vendor, query, first=1)[1]


def test_a_query_costs_a_point_for_each_object_it_can_give():
    text = "query($n: Int) { orders(first: $n) { nodes { id total { amount } ...F } } } fragment F on Order { lines(first: 2) { nodes { id } } }"
    assert cost_of(parse(text), {"n": 10}) == 10 * (1 + 1 + 2)
    assert cost_of(parse("{ order(id: 1) { id } }"), {}) == 1


def test_a_bucket_fills_again_by_the_clock():
    bucket = Bucket(most=10, rate=2)
    vendor = Vendor(SDL, roots(ORDERS), bucket)
    query = "{ orders(first: 7) { nodes { id } } }"
    status, answer = ask(vendor, query)
    assert answer["extensions"]["cost"]["requestedQueryCost"] == 7
    assert answer["extensions"]["cost"]["throttleStatus"] == {
        "maximumAvailable": 10,
        "currentlyAvailable": 3,
        "restoreRate": 2,
    }
    assert ask(vendor, query)[1]["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert "errors" in ask(vendor, query, at=NOW + timedelta(seconds=1.9))[1]
    assert "errors" not in ask(vendor, query, at=NOW + timedelta(seconds=2))[1]
    assert (status, bucket.exceeded) == (200, 2)


@pytest.mark.parametrize(("monday", "code"), [(False, "RATE_LIMITED"), (True, "COMPLEXITY_BUDGET_EXHAUSTED")])
def test_a_window_is_whole_again_at_its_end(monday, code):
    window = Window(most=10, seconds=60, monday=monday)
    fields = {"rateLimit": window.rate_limit, "complexity": window.complexity}
    vendor = Vendor(SDL, roots(ORDERS) | fields, window)
    query = "{ orders(first: 7) { nodes { id } } rateLimit { cost remaining resetAt } complexity { after reset_in_x_seconds } }"
    _, answer = ask(vendor, query)
    assert answer["data"]["rateLimit"] == {"cost": 9, "remaining": 1, "resetAt": "2025-01-01T00:01:00Z"}
    assert answer["data"]["complexity"] == {"after": 1, "reset_in_x_seconds": 60}
    _, answer = ask(vendor, query, at=NOW + timedelta(seconds=20))
    (error,) = answer["errors"]
    assert code in {error.get("type"), error.get("extensions", {}).get("code")}
    assert error.get("extensions", {}).get("retry_in_seconds", 40) == 40
    assert "errors" not in ask(vendor, query, at=NOW + timedelta(seconds=60))[1]


def test_a_query_too_dear_is_refused_whatever_is_left():
    vendor = Vendor(SDL, roots(ORDERS), dearest=5)
    assert (
        ask(vendor, "{ orders(first: 6) { nodes { id } } }")[1]["errors"][0]["extensions"]["code"]
        == "MAX_COST_EXCEEDED"
    )
    assert "errors" not in ask(vendor, "{ orders(first: 5) { nodes { id } } }")[1]


def test_the_shop_is_served_with_a_token_under_faults(http):
    simulation = SIMULATOR.simulation(records=3, budget="window")
    with serve(simulation, clock=FakeClock()) as server:
        settings = SIMULATOR.configuration(server.url)
        query = {"query": "{ orders { totalCount } rateLimit { remaining } }"}
        held = {"Authorization": f"Bearer {settings['token']}"}
        assert http.post(f"{server.url}/graphql", json=query, timeout=5).status_code == 401
        assert http.post(f"{server.url}/graphql", json=query, headers=held, timeout=5).json()["data"]["orders"] == {
            "totalCount": 3
        }
        server.reset(Conditions(FaultPlan.once(Fault("status", 503), 1)))
        assert http.post(f"{server.url}/graphql", json=query, headers=held, timeout=5).status_code == 503
    assert len(list(simulation.truth["orders"]())) == 3


def test_a_page_has_its_bounds():
    vendor = Vendor(SDL, {"orders": relay(ORDERS, most=5)})
    assert "1 to 5" in ask(vendor, "{ orders(first: 6) { totalCount } }")[1]["errors"][0]["message"]
