"""The table toward Fivetran, with the SDK's operations replaced: by a connector, by the driver alone, or by the driver and a loop over rows.

What reaches the stand-in for `upsert` is counted, or digested by meaning.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from zlib import crc32

from benchmarks.contestants.columns import COLUMNS
from benchmarks.contestants.timed import job, measured

Row = dict[str, Any]


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    return found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)


MEANT: Mapping[str, Callable[[Any], Any]] = {
    "BIGINT": int,
    "INTEGER": int,
    "DECIMAL(12,2)": lambda value: Decimal(str(value)).quantize(Decimal("0.01")),
    "DOUBLE": float,
    "VARCHAR": str,
    "BOOLEAN": bool,
    "TIMESTAMPTZ": _moment,
    "TIMESTAMP": _moment,
    "DATE": lambda value: str(value)[:10],
}


class Tally:
    """Counts rows; with `content` it adds up a digest of each, so that their order does not matter."""

    def __init__(self, *, content: bool) -> None:
        self.count = self.digest = 0
        self._content = content

    def upsert(self, table: str, data: Row) -> None:  # noqa: ARG002  (as the SDK's is called)
        """Take a row, in place of the SDK's operation."""
        self.count += 1
        if self._content:
            shown = [None if data.get(name) is None else MEANT[kind](data[name]) for name, kind in COLUMNS.items()]
            self.digest += crc32(repr(shown).encode())


def saved(state: Row) -> None:
    """Do nothing, in place of a checkpoint."""


def batches(wanted: Row) -> Iterator[Any]:
    """Yield the driver's record batches, or those of a Parquet file, which is the truth."""
    if "parquet" in wanted:
        from pyarrow import parquet

        yield from parquet.ParquetFile(wanted["parquet"]).iter_batches()
        return
    import adbc_driver_postgresql.dbapi as driver

    with driver.connect(wanted["url"]) as source, source.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM {wanted['table']}")  # noqa: S608
        yield from cursor.fetch_record_batch()


def main() -> None:
    """Read all."""
    wanted = job()
    import adbc_driver_postgresql.dbapi  # noqa: F401  (start-up, whoever imports it first)
    from fivetran_connector_sdk import Operations

    tally = Tally(content=wanted["content"])
    Operations.upsert, Operations.checkpoint = staticmethod(tally.upsert), staticmethod(saved)
    if wanted["way"] == "connector":
        sys.path.insert(0, wanted["connector"])
        update = importlib.import_module("connector").connector.update_method
    with measured("fivetran_connector_sdk", "pyarrow", "adbc-driver-postgresql") as told:
        if wanted["way"] == "connector":
            update(wanted["configuration"], {})
        else:
            for batch in batches(wanted):
                if wanted["way"] == "driver":
                    tally.count += batch.num_rows
                    continue
                for row in batch.to_pylist():
                    tally.upsert("orders", row)
        told["reached"] = [tally.count, tally.digest]


if __name__ == "__main__":
    main()
