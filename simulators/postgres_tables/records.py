"""The shop's rows by index, and how each table of it is declared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from headwater.simulate import Population, Record, Timeline, choice, draw

__all__ = ["TABLES", "Shape", "Shop"]

NAMES = ("Ada", "Björn", "Chloé", "Dmitri", "Ένα", "福", "O'Neill", 'the "Quoted"')
PAGES = ("/", "/basket", "/search?q=a%20b", "/item/☃")
DAY = date(2024, 1, 1)
SECOND = datetime(2024, 1, 1, tzinfo=timezone.utc)
HOLE = 1_000_000  # ids nobody has, so that a range of them is empty


def customer(seed: int, index: int, version: int) -> Record:
    """Return a row with a key of one number, a moment of change and a column that marks the deleted."""
    word = draw("customer", seed, index, version)
    return {"id": index + 1, "name": choice(NAMES, word[0]), "email": _email(word), "vip": word[2] % 3 == 0}


def order(seed: int, index: int, version: int) -> Record:
    """Return a row with a key of one number and a moment of change."""
    word = draw("order", seed, index, version)
    return {
        "id": index + 1,
        "customer_id": 1 + draw("order", seed, index)[8] % 10,  # an edit gives no order to another
        "amount": Decimal(word[0] * 100 + word[1] % 100) / 100,
        "note": choice((None, "", "left at the door", "line\nbreak", "tab\there"), word[2]),
        "tags": choice(({}, {"gift": True}, {"lines": [1, 2.5, None]}), word[3]),
        "placed": DAY + timedelta(days=word[4] % 365),
    }


def stock(seed: int, index: int, version: int) -> Record:
    """Return a row with a key of two texts."""
    word = draw("stock", seed, index, version)
    return {
        "warehouse": choice(("north", "Süd", "zz top"), draw("stock", seed, index)[0]),
        "sku": f"{choice('aBcZé', draw('stock', seed, index)[1])}-{index:05d}",
        "group": choice(("toys", "tools"), word[2]),
        "level": word[3] % 100 - 20,
    }


def click(seed: int, index: int, version: int) -> Record:
    """Return a row without a key."""
    word = draw("click", seed, index, version)
    return {"seen_at": SECOND + timedelta(seconds=index), "page": choice(PAGES, word[0]), "visitor": f"v{word[1]:05d}"}


def _email(word: tuple[int, ...]) -> str | None:
    return None if word[1] % 5 == 0 else f"{word[1]:04x}@example.com"


@dataclass(frozen=True)
class Shape:
    """One table: its columns as SQL, its key, and whether it tells when a row changed, and that one is deleted."""

    name: str
    columns: str
    key: tuple[str, ...] = ()
    dated: bool = False
    soft: bool = False


TABLES = (
    Shape(
        "customers",
        "id integer PRIMARY KEY, name text NOT NULL, email text, vip boolean, updated_at timestamptz, gone boolean",
        ("id",),
        dated=True,
        soft=True,
    ),
    Shape(
        "orders",
        "id bigint PRIMARY KEY, customer_id integer, amount numeric(12, 2), note text, tags jsonb, placed date, "
        "updated_at timestamptz",
        ("id",),
        dated=True,
    ),
    Shape(
        "stock",
        'warehouse text, sku text, "group" text, level integer, PRIMARY KEY (warehouse, sku)',
        ("warehouse", "sku"),
    ),
    Shape("clicks", "seen_at timestamptz, page text, visitor text"),
)


class Shop:
    """The populations behind the tables: `records` orders, and of the others a part of that."""

    def __init__(self, records: int, seed: int, hole_at: int | None) -> None:
        self._hole_at = hole_at
        makers = {"customers": customer, "orders": order, "stock": stock, "clicks": click}
        counts = {"customers": records // 2, "orders": records, "stock": records // 2, "clicks": records // 3}
        self.populations = {
            name: Population(make, counts[name], seed=seed, timeline=Timeline(counts[name], ties=3))
            for name, make in makers.items()
        }

    def row(self, shape: Shape, index: int) -> Record:
        """Return what the table holds of record `index`."""
        population = self.populations[shape.name]
        row = population.as_it_was(index)
        if shape.name == "orders" and self._hole_at is not None and index >= self._hole_at:
            row["id"] += HOLE
        if shape.dated:
            row["updated_at"] = self.changed(shape, index)
        if shape.soft:
            row["gone"] = index in population.deleted
        return row

    def living(self, shape: Shape) -> list[int]:
        """Return the indices of the records that are there."""
        population = self.populations[shape.name]
        gone = set(population.deleted)
        return [index for index in range(len(population)) if index not in gone]

    def changed(self, shape: Shape, index: int) -> datetime:
        """Return when record `index` changed last."""
        timeline = self.populations[shape.name].timeline
        assert timeline is not None  # noqa: S101  (each of them has one)
        return timeline.changed(index)
