"""dlt's filesystem source into DuckDB, with its columnar readers where it has one. It replaces the table, so it is spared the search for keys."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contestants.dlt_pipeline import piped, prepared
from benchmarks.contestants.timed import job, measured

READERS = {
    "csv": ("read_csv_duckdb", {"chunk_size": 100_000, "use_pyarrow": True}),
    "jsonl": ("read_jsonl", {"chunksize": 20_000}),
    "parquet": ("read_parquet", {"chunksize": 100_000, "use_pyarrow": True}),
}


def main() -> None:
    """Run one pipeline from nothing."""
    wanted = job()
    prepared(file_items=200_000 if wanted["form"] == "jsonl" else 0)
    from dlt.sources.filesystem import readers

    path = Path(wanted["path"])
    with measured("dlt", "duckdb", "pyarrow", "fsspec"):
        reader, options = READERS[wanted["form"]]
        source = readers(bucket_url=path.parent.as_uri(), file_glob=path.name).resources[reader](**options)
        piped(source.with_name("orders"), write_disposition="replace", loader_file_format="parquet")


if __name__ == "__main__":
    main()
