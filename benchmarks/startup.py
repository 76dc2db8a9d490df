"""`startup`: how long `headwater --help` takes, and what importing the runtime costs a connector beyond the SDK's own import."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import machine, shown, table

__all__ = ["start", "startup_section"]

IMPORTS = """
import json, time
import fivetran_connector_sdk
between = time.perf_counter()
import headwater_runtime
print(json.dumps((time.perf_counter() - between) * 1000))
"""


def start(rounds: int) -> dict[str, list[float]]:
    """Return milliseconds by what was started, in turns; the first turn is not counted."""
    program = Path(sys.executable).with_name("headwater")
    command = [str(program)] if program.exists() else [sys.executable, "-m", "headwater"]
    found: dict[str, list[float]] = {
        "`headwater --help`": [],
        "an empty Python": [],
        "importing `headwater_runtime` after the SDK": [],
    }
    for _ in range(rounds + 1):
        for times, took in zip(
            found.values(),
            (_wall([*command, "--help"]), _wall([sys.executable, "-c", "pass"]), float(json.loads(_said(IMPORTS)))),
            strict=True,
        ):
            times.append(took)
    return {name: times[1:] for name, times in found.items()}


def _wall(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begun) * 1000


def _said(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def startup_section(found: dict[str, Sequence[float]] | dict[str, list[float]]) -> str:
    """Return the section."""
    rows = [(name, shown(times, 0)) for name, times in found.items()]
    rounds = len(next(iter(found.values())))
    return f"{rounds} starts each, in turns: the median, and the least and the most. {machine()}.\n\n" + table(
        ("", "ms"), rows
    )
