"""A shop's PostgreSQL database, real: tables with keys of one number and of two texts, one without a key, and a view.

Every row comes from a seed, so the truth is known. `customers` and `orders` tell when a row changed, by the population's
time and not by the database's clock; `customers` marks the rows that are deleted. What stands before the server counts the
statements and makes them fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from headwater.simulate import POSTGRES_FAULTS, Course, PostgresProxy, Simulation, Simulator, postgres

from .records import TABLES, Shape, Shop
from .store import PASSWORD, SCHEMA, USER, Store

__all__ = ["SIMULATOR"]

ORDERS = 60
OPTIONS: dict[str, object] = {
    "empty_page_at": None,  # ids jump before the order with this index, so that a range of them is empty
}


def build(*, seed: int, records: int, **options: object) -> Simulation:
    """Return the vendor with `records` orders; see `OPTIONS` for its switches."""
    hole = options["empty_page_at"]
    shop = Shop(records, seed, hole if isinstance(hole, int) else None)
    store = Store(shop)

    def listen(port: int, course: Course, hold: float) -> PostgresProxy:
        return PostgresProxy(port, course, hold, postgres().address, store.database)

    return Simulation(
        (),
        shop.populations,
        {shape.name: partial(_truth, shop, shape) for shape in TABLES} | {"order_totals": partial(_totals, shop)},
        secrets=frozenset({PASSWORD}),
        overlap={shape.name: partial(_overlap, shop, shape) for shape in TABLES if shape.dated},
        edited=("customers", "orders", "stock"),
        deleted=("customers", "stock"),
        faults=POSTGRES_FAULTS,
        breaks=(),
        struck=0.03,  # to connect and to read a table takes a dozen requests, all of them again when one fails
        listen=listen,
        begin=store.begin,
        end=store.end,
    )


def configuration(url: str) -> dict[str, str]:
    """Return what `connectors/postgres_tables` needs to read this vendor."""
    parts = urlsplit(url)
    return {
        "host": parts.hostname or "",
        "port": str(parts.port or 5432),
        "database": parts.path.strip("/"),
        "user": USER,
        "password": PASSWORD,
        "schema": SCHEMA,
        "deleted": "gone",
        "keys": "order_totals=customer_id",
        "chunk": "20",
    }


def _truth(shop: Shop, shape: Shape) -> Iterator[dict[str, Any]]:
    for index in shop.living(shape):
        yield shop.row(shape, index)


def _totals(shop: Shop) -> Iterator[dict[str, Any]]:
    (orders,) = [shape for shape in TABLES if shape.name == "orders"]
    found: dict[int, list[Decimal]] = {}
    for row in _truth(shop, orders):
        found.setdefault(row["customer_id"], []).append(row["amount"])
    for customer, amounts in found.items():
        yield {"customer_id": customer, "orders": len(amounts), "total": sum(amounts, Decimal())}


def _overlap(shop: Shop, shape: Shape, began: datetime) -> Iterator[dict[str, Any]]:
    """Yield what a sync may write when the last one began at `began`: what changed since the latest change it could see."""
    changed = {index: shop.changed(shape, index) for index in range(len(shop.populations[shape.name]))}
    mark = max((moment for moment in changed.values() if moment <= began), default=None)
    for index in shop.living(shape):
        if mark is None or changed[index] >= mark:
            yield shop.row(shape, index)


SIMULATOR = Simulator(
    name="postgres_tables",
    title="PostgreSQL database of a shop",
    build=build,
    configuration=configuration,
    keys={
        "customers": ("id",),
        "orders": ("id",),
        "stock": ("warehouse", "sku"),
        "clicks": ("seen_at",),
        "order_totals": ("customer_id",),
    },
    main="orders",
    records=ORDERS,
    secret_settings=("password",),
    variations=({"chunk": "1"}, {"chunk": "7"}, {"chunk": "20"}, {"chunk": "1000"}),
    options=OPTIONS,
    wire="its own protocol, to a real PostgreSQL server",
)
