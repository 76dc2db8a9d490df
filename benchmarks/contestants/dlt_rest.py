"""dlt with its own declarative REST source, into DuckDB.

As it comes, or with option `tuned`: Parquet files between its stages, larger buffers, files small enough to share among workers. It
appends, so it is spared the search for keys that an upsert is.
"""

from __future__ import annotations

from benchmarks.contestants.dlt_pipeline import piped, prepared
from benchmarks.contestants.timed import job, measured


def main() -> None:
    """Run one pipeline from nothing."""
    wanted = job()
    prepared(file_items=50_000 if wanted.get("tuned") else 0)
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
        piped(source, loader_file_format="parquet" if wanted.get("tuned") else None)


if __name__ == "__main__":
    main()
