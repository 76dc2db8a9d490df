"""What a contestant tells of itself: how long it took without its start-up, and what it ran with.

The whole process is measured from outside as well. The part inside is what scales with the number of records.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["MEBI", "RESULT", "awaited", "job", "measured", "peak"]

RESULT = "result.json"
MEBI = 2**20


def job() -> dict[str, Any]:
    """Return what is to be done: `url`, `records`, `page_size` and the contestant's own options.

    Its `modules` are imported first: a driver that is only imported where it is used belongs to the start-up all the same.
    """
    found: dict[str, Any] = json.loads(os.environ["BENCHMARK_JOB"])
    for module in found.get("modules", ()):
        import_module(module)
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


def awaited(process: subprocess.Popen[Any], name: str) -> float:
    """Wait for a process that must end well; return its peak memory in MiB."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"Error: {name} ended with {process.returncode}")
    return peak(usage)


def peak(usage: Any) -> float:
    """Return the peak memory in MiB of what `os.wait4` says a process used."""
    return float(usage.ru_maxrss) * (1 if sys.platform == "darwin" else 1024) / MEBI


def _cpu() -> float:
    children = os.times()  # of the processes started and awaited; its own clock ticks too seldom for a short run
    return time.process_time() + children.children_user + children.children_system
