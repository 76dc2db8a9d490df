"""Runs connectors in this process and lands their rows, with the meaning of the SDK's own local runner."""

import os
from contextlib import suppress

# Read when Arrow is first imported. jemalloc, which its builds for glibc have, is quick and can be told not to keep what is freed;
# the allocator it would choose itself keeps it, and memory grows with a sync.
os.environ.setdefault(
    "ARROW_DEFAULT_MEMORY_POOL",
    "jemalloc" if "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", ()) else "system",
)

import pyarrow as pa

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

with suppress(NotImplementedError):  # a build without it
    pa.jemalloc_set_decay_ms(20)

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
