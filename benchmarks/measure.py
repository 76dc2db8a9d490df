"""One run of one contestant: a process of its own, its wall clock, its CPU time, its peak memory, and what it says of itself.

The process that measures stays small and imports no library of weight: on Linux a child's peak begins with what its parent held. What needs one
is asked of a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contestants.timed import MEBI, RESULT, peak

__all__ = ["ROOT", "Failed", "Run", "emptied", "run_module", "said", "tell"]

ROOT = Path(__file__).parents[1]
LAST_LINES = 3


class Failed(Exception):  # noqa: N818  (a contestant failed; the benchmark did not)
    """A contestant did not come to its end; the text says why."""


@dataclass(frozen=True)
class Run:
    """What one run cost. `wall` and `cpu` are of the whole process; `sync` and `sync_cpu` leave out its start-up.

    `peak` is MiB of the largest process, of all together where a contestant says so itself. `told` is all that it says of itself.
    """

    wall: float
    cpu: float
    sync: float
    sync_cpu: float
    peak: float
    versions: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def megabytes(self) -> float:
        """The peak in the unit that Fivetran's limits are told in."""
        return self.peak * MEBI / 1e6

    def scaled(self, times: float) -> Run:
        """Return what `times` as many records would cost: the start-up is paid once."""
        more = times - 1
        return Run(
            self.wall + more * self.sync,
            self.cpu + more * self.sync_cpu,
            self.sync * times,
            self.sync_cpu * times,
            self.peak,
            self.versions,
            self.told,
        )


def tell(what: str) -> None:
    """Say how far the measurement is."""
    print(what, file=sys.stderr, flush=True)


def said(module: str, *arguments: object) -> str:
    """Return what a module of ours prints. Raises RuntimeError with the last line of its error."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"{module} ended with {done.returncode}"])[-1])
    return done.stdout


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """Give an empty folder to run in. It goes afterwards; what a run that failed left stays until the next."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def run_module(python: Path, module: str, job: Mapping[str, Any], folder: Path, timeout: float) -> Run:
    """Run `module` with `python` in the empty `folder`. Raises Failed."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))),  # this checkout's, whichever is installed
        "BENCHMARK_JOB": json.dumps(dict(job)),
        "DO_NOT_TRACK": "1",
        "HOME": str(folder),  # what a contestant keeps between runs would make the second run another one
    }
    log = folder / "log.txt"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(python), "-m", module],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        status, usage, in_time = _awaited(process, timeout)
        wall = time.perf_counter() - started
    if not in_time:
        raise Failed(f"not done after {timeout:.0f} s")
    result = folder / RESULT
    if status or not result.exists():
        raise Failed(_last_words(log) or f"ended with {status}")
    told = json.loads(result.read_text(encoding="utf-8"))
    return Run(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        sync=told["seconds"],
        sync_cpu=told["cpu"],
        peak=told.get("peak") or peak(usage),
        versions=told["versions"],
        told=told,
    )


def _awaited(process: subprocess.Popen[bytes], timeout: float) -> tuple[int, Any, bool]:
    """Wait for the process and everything it started; tell its status, its usage, and whether it ended in time."""
    late = threading.Event()

    def end() -> None:
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(timeout, end)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage, not late.is_set()


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors: Sequence[str] = [line for line in lines if "Error" in line or "error:" in line]
    return " / ".join((errors or lines)[-LAST_LINES:])[:400]
