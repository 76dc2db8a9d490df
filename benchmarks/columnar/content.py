"""What was landed, against the truth: rows, distinct keys, and a digest of every value by meaning, whatever types hold them.

A process of its own, because a parent that grew would show in its children's peak memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.contestants.columns import COLUMNS
from benchmarks.verify import Content

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
    return _asked(str(warehouse), table)


def truth(parquet: Path) -> Content:
    """Return what the population is."""
    return _asked("", f"'{parquet}'")


def _asked(*arguments: str) -> Content:
    command = [sys.executable, "-m", "benchmarks.columnar.content", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return Content(**json.loads(done.stdout))


def main(warehouse: str, table: str) -> None:
    """Print the content."""
    import duckdb  # noqa: PLC0415  (the process that asks must stay small)

    shown = ", ".join(SHOWN[kind].format(name) for name, kind in COLUMNS.items())
    with duckdb.connect(warehouse or ":memory:", read_only=bool(warehouse)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"SELECT count(*), count(DISTINCT id), CAST(sum(hash({shown})) AS VARCHAR) FROM {table}"  # noqa: S608
        ).fetchone()
    assert found is not None  # noqa: S101  (an aggregate has one row)
    print(json.dumps({"rows": found[0], "keys": found[1], "digest": found[2]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
