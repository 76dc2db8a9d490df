"""A bucket of S3, or of a store that speaks its language: its settings and how it is reached. Knows no tables."""

from dataclasses import dataclass, field

from headwater_runtime import Config, Int, Secret, Settings, Text, Toggle
from headwater_runtime.storage import Place


@dataclass(frozen=True)
class Sets:
    """Sets of files, each the rows of one table."""

    label: str
    default: None = None
    kind: str = field(default="like orders = orders/**/*.csv; visits = {day}/*.jsonl key id+day", init=False)

    def parse(self, text: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Return table, pattern and key of each; () is the key of a set whose rows are known by file and line."""
        found = []
        for part in filter(str.strip, text.split(";")):
            name, _, rest = (piece.strip() for piece in part.partition("="))
            pattern, _, key = (piece.strip() for piece in rest.partition(" key "))
            if not name or not pattern:
                raise ValueError(f"says '{part.strip()}'")
            found.append((name, pattern, tuple(map(str.strip, key.split("+"))) if key else ()))
        return tuple(found)


CONFIG = Config(
    bucket=Text("Bucket"),
    prefix=Text("Folder in the bucket", default=""),
    tables=Sets("Tables and their files, below that folder"),
    access_key=Text("Access key; empty: a public bucket", default=""),
    secret_key=Secret("Secret key", default=""),
    region=Text("Region", default="us-east-1"),
    endpoint_url=Text("Address of another store than Amazon's", default=""),
    delete_vanished=Toggle("Delete the rows of files that vanish, where file and line are the key", default="true"),
    may_be_empty=Toggle("Accept that a table has no files yet"),
    settle=Int("Seconds a file must be old, so that it is not half written", default=60, high=86_400),
    parallel=Int("Files read at a time", default=4, low=1, high=16),
    timeout=Int("Seconds to wait for an answer", default=60, low=1, high=3_600),
)


def bucket(settings: Settings) -> Place:
    """Describe the bucket; nothing connects yet."""
    return Place(
        f"s3://{settings.bucket}/{settings.prefix}".rstrip("/"),
        anon=not settings.access_key,
        key=settings.access_key or None,
        secret=settings.secret_key or None,
        endpoint_url=settings.endpoint_url or None,
        client_kwargs={"region_name": settings.region},
        config_kwargs={"connect_timeout": settings.timeout, "read_timeout": settings.timeout},
    )
