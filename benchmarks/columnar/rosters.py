"""Who takes part in `sql` and `files`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmarks.roster import FLOOR, HEADWATER, Contestant

__all__ = ["ABSENT", "file_contestants", "headwater", "sql_contestants"]

CONNECTORS = Path(__file__).parents[1] / "connectors"
LANDED, TESTER = "landed.orders", "tester.orders"
INGESTR = "ingestr==0.15.9"  # the last whose package carries the program; since 1.0 it is a launcher that downloads one


def headwater(connector: str, *more: str) -> Contestant:
    """Return a connector on the runtime through Headwater's engine."""
    modules = (
        ("adbc_driver_postgresql.dbapi", "psycopg", "sqlalchemy.dialects.postgresql") if connector == "table" else ()
    )
    options = {"connector": str(CONNECTORS / connector), "packages": list(more), "modules": modules}
    return Contestant(HEADWATER, "engine", TESTER, options)


def _duckdb() -> str:
    return f"duckdb=={version('duckdb')}"


def _dlt() -> tuple[str, ...]:
    return (
        "dlt[duckdb,parquet,sql_database,filesystem]",
        "connectorx",
        "psycopg2-binary",
        "sqlalchemy<2.1",  # whose driver for postgresql:// is psycopg2
        _duckdb(),
    )


def _floor(name: str, way: str, module: str, *requirements: str, ranges: int = 1) -> Contestant:
    """Return a driver's floor, in this environment where its module is installed."""
    there = () if find_spec(module) else (*requirements, "pyarrow", _duckdb())
    options = {"way": way, "ranges": ranges}
    return Contestant(f"{FLOOR}, {name}", "sql_floor", "orders", options, there, environment=f"{way}_floor")


def sql_contestants() -> tuple[Contestant, ...]:
    """Return all, in the order they take turns. Peers get our DuckDB where they allow it: it is not what is compared."""
    plain = {"connector": str(CONNECTORS / "table_plain"), "packages": ["sqlalchemy", "psycopg"]}
    extension = ("duckdb==1.5.5", "duckdb-extension-postgres-scanner==1.5.5", "duckdb-extensions")
    dlt = {"chunk": 100_000}
    return (
        _floor("ADBC", "adbc", "adbc_driver_postgresql", "adbc-driver-postgresql"),
        _floor("ConnectorX", "connectorx", "connectorx", "connectorx"),
        _floor("ConnectorX, two ranges", "connectorx", "connectorx", "connectorx", ranges=2),
        Contestant(
            f"{FLOOR}, DuckDB's PostgreSQL reader",
            "sql_floor",
            "orders",
            {"way": "duckdb"},
            extension,
            environment="duckdb_postgres",
        ),
        headwater("table", "adbc-driver-postgresql", "sqlalchemy"),
        Contestant("headwater, hand-written connector", "engine", TESTER, plain, scaled=True),
        Contestant(
            "ingestr",
            "ingestr",
            LANDED,
            {"source": "{url}?sslmode=disable", "name": "public.{table}"},
            (INGESTR, _duckdb()),
        ),
        Contestant(
            "dlt, ConnectorX",
            "sql_dlt",
            LANDED,
            {"backend": "connectorx", "packages": ["connectorx"], "modules": ["connectorx"], **dlt},
            _dlt(),
            environment="dlt",
        ),
        Contestant(
            "dlt, PyArrow",
            "sql_dlt",
            LANDED,
            {"backend": "pyarrow", "packages": ["psycopg2-binary"], "modules": ["psycopg2"], **dlt},
            _dlt(),
            environment="dlt",
        ),
    )


def file_contestants(form: str) -> tuple[Contestant, ...]:
    """Return all that read files of the form, in the order they take turns."""
    slow = form == "jsonl"
    found = [
        Contestant(f"{FLOOR}, DuckDB's own reader", "files_floor", "orders"),
        headwater("stored", "fsspec"),
        Contestant("dlt", "files_dlt", LANDED, requirements=_dlt(), environment="dlt", scaled=slow),
    ]
    if form != "parquet":
        source = {"source": f"{form}://{{path}}", "name": "orders"}
        found.append(Contestant("ingestr", "ingestr", LANDED, source, (INGESTR, _duckdb()), scaled=True))
    return tuple(found)


ABSENT: Mapping[str, Mapping[str, str]] = {
    "parquet": {
        "ingestr": "not run: it reads Parquet from object stores and SFTP only, and CSV and JSONL from a local disk"
    }
}
