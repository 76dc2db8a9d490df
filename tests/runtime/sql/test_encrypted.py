"""Encrypted lines: taken where the certificate is right, refused where it is not or where there is none."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headwater_runtime import ConfigError, Retry
from headwater_runtime.sql import Database

from .conftest import Place, records

SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))


class Encrypted:
    """A port that speaks TLS, with a certificate for 127.0.0.1, before a server that does not."""

    def __init__(self, target: int, context: ssl.SSLContext) -> None:
        self._target, self._context = target, context
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._door.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._lead, args=(line,), daemon=True).start()

    def _lead(self, line: socket.socket) -> None:
        with suppress(OSError), line:
            while (asked := line.recv(8)) and asked != SSL_REQUEST:
                line.sendall(b"N")  # encryption by Kerberos
            line.sendall(b"S")
            near = self._context.wrap_socket(line, server_side=True)
            with near, socket.create_connection(("127.0.0.1", self._target)) as far:
                threading.Thread(target=_pump, args=(far, near), daemon=True).start()
                _pump(near, far)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """Return a folder with the certificate of an authority, of a server at 127.0.0.1, and of another authority."""
    folder = tmp_path_factory.mktemp("certificates")
    day = datetime.now(timezone.utc)

    def made(name, issuer, key, by, *more):
        names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, issuer)]
        built = x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1]).public_key(key.public_key())
        built = built.serial_number(x509.random_serial_number()).not_valid_before(day - timedelta(days=1))
        built = built.not_valid_after(day + timedelta(days=9))
        for extension in more:
            built = built.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return built.sign(by, hashes.SHA256())

    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("authority", "other", "server")}
    root = x509.BasicConstraints(ca=True, path_length=None)
    where = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    for name in ("authority", "other"):
        certificate = made(name, name, keys[name], keys[name], root)
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    certificate = made("server", "authority", keys["server"], keys["authority"], where)
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "server.key").write_bytes(keys["server"].private_bytes(serialization.Encoding.PEM, *form))
    return folder


@pytest.fixture
def encrypted(postgres, signed) -> Iterator[Place]:
    """A schema of a server that is reached through TLS only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed / "server.pem", signed / "server.key")
    door = Encrypted(postgres.server.port, context)
    postgres.url = postgres.url.replace(f":{postgres.server.port}/", f":{door.port}/")
    yield postgres
    for database in postgres.opened:
        database.close()
    postgres.opened.clear()
    door.close()


def asked(place, query, **options):
    place.opened.append(Database(place.url + query, retry=Retry(attempts=1), **options))
    return records(place.opened[-1].query("SELECT 1 AS id"))


@pytest.mark.parametrize("fast", [True, False], ids=["adbc", "psycopg"])
def test_a_line_to_postgresql_is_encrypted_as_the_address_says(encrypted, signed, fast):
    trusted, wrong = f"&sslrootcert={signed}/authority.pem", f"&sslrootcert={signed}/other.pem"
    for query in ("?sslmode=require", "?sslmode=verify-ca" + trusted, "?sslmode=verify-full" + trusted):
        assert asked(encrypted, query, fast=fast) == [{"id": 1}]
    for untold in (wrong, ""):  # without a word of it, the authorities that everybody knows
        with pytest.raises(ConfigError, match="there is no encrypted connection: .*certificate verify failed"):
            asked(encrypted, "?sslmode=verify-full" + untold, fast=fast)
    encrypted.url = encrypted.url.replace("127.0.0.1", "localhost")
    with pytest.raises(ConfigError, match="there is no encrypted connection: .*localhost"):
        asked(encrypted, "?sslmode=verify-full" + trusted, fast=fast)


def test_a_server_without_encryption_is_told_as_such(postgres, mariadb, signed):
    with pytest.raises(ConfigError, match="there is no encrypted connection: .*SSL"):
        asked(postgres, "?sslmode=require")
    with pytest.raises(ConfigError, match="there is no encrypted connection: .*SSL"):
        asked(mariadb, f"?ssl_ca={signed}/authority.pem")


def test_an_authority_that_is_named_is_asked_of_mariadb_too(mariadb, mariadb_server, signed):
    mariadb_server.stop()
    try:
        mariadb_server.start(*mariadb_server.encrypted(signed))
        for query in (f"?ssl_ca={signed}/authority.pem", f"?ssl_ca={signed}/authority.pem&ssl_verify_identity=true"):
            assert asked(mariadb, query) == [{"id": 1}]
        with pytest.raises(ConfigError, match="there is no encrypted connection: .*certificate"):
            asked(mariadb, f"?ssl_ca={signed}/other.pem")
        mariadb.url = mariadb.url.replace("127.0.0.1", "localhost")
        with pytest.raises(ConfigError, match="there is no encrypted connection: .*localhost"):
            asked(mariadb, f"?ssl_ca={signed}/authority.pem&ssl_verify_identity=true")
    finally:
        mariadb_server.stop()
        mariadb_server.start()
