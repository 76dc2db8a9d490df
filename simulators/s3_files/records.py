"""The exports by index: each record of a population is a file, and what its rows are follows from the seed."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from headwater.simulate import Population, Record, Timeline, choice, draw

__all__ = ["KINDS", "Exports", "Kind"]

CITIES = ("Oslo", "Łódź", "São Paulo", 'the "Hague"', "line\nbreak", "a,b;c")
DAY = date(2024, 1, 1)
ROWS = 7  # of a file at most; each version of it has another number of them
STOCK = pa.schema([("sku", pa.string()), ("level", pa.int64()), ("counted", pa.date32()), ("checked", pa.bool_())])


def visit(file: int, line: int, word: tuple[int, ...]) -> Record:
    """Return a row of a JSON Lines file. Its `id` is its own: it stays where it is in each version of the file."""
    return {
        "id": file * 100 + line,
        "page": choice(("/", "/☃", "/a b"), word[0]),
        "seconds": word[1] / 8,
        "new": word[2] % 2 == 0,
    }


def order(file: int, line: int, word: tuple[int, ...]) -> Record:
    """Return a row of a CSV file: all of them texts."""
    return {"code": f"A-{file:04d}-{line}-{word[0]:04x}", "city": choice(CITIES, word[1]), "note": f"n{word[2]}"}


def stock(file: int, line: int, word: tuple[int, ...]) -> Record:
    """Return a row of a Parquet file."""
    counted = DAY + timedelta(days=word[1] % 365)
    return {"sku": f"s{file}-{line}", "level": word[0] - 30_000, "counted": counted, "checked": word[2] % 2 == 0}


def _csv(rows: list[Record]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ("code", "city", "note"))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _json_lines(rows: list[Record]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _parquet(rows: list[Record]) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, STOCK), file)
    return file.getvalue()


@dataclass(frozen=True)
class Kind:
    """Files of one kind, and the table they fill. Without a `key` of their own rows are known by file and line."""

    name: str
    row: Any
    body: Any
    path: str
    key: tuple[str, ...] = ()


KINDS = (
    Kind("orders", order, _csv, "orders/{year}/orders-{index:05d}.csv"),
    Kind("visits", visit, _json_lines, "visits/day={day}/part {index:05d}.jsonl", ("id",)),
    Kind("stock", stock, _parquet, "stock/stock-{index:05d}.parquet"),
)


class Exports:
    """The populations of files: `records` of orders, and a part of that of the others."""

    def __init__(self, records: int, seed: int, empty_at: int | None) -> None:
        self._seed = seed
        self._empty_at = empty_at
        counts = {"orders": records, "visits": records // 2, "stock": records // 3}
        self.populations = {
            kind.name: Population(self._file(kind), counts[kind.name], seed=seed, timeline=Timeline(counts[kind.name]))
            for kind in KINDS
        }

    def path(self, kind: Kind, index: int) -> str:
        """Return where a file is; every third of the orders is packed."""
        day = DAY + timedelta(days=index % 200)
        suffix = ".gz" if kind.name == "orders" and index % 3 == 1 else ""
        return kind.path.format(index=index, day=day, year=2023 + index % 2) + suffix

    def body(self, kind: Kind, index: int) -> bytes:
        """Return what a file holds."""
        whole: bytes = kind.body(self.rows(kind, index))
        return gzip.compress(whole, mtime=0) if self.path(kind, index).endswith(".gz") else whole

    def rows(self, kind: Kind, index: int) -> list[Record]:
        """Return the rows of a file as it is now."""
        rows: list[Record] = self.populations[kind.name].as_it_was(index)["rows"]
        return rows

    def landed(self, kind: Kind) -> Iterable[dict[str, Any]]:
        """Yield the rows the table must hold."""
        population = self.populations[kind.name]
        for index in sorted(set(range(len(population))) - set(population.deleted)):
            for line, row in enumerate(self.rows(kind, index), 1):
                place = {"_file": self.path(kind, index), "_line": line}
                part = {"day": DAY + timedelta(days=index % 200)} if kind.name == "visits" else {}
                yield {**place, **part, **row}

    def _file(self, kind: Kind) -> Any:
        def make(seed: int, index: int, version: int) -> Record:
            count = 1 + draw(kind.name, seed, index, version)[0] % ROWS
            if kind.key:  # a row of its own key that is no longer in its file would stay: a version only adds
                count = max(1 + draw(kind.name, seed, index, one)[0] % ROWS for one in range(version + 1))
            if kind.name == "orders" and index == self._empty_at and not version:
                count = 0
            words = (draw(f"{kind.name} row {line}", seed, index, version) for line in range(1, count + 1))
            return {"rows": [kind.row(index, line, word) for line, word in enumerate(words, 1)]}

        return make
