"""The floor of `files`: DuckDB's own readers into a table, types found by them. No key, no state."""

from __future__ import annotations

from benchmarks.contestants.timed import job, measured

READERS = {"csv": "read_csv", "jsonl": "read_json", "parquet": "read_parquet"}


def main() -> None:
    """Read and load."""
    wanted = job()
    import duckdb

    with measured("duckdb"), duckdb.connect("warehouse.db") as connection:
        connection.execute(f"CREATE TABLE orders AS FROM {READERS[wanted['form']]}('{wanted['path']}')")


if __name__ == "__main__":
    main()
