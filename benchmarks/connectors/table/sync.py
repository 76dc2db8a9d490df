"""Which table of the database feeds which table."""

from collections.abc import Iterator

from headwater_runtime import Settings, Stream
from headwater_runtime.sql import Database

from models import ORDERS


def streams(db: Database, settings: Settings) -> Iterator[Stream]:
    """Read the whole table, in chunks by its key."""
    yield Stream(db.table(settings.table), {ORDERS: dict})
