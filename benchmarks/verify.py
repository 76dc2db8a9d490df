"""What was landed, against what was served: rows, distinct keys, and a digest of every value, whatever types hold them.

The truth is what DuckDB's own JSON reader makes of the served records, so no contestant is its own judge. Values are compared as
the source means them: numbers as the double their text stands for, dates as dates. A process of its own, because a parent that grew would
show in its children's peak memory.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import said

__all__ = ["Content", "digested", "landed", "truth"]

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
    return Content(**json.loads(said("benchmarks.verify", "landed", pool, warehouse, table)))


def truth(pool: Path, records: int) -> Content:
    """Return what the server of `records` from `pool` serves."""
    return Content(**json.loads(said("benchmarks.verify", "truth", pool, records)))


def _columns(pool: Path) -> dict[str, str]:
    """Return the fields and the type that each one's text means."""
    with pool.open(encoding="utf-8") as file:
        record = json.loads(file.readline())
    return {name: "DATE" if name.endswith("_date") else TYPES[type(value)] for name, value in record.items()}


def digested(warehouse: str, rows: str, key: str, shown: Iterable[str]) -> str:
    """Return the content of `rows`, a table or query in `warehouse` ("": none), as JSON."""
    import duckdb  # noqa: PLC0415  (the process that asks must stay small)

    with duckdb.connect(warehouse or ":memory:", read_only=bool(warehouse)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(
            f"SELECT count(*), count(DISTINCT {key}), CAST(sum(hash({', '.join(shown)})) AS VARCHAR) FROM {rows}"  # noqa: S608
        ).fetchone()
    assert found is not None  # noqa: S101  (an aggregate has one row)
    return json.dumps({"rows": found[0], "keys": found[1], "digest": found[2]})


def main(what: str, pool: Path, *rest: str) -> None:
    """Print the content asked for."""
    columns = _columns(pool)
    warehouse, rows = rest if what == "landed" else ("", _served(pool, int(rest[0]), columns))
    print(digested(warehouse, rows, "record_id", (SHOWN[kind].format(name) for name, kind in columns.items())))


def _served(pool: Path, records: int, columns: dict[str, str]) -> str:
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    lines, count = f"read_json('{pool}', format='newline_delimited', columns={{{types}}})", _lines(pool)
    return (
        "(SELECT printf('%04x', cycle) || record_id[5:] AS record_id, * EXCLUDE (record_id, place, cycle) "  # noqa: S608
        f"FROM (SELECT *, row_number() OVER () - 1 AS place FROM {lines}), "
        f"range({records} // {count} + 1) cycles(cycle) WHERE cycle * {count} + place < {records})"
    )


def _lines(pool: Path) -> int:
    return pool.read_bytes().count(b"\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
