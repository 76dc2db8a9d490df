"""What was landed, against the truth: rows, distinct keys, and a digest of every value by meaning, whatever types hold them.

A process of its own, because a parent that grew would show in its children's peak memory.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.contestants.columns import COLUMNS
from benchmarks.measure import said
from benchmarks.verify import Content, digested

__all__ = ["landed", "truth"]

SHOWN = {
    "BIGINT": "CAST({0} AS BIGINT)",
    "INTEGER": "CAST({0} AS BIGINT)",
    "DECIMAL(12,2)": "CAST(CAST({0} AS VARCHAR) AS DECIMAL(12,2))",
    "DOUBLE": "CAST(CAST({0} AS VARCHAR) AS DOUBLE) + 0.0",
    "VARCHAR": "CAST({0} AS VARCHAR)",
    "BOOLEAN": "CAST({0} AS BOOLEAN)",
    "TIMESTAMPTZ": "epoch_us(CAST({0} AS TIMESTAMPTZ))",
    "TIMESTAMP": "epoch_us(CAST({0} AS TIMESTAMP))",  # the session is in UTC: a moment that was given UTC is the same
    "DATE": "CAST({0} AS DATE)",
}


def landed(warehouse: Path, table: str) -> Content:
    """Return what is in `table` of `warehouse`. Raises RuntimeError if it cannot be read so."""
    return Content(**json.loads(said("benchmarks.columnar.content", warehouse, table)))


def truth(parquet: Path) -> Content:
    """Return what the population is."""
    return Content(**json.loads(said("benchmarks.columnar.content", "", f"'{parquet}'")))


def main(warehouse: str, table: str) -> None:
    """Print the content."""
    print(digested(warehouse, table, "id", (SHOWN[kind].format(name) for name, kind in COLUMNS.items())))


if __name__ == "__main__":
    main(*sys.argv[1:])
