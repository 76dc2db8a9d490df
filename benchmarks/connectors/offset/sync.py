"""Which endpoint feeds which table."""

from collections.abc import Iterator

from headwater_runtime import Client, Settings, Stream

from api import cpg_data
from models import CPG_RECORDS, cpg_record


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    """Read all, with as many requests at a time as the settings say."""
    yield Stream(cpg_data(client, settings), {CPG_RECORDS: cpg_record}, parallel=settings.in_flight)
