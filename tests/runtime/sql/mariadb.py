"""A MariaDB server of our own on a free port, run by an unprivileged user in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql

if TYPE_CHECKING:
    from typing_extensions import Self

NOBODY = 65_534
PASSWORD = "maria-test-7f20"
INIT = f"""CREATE USER 'owner'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON *.* TO 'owner'@'127.0.0.1' WITH GRANT OPTION;
"""


class NoMariaDbError(Exception):
    """There is no server to start."""


class MariaDb:
    """The server, as a context manager. It may be stopped and started in between."""

    def __init__(self) -> None:
        if shutil.which("mariadbd", path=PATH) is None:
            raise NoMariaDbError("no MariaDB to test with: apt-get install mariadb-server")
        self._folder = Path(tempfile.mkdtemp(prefix="headwater-mariadb-"))
        self._owner: dict[str, Any] = {}
        if os.getuid() == 0:
            self._owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            os.chown(self._folder, NOBODY, NOBODY)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = ["mariadb-install-db", "--no-defaults", f"--datadir={self._folder}/data", "--skip-test-db"]
        command += ["--auth-root-authentication-method=normal"]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, env=ENV, **self._owner)
        assert done.returncode == 0, done.stderr
        (self._folder / "init.sql").write_text(INIT)
        self.start("--init-file=" + str(self._folder / "init.sql"))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, *more: str) -> None:
        folder = self._folder
        options = [
            f"--datadir={folder}/data",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--socket={folder}/s",
        ]
        options += [f"--pid-file={folder}/pid", f"--log-error={folder}/log.err", "--skip-name-resolve", "--tmpdir=/tmp"]
        options += [
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync",
            "--sync-frm=0",
            "--innodb-buffer-pool-size=32M",
            "--performance-schema=off",
        ]
        command = ["mariadbd", "--no-defaults", *options, *more]
        self._process = subprocess.Popen(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV, **self._owner
        )
        until = time.monotonic() + 40
        while True:
            try:
                self.connect().close()
            except pymysql.err.OperationalError:
                assert time.monotonic() < until, (folder / "log.err").read_text()[-2000:]
                time.sleep(0.05)
            else:
                return

    def encrypted(self, certificates: Path) -> list[str]:
        """Return the options that make it speak TLS with the certificate of a folder."""
        copies = [self._folder / name for name in ("server.pem", "server.key")]
        for copy in copies:
            shutil.copy(certificates / copy.name, copy)
            if self._owner:
                os.chown(copy, NOBODY, NOBODY)
        return [f"--ssl-cert={copies[0]}", f"--ssl-key={copies[1]}"]

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def connect(self, database: str | None = None, **how: Any) -> pymysql.connections.Connection[Any]:
        told = {"user": "owner", "password": PASSWORD, "autocommit": True, "charset": "utf8mb4", **how}
        return pymysql.connect(host="127.0.0.1", port=self.port, database=database, **told)


PATH = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
ENV = {**os.environ, "PATH": PATH}
