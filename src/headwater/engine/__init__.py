"""Runs connectors in this process and lands their rows, with the meaning of the SDK's own local runner."""

import os

# Arrow's other allocators keep what is freed; with the system's, memory does not grow with a sync.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

from headwater.engine.buffer import BUFFER_BYTES, Change
from headwater.engine.compare import Content, content, differences
from headwater.engine.destination import Destination
from headwater.engine.duckdb_destination import DuckDbDestination
from headwater.engine.events import Event, Listener, captured
from headwater.engine.intake import Killed
from headwater.engine.load import LoadedConnector, load
from headwater.engine.naming import fivetran_name, fivetran_table_name
from headwater.engine.parquet_destination import ParquetDestination
from headwater.engine.postgres_destination import PostgresDestination
from headwater.engine.result import SyncResult
from headwater.engine.run import run
from headwater.engine.sdk import run_sdk
from headwater.engine.state import StateFile
from headwater.engine.warehouse import Rows, live_counts, query, sample

__all__ = [
    "BUFFER_BYTES",
    "Change",
    "Content",
    "Destination",
    "DuckDbDestination",
    "Event",
    "Killed",
    "Listener",
    "LoadedConnector",
    "ParquetDestination",
    "PostgresDestination",
    "Rows",
    "StateFile",
    "SyncResult",
    "captured",
    "content",
    "differences",
    "fivetran_name",
    "fivetran_table_name",
    "live_counts",
    "load",
    "query",
    "run",
    "run_sdk",
    "sample",
]
