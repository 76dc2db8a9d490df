"""A shop behind GraphQL: orders with lines with taxes, each level a connection; customers by offset; made-up and seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from headwater.simulate import Bearer, Population, Simulation, Simulator, Timeline, choice, draw, guarded
from headwater.simulate.graphql import Vendor, offset, relay
from headwater.simulate.graphql_budget import Bucket, Budget, Window

__all__ = ["SDL", "SIMULATOR", "Shop", "roots"]

KEY = "shop-token-5150"

SDL = """
type PageInfo { hasNextPage: Boolean!, hasPreviousPage: Boolean!, startCursor: String, endCursor: String }
type Money { amount: Float!, currency: String }
type Tax { id: ID!, name: String, rate: Float }
type TaxEdge { cursor: String!, node: Tax }
type Taxes { nodes: [Tax], edges: [TaxEdge], pageInfo: PageInfo!, totalCount: Int! }
type Line {
  id: ID!, sku: String, quantity: Int, price: Money!
  taxes(first: Int, after: String, last: Int, before: String): Taxes
}
type LineEdge { cursor: String!, node: Line }
type Lines { nodes: [Line], edges: [LineEdge], pageInfo: PageInfo!, totalCount: Int! }
type Note { text: String }
type Notes { items: [Note!]!, total: Int!, hasMore: Boolean! }
type Order {
  id: ID!, number: Int!, total: Money, customer: Customer
  lines(first: Int, after: String, last: Int, before: String): Lines
  notes(offset: Int, limit: Int, page: Int, perPage: Int): Notes!
}
type OrderEdge { cursor: String!, node: Order }
type Orders { nodes: [Order], edges: [OrderEdge], pageInfo: PageInfo!, totalCount: Int! }
type StrictOrders { nodes: [Order!]!, pageInfo: PageInfo! }
type Customer { id: ID!, name: String, country: String }
type Customers { items: [Customer]!, total: Int!, hasMore: Boolean! }
type RateLimit { cost: Int!, remaining: Int!, resetAt: String!, limit: Int! }
type Complexity { query: Int!, before: Int!, after: Int!, reset_in_x_seconds: Int! }
type Query {
  orders(first: Int, after: String, last: Int, before: String): Orders
  strictOrders(first: Int, after: String, last: Int, before: String): StrictOrders
  order(id: ID!): Order
  line(id: ID!, order: ID): Line
  customers(offset: Int, limit: Int, page: Int, perPage: Int): Customers
  rateLimit: RateLimit
  complexity: Complexity
}
"""


def customer(seed: int, index: int, version: int) -> dict[str, Any]:
    word = draw("customer", seed, index, version)
    return {"id": f"c{index}", "name": f"Customer {word[0]}", "country": choice(("FI", "SE", None), word[1])}


def order(seed: int, index: int, version: int) -> dict[str, Any]:
    """An order with up to 6 lines of up to 3 taxes each, as plain data: what is nested is a list."""
    word = draw("order", seed, index, version)
    lines = [
        {
            "id": f"l{index}-{n}",
            "sku": f"sku-{word[n] % 50}",
            "quantity": word[n + 8] % 9,
            "price": {"amount": word[n + 16] / 100, "currency": "EUR"},
            "taxes": [{"id": f"t{index}-{n}-{m}", "name": "VAT", "rate": m / 10} for m in range(word[n + 24] % 4)],
        }
        for n in range(word[0] % 7)
    ]
    total = {"amount": word[1] / 100, "currency": "EUR"}
    notes = [{"text": f"note {n}"} for n in range(word[2] % 4)]
    return {"id": f"o{index}", "number": index, "total": total, "lines": lines, "notes": notes}


def roots(
    orders: Sequence[dict[str, Any]], customers: Sequence[dict[str, Any]] = (), *, empty_at: int | None = None
) -> dict[str, Any]:
    """Return the fields of Query over plain data: every list of it becomes a connection."""

    def line_of(line: dict[str, Any]) -> dict[str, Any]:
        return {**line, "taxes": line["taxes"] if callable(line["taxes"]) else relay(line["taxes"])}

    def order_of(one: dict[str, Any]) -> dict[str, Any]:
        lines = one["lines"] if callable(one["lines"]) else relay([line_of(line) for line in one["lines"]])
        return {**one, "lines": lines, "notes": offset(one.get("notes", ()))}

    shown = Shown(orders, order_of)

    def by_id(_info: Any, id: str) -> dict[str, Any] | None:  # noqa: A002
        return next((one for one in shown if one["id"] == id), None)

    def line(_info: Any, id: str, order: str | None = None) -> dict[str, Any] | None:  # noqa: A002
        of = (one for one in orders if order in {None, one["id"]})
        return next((line_of(one) for found in of for one in found["lines"] if one["id"] == id), None)

    return {
        "orders": relay(shown, empty_at=empty_at),
        "strictOrders": relay(shown),
        "order": by_id,
        "line": line,
        "customers": offset(customers),
    }


class Shown(Sequence[Any]):
    """Records as the schema shows them, made when they are asked for."""

    def __init__(self, records: Sequence[Any], show: Any) -> None:
        self._records, self._show = records, show

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, at: Any) -> Any:
        found = self._records[at]
        return [self._show(one) for one in found] if isinstance(at, slice) else self._show(found)


class Listed(Sequence[Any]):
    """A population as a sequence."""

    def __init__(self, population: Population) -> None:
        self._population = population

    def __len__(self) -> int:
        return len(self._population)

    def __getitem__(self, at: Any) -> Any:
        if not isinstance(at, slice):
            return self._population.record(range(len(self))[at])
        begin, end, _ = at.indices(len(self))
        return list(self._population.records(begin, end))


class Shop:
    """The rows that the data is, table by table."""

    def __init__(self, orders: Sequence[dict[str, Any]], customers: Sequence[dict[str, Any]] = ()) -> None:
        self._orders, self._customers = orders, customers

    def orders(self) -> Iterator[dict[str, Any]]:
        for one in self._orders:
            yield {"id": one["id"], "number": one["number"], **_money("total", one["total"])}

    def lines(self) -> Iterator[dict[str, Any]]:
        for one in self._orders:
            for line in one["lines"]:
                own = {name: line[name] for name in ("id", "sku", "quantity")}
                yield {"order_id": one["id"], **own, **_money("price", line["price"])}

    def taxes(self) -> Iterator[dict[str, Any]]:
        for one in self._orders:
            for line in one["lines"]:
                for tax in line["taxes"]:
                    yield {"order_id": one["id"], "line_id": line["id"], **tax}

    def customers(self) -> Iterator[dict[str, Any]]:
        yield from self._customers


def _money(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}_{part}": one for part, one in value.items()}


def build(*, seed: int, records: int, **options: object) -> Simulation:
    timeline = Timeline(records)
    orders = Population(order, records, seed=seed, timeline=timeline)
    customers = Population(customer, records // 3, seed=seed)
    listed, people = Listed(orders), Listed(customers)
    budget: Budget | None = None
    empty_at = options["empty_page_at"]
    fields = roots(listed, people, empty_at=empty_at if isinstance(empty_at, int) else None)

    def since(rows: Callable[[Shop], Iterator[dict[str, Any]]]) -> Callable[[datetime], Iterator[dict[str, Any]]]:
        return lambda moment: rows(
            Shop(
                [orders.record(index) for index in timeline.between(moment, datetime.max.replace(tzinfo=moment.tzinfo))]
            )
        )

    if options["budget"] == "bucket":
        budget = Bucket(most=2_000, rate=100)
    elif options["budget"] == "window":
        budget = Window(most=20_000, seconds=60)
        fields |= {"rateLimit": budget.rate_limit, "complexity": budget.complexity}
    vendor = Vendor(SDL, fields, budget)
    shop = Shop(listed, people)
    post, _ = vendor.routes()
    route = type(post)(post.method, post.path, guarded(post.handler, Bearer(KEY)))
    return Simulation(
        (route,),
        {"orders": orders, "customers": customers},
        {"orders": shop.orders, "order_lines": shop.lines, "line_taxes": shop.taxes, "customers": shop.customers},
        secrets=frozenset({KEY}),
        forget=vendor.forget,
        overlap={"orders": since(Shop.orders), "order_lines": since(Shop.lines), "line_taxes": since(Shop.taxes)},
    )


SIMULATOR = Simulator(
    name="graphql_shop",
    title="A shop behind GraphQL",
    build=build,
    configuration=lambda url: {"base_url": url, "token": KEY, "page_size": "10"},
    keys={
        "orders": ("id",),
        "order_lines": ("id",),
        "line_taxes": ("id",),
        "customers": ("id",),
    },
    main="orders",
    records=40,
    secret_settings=("token",),
    variations=({"page_size": "3"}, {"page_size": "17"}, {"page_size": "100"}),
    options={"budget": "bucket", "empty_page_at": None},
)
