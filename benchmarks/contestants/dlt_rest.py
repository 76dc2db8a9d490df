"""dlt with its own declarative REST source, into DuckDB.

As it comes, or with option `tuned`: Parquet files between its stages, larger buffers, files small enough to share among workers. It
appends, so it is spared the search for keys that an upsert is.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.contestants.timed import job, measured

TUNED = {
    "SOURCES__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "50000",
    "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "2",
}


def main() -> None:
    """Run one pipeline from nothing."""
    wanted = job()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    if wanted.get("tuned"):
        os.environ.update(TUNED)
    import dlt
    from dlt.sources.rest_api import rest_api_source

    with measured("dlt", "duckdb", *(["pyarrow"] if wanted.get("tuned") else [])):
        source = rest_api_source(
            {
                "client": {
                    "base_url": wanted["url"],
                    "paginator": {"type": "cursor", "cursor_path": "next_cursor", "cursor_param": "cursor"},
                },
                "resources": [
                    {
                        "name": "cpg_records",
                        "endpoint": {
                            "path": "cpg_data",
                            "params": {"page_size": wanted["page_size"]},
                            "data_selector": "cpg_records",
                        },
                    }
                ],
            }
        )
        pipeline = dlt.pipeline(
            "benchmark",
            destination=dlt.destinations.duckdb("warehouse.db"),
            dataset_name="landed",
            pipelines_dir=str(Path.cwd() / "pipelines"),
        )
        pipeline.run(source, loader_file_format="parquet" if wanted.get("tuned") else None).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
