"""A bucket of exports, on moto's S3: CSV (every third file packed), JSON Lines in folders by day, and Parquet.

Files come, are replaced and vanish; when one was modified is the population's time. Requests must be signed by the one
reader there is, and may only read. A listing comes in pages of a few keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

from headwater.simulate import Route, Simulation, Simulator

from .bucket import ACCESS_KEY, BUCKET, PREFIX, SECRET_KEY, Bucket, refused
from .records import KINDS, Exports, Kind

__all__ = ["SIMULATOR"]

FILES = 9
OPTIONS: dict[str, object] = {
    "list_page": 4,  # keys in one answer to a listing
    "empty_page_at": None,  # the file of orders with this index has a header and no row
}


def build(*, seed: int, records: int, **options: object) -> Simulation:
    """Return the vendor with `records` files of orders; see `OPTIONS` for its switches."""
    empty, page = options["empty_page_at"], options["list_page"]
    exports = Exports(records, seed, empty if isinstance(empty, int) else None)
    bucket = Bucket(exports, page if isinstance(page, int) else 1_000)
    answer = bucket.handler()
    return Simulation(
        tuple(
            Route(method, path, answer)
            for method in ("GET", "HEAD")
            for path in ("/{bucket}", "/{bucket}/", "/{bucket}/{key+}")
        ),
        exports.populations,
        {kind.name: partial(_truth, exports, kind) for kind in KINDS},
        secrets=frozenset({SECRET_KEY}),
        refuse=refused,
        overlap={kind.name: partial(_overlap, exports, kind) for kind in KINDS},
        edited=("orders", "visits", "stock"),
        deleted=("orders", "stock"),
        breaks=(),
        begin=bucket.begin,
        end=bucket.end,
    )


def configuration(url: str) -> dict[str, str]:
    """Return what `connectors/s3_files` needs to read this vendor."""
    return {
        "bucket": BUCKET,
        "prefix": PREFIX,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "endpoint_url": url,
        "tables": "orders = orders/**/*.csv*; visits = visits/day={day:%Y-%m-%d}/*.jsonl key id; stock = stock/*.parquet",
        "may_be_empty": "true",
    }


def _truth(exports: Exports, kind: Kind) -> Iterator[dict[str, Any]]:
    yield from exports.landed(kind)


def _overlap(exports: Exports, kind: Kind, began: datetime) -> Iterator[dict[str, Any]]:
    """Yield what a sync may write when the last one began at `began`: the rows of files that are new or replaced since."""
    population = exports.populations[kind.name]
    timeline = population.timeline
    files = {
        exports.path(kind, index) for index in range(len(population)) if timeline and timeline.changed(index) >= began
    }
    for row in exports.landed(kind):
        if row["_file"] in files:
            yield row


SIMULATOR = Simulator(
    name="s3_files",
    title="S3 bucket of exports",
    build=build,
    configuration=configuration,
    keys={kind.name: kind.key or ("_file", "_line") for kind in KINDS},
    main="orders",
    records=FILES,
    secret_settings=("secret_key",),
    variations=({"parallel": "1"}, {"parallel": "4"}),
    options=OPTIONS,
)
