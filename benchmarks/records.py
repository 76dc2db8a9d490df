"""The records that are served: realistic, 28 fields, every `record_id` unique.

A pool of distinct records is drawn from the CPG simulator once. A larger source repeats the pool, and each repetition ("cycle")
has identifiers of its own: their first four digits are its number. Turning a page into that of another cycle is then one
replacement of bytes, so that a source of ten million records costs as little to serve as one of two hundred thousand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from headwater import catalog
from headwater.simulate import load_simulator

__all__ = ["CYCLE", "FIELD", "POOL", "drawn", "pool_size", "write_pool"]

FIELD = "cpg_records"  # where a page keeps its records
CYCLE = '{"record_id":"%04x'  # how each record begins
POOL = 200_000


def pool_size(records: int, page_size: int) -> int:
    """Return how many distinct records are drawn: whole pages, so that no page lies in two cycles."""
    return -(-min(records, POOL) // page_size) * page_size


def drawn(count: int) -> Iterator[str]:
    """Yield the pool's records as compact JSON, as they are in cycle 0."""
    simulation = load_simulator(catalog.simulator("cpg")).simulation(seed=3, records=count)
    for record in simulation.populations[FIELD].records():
        ordered = {
            "record_id": "0000" + record["record_id"][4:],
            **{k: v for k, v in record.items() if k != "record_id"},
        }
        yield json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))


def write_pool(path: Path, count: int) -> None:
    """Write the pool to `path`, one record a line; the file is there only when it is whole."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in drawn(count))
    partial.replace(path)
