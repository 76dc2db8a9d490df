"""Runs connectors in this process and lands their rows, with the meaning of the SDK's own local runner."""

import os

# Read when Arrow and DuckDB are first imported. Both carry jemalloc (Arrow's builds for glibc do), which keeps what is freed for each
# thread, and for a second, unless it is told otherwise: then a sync takes a tenth less memory, and hardly more time. The allocator
# that Arrow would choose itself keeps even more.
os.environ.setdefault(
    "DUCKDB_JE_MALLOC_CONF",
    "narenas:1,lg_tcache_max:12,dirty_decay_ms:200,muzzy_decay_ms:0,background_thread:true",
)
os.environ.setdefault("JE_ARROW_MALLOC_CONF", os.environ["DUCKDB_JE_MALLOC_CONF"])
os.environ.setdefault(
    "ARROW_DEFAULT_MEMORY_POOL",
    "jemalloc" if "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", ()) else "system",
)

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
