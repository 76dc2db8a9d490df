"""Which query feeds which table, and from where the next sync goes on."""

from collections.abc import Iterator

from headwater_runtime import Client, Settings, Stream, Token

import api
from models import CUSTOMERS, LINES, ORDERS, TAXES, lines, order, taxes


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    """Orders are only added; customers are read whole."""
    into = {ORDERS: order, LINES: lines, TAXES: taxes}
    yield Stream(api.orders(client, settings), into, Token(), checkpoint_rows=50)
    yield Stream(api.customers(client, settings), {CUSTOMERS: dict})
