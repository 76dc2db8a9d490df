"""What was landed, against what was served: rows, distinct keys, and a digest of every value, whatever types hold them.

The truth is what DuckDB's own JSON reader makes of the served records, so no contestant is its own judge. Values are compared as
the source means them: numbers as the double their text stands for, dates as dates. A process of its own, because a parent that grew would
show in its children's peak memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Content", "landed", "truth"]

SHOWN = {
    "VARCHAR": "CAST({0} AS VARCHAR)",
    "DATE": "CAST(CAST({0} AS DATE) AS VARCHAR)",
    "BIGINT": "CAST(CAST({0} AS BIGINT) AS VARCHAR)",
    # A FLOAT's or DECIMAL's text is the source's text. Adding zero makes -0.0 the 0.0 it equals: some destinations keep no sign.
    "DOUBLE": "CAST(CAST(CAST({0} AS VARCHAR) AS DOUBLE) + 0.0 AS VARCHAR)",
    "BOOLEAN": "CAST(CAST({0} AS BOOLEAN) AS VARCHAR)",
}
TYPES = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}


@dataclass(frozen=True)
class Content:
    """How many rows, how many different keys, and the sum of the hashes of all rows."""

    rows: int
    keys: int
    digest: str

    def against(self, expected: Content) -> str:
        """Say what is wrong, "" if nothing is."""
        if self.rows != expected.rows:
            return f"{self.rows:,} rows instead of {expected.rows:,}"
        if self.keys != expected.keys:
            return f"{self.keys:,} different keys instead of {expected.keys:,}"
        return "" if self.digest == expected.digest else "values differ"


def landed(warehouse: Path, table: str, pool: Path) -> Content:
    """Return what is in `table` of `warehouse`. Raises RuntimeError if it cannot be read so."""
    return _asked("landed", str(pool), str(warehouse), table)


def truth(pool: Path, records: int) -> Content:
    """Return what the server of `records` from `pool` serves."""
    return _asked("truth", str(pool), str(records))


def _asked(*arguments: str) -> Content:
    command = [sys.executable, "-m", "benchmarks.verify", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return Content(**json.loads(done.stdout))


def _columns(pool: Path) -> dict[str, str]:
    """Return the fields and the type that each one's text means."""
    with pool.open(encoding="utf-8") as file:
        record = json.loads(file.readline())
    return {name: "DATE" if name.endswith("_date") else TYPES[type(value)] for name, value in record.items()}


def _content(query: str, columns: dict[str, str], warehouse: str | None = None) -> Content:
    import duckdb  # noqa: PLC0415  (the process that asks must stay small)

    shown = ", ".join(SHOWN[kind].format(name) for name, kind in columns.items())
    with duckdb.connect(warehouse or ":memory:", read_only=warehouse is not None) as connection:
        found = connection.execute(
            f"SELECT count(*), count(DISTINCT record_id), CAST(sum(hash({shown})) AS VARCHAR) FROM ({query})"  # noqa: S608
        ).fetchone()
    assert found is not None  # noqa: S101  (an aggregate has one row)
    return Content(int(found[0]), int(found[1]), str(found[2]))


def main(what: str, pool: Path, *rest: str) -> None:
    """Print the content asked for."""
    columns = _columns(pool)
    if what == "landed":
        found = _content(f"SELECT * FROM {rest[1]}", columns, rest[0])  # noqa: S608
    else:
        records = int(rest[0])
        types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
        lines = f"read_json('{pool}', format='newline_delimited', columns={{{types}}})"
        found = _content(
            "SELECT printf('%04x', cycle) || record_id[5:] AS record_id, * EXCLUDE (record_id, place, cycle) "  # noqa: S608
            f"FROM (SELECT *, row_number() OVER () - 1 AS place FROM {lines}), "
            f"range({records} // {_lines(pool)} + 1) cycles(cycle) WHERE cycle * {_lines(pool)} + place < {records}",
            columns,
        )
    print(json.dumps(found.__dict__))


def _lines(pool: Path) -> int:
    return pool.read_bytes().count(b"\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
