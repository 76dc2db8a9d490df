"""Through a real SSH server in this process to a real database behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import asyncssh
import pytest

from headwater_runtime import ConfigError, TransientError
from headwater_runtime.sql import Database, Tunnel

from .conftest import records


class Ssh:
    """A server on loopback that lets `owner` in and leads wherever a client asks."""

    def __init__(self) -> None:
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
        self.led: list[tuple[str, int]] = []
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._run(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hang_up(self) -> None:
        """End every connection."""

        async def end() -> None:
            for connection in self.connections:
                connection.abort()

        self._run(end())

    @property
    def fingerprint(self) -> str:
        return self.host_key.get_fingerprint()

    @property
    def known(self) -> str:
        return f"# hosts\n[127.0.0.1]:{self.port} {self.host_key.export_public_key().decode()}"

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _listen(self):
        made = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn):
                made.connections.append(conn)

            def begin_auth(self, username):
                return True

            def password_auth_supported(self):
                return True

            def validate_password(self, username, password):
                return (username, password) == ("owner", "ssh-pass-8812")

            def public_key_auth_supported(self):
                return True

            def validate_public_key(self, username, key):
                return key == made.user_key.convert_to_public()

            def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
                made.led.append((dest_host, dest_port))
                return True

        return await asyncssh.listen("127.0.0.1", 0, server_factory=Server, server_host_keys=[self.host_key])

    async def _close(self) -> None:
        self._server.close()
        for connection in self.connections:
            connection.abort()
        await self._server.wait_closed()
        await asyncio.sleep(0)


@pytest.fixture(scope="module")
def ssh() -> Iterator[Ssh]:
    server = Ssh()
    yield server
    server.close()


@pytest.fixture
def through(place, ssh):
    """Return a reader of a table by way of a tunnel, with what differs of the tunnel."""
    place.execute("CREATE TABLE t (id int PRIMARY KEY, name varchar(2000))")
    place.fill("t", [(number, "x" * 2000) for number in range(2000)])

    def made(**options):
        told = {"port": ssh.port, "password": "ssh-pass-8812", "fingerprint": ssh.fingerprint, **options}
        database = place.database(tunnel=Tunnel("127.0.0.1", told.pop("user", "owner"), **told))
        return database.table("t", schema=place.schema, chunk=100)

    return made


def test_rows_come_through_the_tunnel_by_password(through, ssh, place):
    rows = through()
    assert [record["id"] for record in records(rows)] == list(range(2000))
    assert ssh.led[-1] == ("127.0.0.1", place.server.port)
    rows.client.close()


def test_by_key_and_known_hosts(through, ssh):
    for passphrase in (None, "open-sesame-1"):
        key = ssh.user_key.export_private_key("openssh", passphrase).decode()
        rows = through(password=None, key=key, passphrase=passphrase, fingerprint=None, known_hosts=ssh.known)
        assert len(records(rows)) == 2000
        rows.client.close()


def test_a_tunnel_that_is_lost_is_made_anew(through, ssh):
    rows = through()
    found = []
    for page in rows.read():
        found += [record["id"] for record in page.records]
        if found[-1] == 99:
            ssh.hang_up()
    assert found == list(range(2000))
    rows.client.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"password": "wrong-pass-11"}, "the SSH server refuses to let in"),
        ({"user": "nobody"}, "the SSH server refuses to let in"),
        ({"fingerprint": "SHA256:" + "A" * 43}, "the SSH server is not the one that was named"),
        ({"fingerprint": None, "known_hosts": "other.host ssh-ed25519 AAAA"}, "is not the one that was named"),
        ({"password": None, "key": "no key"}, "the private key of the tunnel cannot be read"),
        ({"fingerprint": None}, "nothing says which SSH server is the right one"),
        ({"password": None}, "a tunnel needs a password or a private key"),
        ({"user": ""}, "a tunnel needs a host and a user"),
    ],
)
def test_what_does_not_fit_is_a_setting_to_mend(ssh, options, message):
    told = {"port": ssh.port, "password": "ssh-pass-8812", "fingerprint": ssh.fingerprint, **options}

    def read():
        tunnel = Tunnel("127.0.0.1", told.pop("user", "owner"), **told)
        records(Database("postgresql://owner:db-pass-4410@db.internal/shop", tunnel).table("t", key="id"))

    with pytest.raises(ConfigError, match=message) as caught:
        read()
    shown = str(caught.value) + repr(caught.value.__cause__)
    assert "wrong-pass-11" not in shown
    assert "db-pass-4410" not in shown


def test_an_ssh_server_that_is_not_there_is_told_after_the_tries(place):
    database = place.database(
        tunnel=Tunnel("127.0.0.1", "owner", port=1, password="x-pass-5512", fingerprint="SHA256:x")
    )
    with pytest.raises(TransientError, match="the SSH server does not answer"):
        records(database.table("t", key="id"))


def test_a_file_needs_no_tunnel():
    tunnel = Tunnel("host", "owner", password="x-pass-5512", fingerprint="SHA256:x")
    with pytest.raises(ConfigError, match="a tunnel needs a host to lead to"):
        Database("sqlite:///x.db", tunnel)
