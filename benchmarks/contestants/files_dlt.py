"""dlt's filesystem source into DuckDB, with its columnar readers where it has one. It replaces the table, so it is spared the search for keys."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.contestants.timed import job, measured

READERS = {
    "csv": ("read_csv_duckdb", {"chunk_size": 100_000, "use_pyarrow": True}),
    "jsonl": ("read_jsonl", {"chunksize": 20_000}),
    "parquet": ("read_parquet", {"chunksize": 100_000, "use_pyarrow": True}),
}
TUNED = {
    "SOURCES__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "SOURCES__DATA_WRITER__FILE_MAX_ITEMS": "200000",
    "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "2",
}


def main() -> None:
    """Run one pipeline from nothing."""
    wanted = job()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    if wanted["form"] == "jsonl":
        os.environ.update(TUNED)
    import dlt
    from dlt.sources.filesystem import readers

    path = Path(wanted["path"])
    with measured("dlt", "duckdb", "pyarrow", "fsspec"):
        reader, options = READERS[wanted["form"]]
        source = readers(bucket_url=path.parent.as_uri(), file_glob=path.name).resources[reader](**options)
        pipeline = dlt.pipeline(
            "benchmark",
            destination=dlt.destinations.duckdb("warehouse.db"),
            dataset_name="landed",
            pipelines_dir=str(Path.cwd() / "pipelines"),
        )
        pipeline.run(
            source.with_name("orders"), write_disposition="replace", loader_file_format="parquet"
        ).raise_on_failed_jobs()


if __name__ == "__main__":
    main()
