"""A PostgreSQL server of our own on loopback, and the table in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contestants.columns import COLUMNS
from benchmarks.measure import said
from headwater.simulate.postgres_server import OWNER, PASSWORD, PostgresServer

__all__ = ["filled", "table", "url"]

SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "autovacuum": "off"}
TYPES = {"DOUBLE": "double precision", "VARCHAR": "text", "DECIMAL(12,2)": "numeric(12,2)"}


@contextmanager
def url() -> Iterator[str]:
    """Run a server; give the address of its one database. Raises SimulatorError where there are no binaries."""
    with PostgresServer(**SETTINGS) as server:
        yield f"postgresql://{OWNER}:{PASSWORD}@127.0.0.1:{server.port}/postgres"


def table(rows: int) -> str:
    """Return the name of the table of so many rows."""
    return f"orders_{rows}"


def filled(address: str, csv: Path, rows: int) -> None:
    """Make the table of so many rows from `csv`, with its key, as a database that has been at rest."""
    said("benchmarks.columnar.postgres", address, csv, table(rows))


def main(address: str, csv: Path, name: str) -> None:
    """Fill the table. A process of its own: the driver's memory would show in its parent's children."""
    import psycopg  # noqa: PLC0415

    columns = ", ".join(f"{column} {TYPES.get(kind, kind)}" for column, kind in COLUMNS.items())
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {name} ({columns})".encode())
        with (
            csv.open("rb") as file,
            connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv, HEADER)".encode()) as into,
        ):
            while block := file.read(1 << 20):
                into.write(block)
        connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY (id)".encode())
        connection.execute(f"VACUUM (ANALYZE, FREEZE) {name}".encode())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
