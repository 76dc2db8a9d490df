"""Which endpoint feeds which table."""

from collections.abc import Iterator

from headwater_runtime import Client, Settings, Stream, Token

from api import cpg_data
from models import CPG_RECORDS, cpg_record


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    """Read from the saved cursor on, with a checkpoint as often as the settings say."""
    into = {CPG_RECORDS: cpg_record}
    yield Stream(cpg_data(client, settings), into, cursor=Token(), checkpoint_rows=settings.checkpoint_rows)
