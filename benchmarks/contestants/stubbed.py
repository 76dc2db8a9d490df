"""A connector on Fivetran's side, with the SDK's operations replaced: what is left is the reading, the runtime and the row functions.

Without Headwater's engine, which is no part of a deployment. Told no connector, it does what the stub costs alone.
"""

from __future__ import annotations

import importlib
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.contestants.tally import Tally
from benchmarks.contestants.timed import job, measured

Row = dict[str, Any]
Upsert = Callable[[str, Row], None]


def nothing(table: str, data: Row) -> None:
    """Do nothing, in place of an upsert."""


def saved(state: Row) -> None:
    """Do nothing, in place of a checkpoint."""


def sleeping(seconds: float, page: int) -> Upsert:
    """Return an upsert that waits after every so many rows, as one does for a destination that writes."""
    count = 0

    def upsert(table: str, data: Row) -> None:  # noqa: ARG001  (as the SDK's is called)
        nonlocal count
        count += 1
        if count % page == 0:
            time.sleep(seconds)

    return upsert


def busy(seconds: float, page: int) -> Upsert:
    """Return an upsert that computes, so long that it comes to `seconds` of this thread's CPU for every so many rows."""
    each = seconds / page

    def upsert(table: str, data: Row) -> None:  # noqa: ARG001  (as the SDK's is called)
        until = time.thread_time() + each
        while time.thread_time() < until:
            pass

    return upsert


def main() -> None:
    """Run one sync from nothing."""
    wanted = job()
    if limit := wanted.get("address_space"):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if not wanted.get("orjson"):
        sys.modules["orjson"] = None  # type: ignore[assignment]  # an import of it fails, as where it is not installed
    import requests  # noqa: F401  (start-up, whoever imports it first)
    from fivetran_connector_sdk import Operations

    stub, packages = (
        wanted["stub"],
        ["fivetran_connector_sdk", "requests", *(["orjson"] if wanted.get("orjson") else [])],
    )
    tally = Tally(stub, Path(wanted["pool"])) if stub in {"keys", "content"} else None
    if tally is not None:
        upsert: Upsert = tally.upsert
    elif stub == "nothing":
        upsert = nothing
    else:
        upsert = {"sleeping": sleeping, "busy": busy}[stub](wanted["emit"], wanted["page_size"])
    Operations.upsert, Operations.checkpoint = staticmethod(upsert), staticmethod(saved)
    update = _connector(wanted["connector"]) if wanted["connector"] else None
    with measured(*packages) as told:
        if update is not None:
            update(wanted["configuration"], {})
        else:
            for _ in range(wanted["records"]):
                upsert("cpg_records", {})
        told["reached"] = tally.told() if tally is not None else None


def _connector(folder: str) -> Callable[[Row, Row], None]:
    """Return the update of the connector, found the way the platform finds it."""
    sys.path.insert(0, folder)
    found: Callable[[Row, Row], None] = importlib.import_module("connector").connector.update_method
    return found


if __name__ == "__main__":
    main()
