"""Store: the shop in a database of its own on a real server, which follows each change of the populations."""

# ruff: noqa: S608  (every name and value in a statement here is ours)

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from headwater.simulate import postgres

from .records import TABLES, Shape, Shop

__all__ = ["PASSWORD", "SCHEMA", "USER", "Store"]

SCHEMA, USER, PASSWORD = "shop", "headwater_reader", "reader-demo-3e57"
VIEW = (
    f"CREATE VIEW {SCHEMA}.order_totals AS SELECT customer_id, count(*) AS orders, sum(amount)::numeric(18, 2) AS total "
    f"FROM {SCHEMA}.orders GROUP BY customer_id"
)
ROLE = (
    f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{USER}') "
    f"THEN CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'; END IF; END $$"
)
_numbers = itertools.count(1)


class Store:
    """The database. `begin` makes and fills it, `end` drops it. It holds no connection: the server may be restarted."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._there = False
        self.database = f"shop_{next(_numbers)}"
        for shape in TABLES:
            shop.populations[shape.name].watch(partial(self._follow, shape))

    def begin(self) -> None:
        """Make the database and fill it."""
        with postgres().connect() as main:
            main.execute(ROLE)
            main.execute(f"GRANT pg_read_all_stats TO {USER}")  # to see whether a transaction is open
            main.execute(f"CREATE DATABASE {self.database}")
        with postgres().connect(self.database) as line:
            line.execute(f"CREATE SCHEMA {SCHEMA}")
            for shape in TABLES:
                line.execute(f"CREATE TABLE {SCHEMA}.{shape.name} ({shape.columns})")
                self._fill(line, shape)
            line.execute(VIEW)
            line.execute(
                f"GRANT USAGE ON SCHEMA {SCHEMA} TO {USER}; GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {USER}"
            )
        self._there = True

    def end(self) -> None:
        """Drop the database, whoever is connected to it."""
        self._there = False
        with postgres().connect() as main:
            main.execute(f"DROP DATABASE {self.database} WITH (FORCE)")

    def _fill(self, line: Any, shape: Shape) -> None:
        with line.cursor() as cursor, cursor.copy(f"COPY {SCHEMA}.{shape.name} FROM STDIN") as copy:
            for index in self._shop.living(shape):
                copy.write_row(list(_written(self._shop.row(shape, index)).values()))

    def _follow(self, shape: Shape, indices: Iterable[int]) -> None:
        """Write the rows as they are now, all of them in one transaction."""
        if not self._there:  # `begin` will fill it with all there is
            return
        deleted = set(self._shop.populations[shape.name].deleted)
        with postgres().connect(self.database, autocommit=False) as line:
            for index in indices:
                row = _written(self._shop.row(shape, index))
                if shape.key:
                    where = " AND ".join(f'"{name}" = %({name})s' for name in shape.key)
                    line.execute(f"DELETE FROM {SCHEMA}.{shape.name} WHERE {where}", row)
                if index not in deleted or shape.soft:
                    names, values = (", ".join(form.format(name) for name in row) for form in ('"{}"', "%({})s"))
                    line.execute(f"INSERT INTO {SCHEMA}.{shape.name} ({names}) VALUES ({values})", row)


def _written(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.dumps(value) if isinstance(value, dict) else value for name, value in row.items()}
