"""The floor: no framework at all. The fastest hand-written Python known to us that makes rows on the way.

urllib3, orjson, each page's rows made one Arrow batch by pyarrow's own converter (faster than a list a column), and a load of fifty
pages at a time. With option `threads`, fetching and converting overlap with loading.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

from benchmarks.contestants.timed import job, measured
from benchmarks.contestants.typed import COLUMNS

PAGES_A_LOAD = 50


def pages(url: str) -> Iterator[list[dict[str, Any]]]:
    """Yield each page's records."""
    import orjson
    import urllib3

    pool, query = urllib3.PoolManager(), ""
    while True:
        body = orjson.loads(pool.request("GET", f"{url}/cpg_data{query}").data)
        yield body["cpg_records"]
        if not body["next_cursor"]:
            return
        query = f"?cursor={body['next_cursor']}"


def tables(url: str) -> Iterator[Any]:
    """Yield the pages as Arrow tables, many pages in one."""
    import pyarrow as pa

    kinds = {
        "VARCHAR": pa.string(),
        "DATE": pa.string(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
    }
    struct = pa.struct([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    held = []
    for records in pages(url):
        held.append(pa.RecordBatch.from_struct_array(pa.array(records, struct)))
        if len(held) == PAGES_A_LOAD:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def ahead(made: Iterator[Any]) -> Iterator[Any]:
    """Yield the same, made in a thread of its own, up to two ahead."""
    line: queue.Queue[Any] = queue.Queue(2)

    def make() -> None:
        for one in made:
            line.put(one)
        line.put(None)

    threading.Thread(target=make, daemon=True).start()
    return iter(line.get, None)


def main() -> None:
    """Read and load."""
    wanted = job()
    import duckdb

    with measured("urllib3", "orjson", "pyarrow", "duckdb"):
        found = tables(wanted["url"])
        with duckdb.connect("warehouse.db") as connection:
            connection.execute(
                f"CREATE TABLE cpg_records ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"
            )
            connection.execute("BEGIN")
            for table in ahead(found) if wanted.get("threads") else found:
                connection.register("page", table)
                connection.execute("INSERT INTO cpg_records SELECT * FROM page")
            connection.execute("COMMIT")


if __name__ == "__main__":
    main()
