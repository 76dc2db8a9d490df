"""Tunnel: the way to a database through an SSH server, by paramiko: a local port whose connections go on from there."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from headwater_runtime.errors import ConfigError, TransportError, require
from headwater_runtime.sql.need import needed

__all__ = ["Forward", "Tunnel"]

BLOCK = 65_536
PORTS = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}
KEY_HINT = "give the private key as it stands in its file, PEM or OpenSSH, and its passphrase= if it has one"
KEPT = "check host and port of the tunnel and that its server runs, then run again"


@dataclass(frozen=True)
class Tunnel:
    """An SSH server that leads to the database. `key` is the text of a private key; `passphrase` opens it.

    The server must prove who it is: by `fingerprint`, "SHA256:…" as `ssh-keygen -lf` prints it of its host key, or by
    `known_hosts`, lines of such a file. Raises ConfigError without either, and without a password or a key.
    """

    host: str
    user: str
    port: int = 22
    password: str | None = field(default=None, repr=False, kw_only=True)
    key: str | None = field(default=None, repr=False, kw_only=True)
    passphrase: str | None = field(default=None, repr=False, kw_only=True)
    fingerprint: str | None = field(default=None, kw_only=True)
    known_hosts: str | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        require(self.host and self.user, "a tunnel needs a host and a user", self.where, "give Tunnel(host, user, …)")
        require(self.password or self.key, "a tunnel needs a password or a private key", self.where, KEY_HINT)
        hint = "give fingerprint='SHA256:…', as `ssh-keyscan HOST | ssh-keygen -lf -` prints it"
        what = "nothing says which SSH server is the right one"
        require(self.fingerprint or self.known_hosts, what, self.where, hint)

    @property
    def where(self) -> str:
        """The server."""
        return f"tunnel {self.host}:{self.port}"

    @property
    def secrets(self) -> list[str]:
        """What no message may hold."""
        return [one for one in (self.password, self.key, self.passphrase) if one]

    def opened(self, url: sa.URL, timeout: float) -> Forward:
        """Return a local port that leads to the database at `url`. Connects when it is used."""
        port = url.port or PORTS.get(url.get_backend_name(), 0)
        require(port, "a tunnel needs the port of the database", self.where, "put it in the URL")
        return Forward(self, (str(url.host), port), timeout)

    def connected(self, timeout: float) -> Any:
        """Return a transport of paramiko, signed in. Raises ConfigError, or TransportError if nobody answers."""
        paramiko = needed("paramiko", "paramiko")
        try:
            line = socket.create_connection((self.host, self.port), timeout)
        except OSError as error:
            raise TransportError(f"the SSH server does not answer: {error}", where=self.where, hint=KEPT) from error
        transport = paramiko.Transport(line)
        transport.banner_timeout = transport.auth_timeout = timeout
        try:
            transport.start_client(timeout=timeout)
            self._check(transport.get_remote_server_key())
            if self.key:
                transport.auth_publickey(self.user, self._private(paramiko))
            else:
                transport.auth_password(self.user, self.password)
        except paramiko.AuthenticationException as error:
            transport.close()
            hint = "check user, and password or key; the key's public half must be in the server's authorized_keys"
            raise ConfigError("the SSH server refuses to let in", where=self.where, hint=hint) from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            transport.close()
            raise TransportError(f"the SSH server hung up: {error}", where=self.where, hint=KEPT) from error
        except ConfigError:
            transport.close()
            raise
        transport.set_keepalive(30)
        return transport

    def _check(self, key: Any) -> None:
        shown = "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
        if self.fingerprint:
            right = self.fingerprint.rstrip("=") == shown
        else:
            entries = [
                line.split() for line in (self.known_hosts or "").splitlines() if line.strip()[:1] not in {"", "#"}
            ]
            names = {self.host, f"[{self.host}]:{self.port}"}
            told = [one[1:3] for one in entries if len(one) > 2 and names & set(one[0].split(","))]
            right = [key.get_name(), key.get_base64()] in told
        hint = f"if the server was set up anew, its fingerprint is {shown}: ask who runs it before you trust it"
        require(right, "the SSH server is not the one that was named", self.where, hint)

    def _private(self, paramiko: Any) -> Any:
        for kind in ("Ed25519Key", "ECDSAKey", "RSAKey"):
            with suppress(paramiko.SSHException, ValueError, IndexError):
                return getattr(paramiko, kind).from_private_key(io.StringIO(self.key), self.passphrase)
        raise ConfigError("the private key of the tunnel cannot be read", where=self.where, hint=KEY_HINT)


class Forward:
    """A local port. Each connection to it is one to the database through the SSH server, which is called again if it is lost."""

    def __init__(self, tunnel: Tunnel, target: tuple[str, int], timeout: float) -> None:
        self._tunnel, self._target, self._timeout = tunnel, target, timeout
        self._transport: Any = None
        self._lock = threading.Lock()
        self.transport()  # a wrong password is told as such, not as a database that does not answer
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._serve, name="headwater-tunnel", daemon=True).start()

    def transport(self) -> Any:
        """Return the line to the SSH server."""
        with self._lock:
            if self._transport is None or not self._transport.is_active():
                self._transport = self._tunnel.connected(self._timeout)
            return self._transport

    def close(self) -> None:
        """End every connection."""
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        if self._transport is not None:
            self._transport.close()

    def _serve(self) -> None:
        while True:
            try:
                near, origin = self._door.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._lead, args=(near, origin), name="headwater-tunnel", daemon=True).start()

    def _lead(self, near: socket.socket, origin: Any) -> None:
        try:
            far = self.transport().open_channel("direct-tcpip", self._target, origin, timeout=self._timeout)
        except Exception:  # noqa: BLE001  (whoever connected sees that it is closed, and tries again)
            near.close()
            return
        back = threading.Thread(target=_pump, args=(far, near), name="headwater-tunnel", daemon=True)
        back.start()
        _pump(near, far)
        back.join()
        for one in (near, far):
            with suppress(OSError, EOFError):  # what is broken cannot be closed well
                one.close()


def _pump(source: Any, target: Any) -> None:
    """Pass on what `source` sends until it ends, then end `target`'s way."""
    with suppress(OSError, EOFError):
        while data := source.recv(BLOCK):
            target.sendall(data)
    with suppress(OSError, EOFError):
        target.shutdown(socket.SHUT_WR) if isinstance(target, socket.socket) else target.shutdown_write()
    if isinstance(source, socket.socket):
        return
    with suppress(OSError):  # the far end is gone: so that the near one notices
        target.shutdown(socket.SHUT_RDWR)
