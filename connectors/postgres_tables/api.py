"""A PostgreSQL database: its settings and how it is reached. Knows no tables."""

from base64 import b64decode
from dataclasses import dataclass, field

from headwater_runtime import Choice, Config, Int, Secret, Settings, Text
from headwater_runtime.sql import Database, Tunnel
from sqlalchemy import URL


@dataclass(frozen=True)
class Names:
    """Several names or patterns."""

    label: str
    default: str = ""
    kind: str = field(default="names or patterns like sales_*, separated by commas", init=False)

    def parse(self, text: str) -> tuple[str, ...]:
        """Return them, in order."""
        return tuple(name.strip() for name in text.split(",") if name.strip())


@dataclass(frozen=True)
class Keys:
    """Columns by table."""

    label: str
    default: str = ""
    kind: str = field(default="like view=column; table=column+column", init=False)

    def parse(self, text: str) -> dict[str, tuple[str, ...]]:
        """Return the columns of each table."""
        pairs = [part.partition("=") for part in text.split(";") if part.strip()]
        found = {name.strip(): tuple(map(str.strip, columns.split("+"))) for name, _, columns in pairs}
        if not all(name and all(columns) for name, columns in found.items()):
            raise ValueError(f"is '{text}'")
        return found


@dataclass(frozen=True)
class Packed(Secret):
    """A secret of several lines, packed into one."""

    kind: str = field(default="a secret, as `base64 -w0 FILE` prints it", init=False)

    def parse(self, text: str) -> str:
        """Return its lines."""
        return b64decode(super().parse(text), validate=True).decode()


CONFIG = Config(
    host=Text("Host"),
    port=Int("Port", default=5432, low=1, high=65_535),
    database=Text("Database"),
    user=Text("User"),
    password=Secret("Password"),
    sslmode=Choice("Encryption", ("disable", "prefer", "require", "verify-full"), default="prefer"),
    schema=Text("Schema", default="public"),
    include=Names("Tables and views to read", default="*"),
    exclude=Names("Tables and views to leave out"),
    updated=Names("Columns that tell when a row changed; the first a table has", default="updated_at, modified_at"),
    zone=Text("Time zone of such columns that do not tell theirs", default="UTC"),
    deleted=Text("Column that marks deleted rows", default=""),
    keys=Keys("Keys of views, and of tables without a primary key"),
    vanished=Names("Tables read whole whose vanished rows are deleted, of 250,000 rows at most", default="*"),
    chunk=Int("Rows read at a time", default=50_000, low=1, high=1_000_000),
    lag=Int("Seconds a change may take to show", default=300, high=86_400),
    ssh_host=Text("SSH server on the way; empty: none", default=""),
    ssh_port=Int("Its port", default=22, low=1, high=65_535),
    ssh_user=Text("SSH user", default=""),
    ssh_key=Packed("SSH private key", default=""),
    ssh_fingerprint=Text("Fingerprint of the SSH server's key, SHA256:…", default=""),
)


def database(settings: Settings) -> Database:
    """Describe the database; nothing connects yet."""
    url = URL.create(
        "postgresql",
        settings.user,
        settings.password,
        settings.host,
        settings.port,
        settings.database,
        {"sslmode": settings.sslmode},
    )
    return Database(url, tunnel(settings) if settings.ssh_host else None)


def tunnel(settings: Settings) -> Tunnel:
    """Describe the way through the SSH server."""
    return Tunnel(
        settings.ssh_host,
        settings.ssh_user,
        port=settings.ssh_port,
        key=settings.ssh_key,
        fingerprint=settings.ssh_fingerprint,
    )
