"""What a contestant tells of itself: how long it took without its start-up, and what it ran with.

The whole process is measured from outside as well. The part inside is what scales with the number of records.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["job", "measured"]

RESULT = "result.json"


def job() -> dict[str, Any]:
    """Return what is to be done: `url`, `records`, `page_size` and the contestant's own options."""
    found: dict[str, Any] = json.loads(os.environ["BENCHMARK_JOB"])
    return found


@contextmanager
def measured(*packages: str) -> Iterator[dict[str, Any]]:
    """Time the block, then write what it took to the folder this process runs in. What the block puts in is written too."""
    told: dict[str, Any] = {}
    wall, cpu = time.perf_counter(), _cpu()
    yield told
    told |= {
        "seconds": time.perf_counter() - wall,
        "cpu": _cpu() - cpu,
        "versions": {one: version(one) for one in packages},
    }
    Path(RESULT).write_text(json.dumps(told), encoding="utf-8")


def _cpu() -> float:
    children = os.times()  # of the processes started and awaited; its own clock ticks too seldom for a short run
    return time.process_time() + children.children_user + children.children_system
