"""The shop's schema over plain data, served on the loopback, and readers of it at each level by any paging."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from headwater.simulate import Reply, Route, Server, Simulation, serve
from headwater.simulate.graphql import Vendor
from headwater_runtime import Call, Client, GraphQL, Part, Relay, Retry
from headwater_runtime.clock import FakeClock
from headwater_runtime.transport import RequestsTransport
from tests.simulate.graphql_shop import SDL, roots

UP = "^"  # what a nested record is in
INFO = "pageInfo { hasNextPage endCursor hasPreviousPage startCursor }"
POST = Call("/graphql", "POST")
GET = Call("/graphql", "GET")


def listed(fields: str, by: str) -> str:
    """The selection of a connection."""
    return f"{by} {{ {fields} }} {INFO}" if by == "nodes" else f"edges {{ node {{ {fields} }} }} {INFO}"


def path(by: str) -> str:
    return "nodes" if by == "nodes" else "edges.*.node"


class Shop:
    """The vendor of `data`, which a test may exchange, and a client of it; both go by `clock`."""

    def __init__(self, server: Server, clock: FakeClock) -> None:
        self.server, self.clock = server, clock
        self.vendor = Vendor(SDL, roots([]))
        self.login = str  # gives the token of the next session

    def sells(self, orders: list[dict[str, Any]], **options: Any) -> Vendor:
        """Serve these orders from now on."""
        self.vendor = Vendor(SDL, roots(orders) | options.pop("roots", {}), **options)
        return self.vendor

    def client(self, transport: RequestsTransport, **options: Any) -> Client:
        options.setdefault("retry", Retry(draw=lambda: 1.0))
        return Client(self.server.url, transport=transport, clock=self.clock, **options)

    @property
    def asked(self) -> int:
        """Queries so far."""
        return len(self.server.log)


@contextlib.contextmanager
def opened() -> Iterator[Shop]:
    clock = FakeClock()
    held: list[Shop] = []

    def answer(request: Any) -> Any:
        return held[0].vendor.handler(request)

    def login(_request: Any) -> Reply:
        return Reply.json({"token": held[0].login()})

    routes = (
        Route("POST", "/graphql", answer),
        Route("GET", "/graphql", answer),
        Route("POST", "/login", login),
    )
    with serve(Simulation(routes, {}, {}), clock=clock) as server:
        held.append(Shop(server, clock))
        yield held[0]


def reader(
    client: Client,
    sizes: tuple[Any, Any, Any] = (10, 10, 10),
    *,
    by: str = "nodes",
    backward: bool = False,
    call: Call = POST,
    embedded: int = 2,
) -> GraphQL:
    """Orders with lines with taxes. `sizes` of pages at each level; `embedded` nested records come with their parent."""
    size, cursor = ("last", "before") if backward else ("first", "after")
    taxes_in = f"taxes({size}: {embedded}) {{ {listed('id name rate', by)} }}"
    line = f"id sku quantity price {{ amount currency }} {taxes_in}"
    order = f"id number total {{ amount currency }} lines({size}: {embedded}) {{ {listed(line, by)} }}"
    handed = f"{size}: $n, {cursor}: $c"
    taxes = client.graphql(
        f"query Taxes($id: ID!, $order: ID, $n: Int, $c: String) {{ line(id: $id, order: $order) {{ taxes({handed}) {{ {listed('id name rate', by)} }} }} }}",
        f"data.line.taxes.{path(by)}",
        paging=Relay("c", "n", sizes[2], backward=backward),
        variables={"id": Part("id"), "order": Part(f"{UP}.id")},
        call=call,
    )
    lines = client.graphql(
        f"query Lines($id: ID!, $n: Int, $c: String) {{ order(id: $id) {{ lines({handed}) {{ {listed(line, by)} }} }} }}",
        f"data.order.lines.{path(by)}",
        paging=Relay("c", "n", sizes[1], backward=backward),
        variables={"id": Part("id")},
        nested={f"taxes.{path(by)}": taxes},
        call=call,
    )
    return client.graphql(
        f"query Orders($n: Int, $c: String) {{ orders({handed}) {{ {listed(order, by)} }} }}",
        f"data.orders.{path(by)}",
        paging=Relay("c", "n", sizes[0], backward=backward),
        nested={f"lines.{path(by)}": lines},
        call=call,
    )


def sold(count: int, lines: int = 0, taxes: int = 0) -> list[dict[str, Any]]:
    """Plain orders with as many lines of as many taxes each."""
    money = {"amount": 1.5, "currency": "EUR"}
    return [
        {
            "id": f"o{n}",
            "number": n,
            "total": money,
            "lines": [
                {
                    "id": f"o{n}l{m}",
                    "sku": "s",
                    "quantity": m,
                    "price": money,
                    "taxes": [{"id": f"o{n}l{m}t{t}", "name": "VAT", "rate": 0.1} for t in range(taxes)],
                }
                for m in range(lines)
            ],
        }
        for n in range(count)
    ]


def whole(orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What reading must come to, each connection as the list of its nodes, in any order."""

    def sort(records: Any) -> Any:
        return sorted(records, key=lambda one: str(one["id"]))

    return sort(
        {**one, "lines": sort({**line, "taxes": sort(line["taxes"])} for line in one["lines"])} for one in orders
    )


def plain(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as they were read, each connection as the list of its nodes."""

    def nodes(connection: dict[str, Any]) -> list[dict[str, Any]]:
        return connection["nodes"] if "nodes" in connection else [edge["node"] for edge in connection["edges"]]

    return whole(
        [{**one, "lines": [{**line, "taxes": nodes(line["taxes"])} for line in nodes(one["lines"])]} for one in records]
    )


def read(source: GraphQL, **how: Any) -> list[dict[str, Any]]:
    return [record for page in source.read(**how) for record in page.records]
