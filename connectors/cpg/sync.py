"""Which endpoint feeds which table, and from where the next sync goes on."""

from collections.abc import Iterator

from headwater_runtime import Client, Settings, Stream, Token

from api import cpg_data
from models import CPG_RECORDS, cpg_record


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    """Read records from the saved cursor on, with a checkpoint after every 100."""
    yield Stream(cpg_data(client, settings), {CPG_RECORDS: cpg_record}, cursor=Token(), checkpoint_rows=100)
