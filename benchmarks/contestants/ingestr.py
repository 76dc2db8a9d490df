"""ingestr, the program that its package on PyPI carries, into DuckDB. Its start-up is a part of what it takes.

It fetches DuckDB's driver from elsewhere where it finds none. Here it finds that of DuckDB's Python package, which needs Python's own library.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from benchmarks.contestants.timed import awaited, job, measured

MANIFEST = """manifest_version = 1
[Driver]
entrypoint = "duckdb_adbc_init"
shared = "{library}"
"""


def driven() -> dict[str, str]:
    """Write the driver's manifest; return the environment in which it is found."""
    found = find_spec("_duckdb")
    python = Path(str(sysconfig.get_config_var("LIBDIR")), str(sysconfig.get_config_var("LDLIBRARY")))
    if found is None or found.origin is None or python.suffix == ".a":
        raise SystemExit("Error: DuckDB's driver needs a Python that is a shared library")
    Path("duckdb.toml").write_text(MANIFEST.format(library=found.origin), encoding="utf-8")
    return {"ADBC_DRIVER_PATH": str(Path.cwd()), "LD_PRELOAD": str(python)}


def main() -> None:
    """Run one ingestion from nothing."""
    wanted = job()
    options = {
        "source-uri": wanted["source"].format(**wanted),
        "source-table": wanted["name"].format(**wanted),
        "dest-uri": f"duckdb:///{Path.cwd() / 'warehouse.db'}",
        "dest-table": "landed.orders",
        "progress": "log",
    }
    program = str(Path(sys.executable).with_name("ingestr"))
    command = [program, "ingest", "--yes", *(f"--{name}={value}" for name, value in options.items())]
    with measured("ingestr", "duckdb") as told:
        running = subprocess.Popen(command, env={**os.environ, **driven(), "TELEMETRY_OPTOUT": "true"})
        told["peak"] = awaited(running, "ingestr")


if __name__ == "__main__":
    main()
