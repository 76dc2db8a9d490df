"""dlt into DuckDB, the part that all of its contestants have in common."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

__all__ = ["piped", "prepared"]

TUNED = {
    "SOURCES__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "2",
}


def prepared(file_items: int = 0) -> None:
    """Set what dlt reads when it is imported: no telemetry, and larger buffers where a file is to hold so many items."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    if file_items:
        os.environ.update(TUNED, SOURCES__DATA_WRITER__FILE_MAX_ITEMS=str(file_items))


def piped(source: Any, **options: Any) -> None:
    """Run a pipeline from nothing."""
    import dlt

    pipeline = dlt.pipeline(
        "benchmark",
        destination=dlt.destinations.duckdb("warehouse.db"),
        dataset_name="landed",
        pipelines_dir=str(Path.cwd() / "pipelines"),
    )
    pipeline.run(source, **options).raise_on_failed_jobs()
