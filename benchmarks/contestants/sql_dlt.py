"""dlt's sql_database into DuckDB, with one of its backends. It replaces the table, so it is spared the search for keys that an upsert is."""

from __future__ import annotations

from benchmarks.contestants.dlt_pipeline import piped, prepared
from benchmarks.contestants.timed import job, measured


def main() -> None:
    """Run one pipeline from nothing."""
    wanted = job()
    prepared()
    from dlt.sources.sql_database import sql_table

    with measured("dlt", "duckdb", "pyarrow", "sqlalchemy", *wanted["packages"]):
        backend = wanted["backend"]
        source = sql_table(
            wanted["url"],
            table=wanted["table"],
            backend=backend,
            chunk_size=wanted["chunk"],
            # ConnectorX has no words for a naive moment in dlt's way but this one, which its documentation shows
            backend_kwargs={"return_type": "arrow_stream"} if backend == "connectorx" else {},
        )
        piped(source, table_name="orders", write_disposition="replace")


if __name__ == "__main__":
    main()
