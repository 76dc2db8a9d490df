"""The SDK's own runner, in a process of its own: the reference, and a second opinion (`--engine sdk`)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater.engine.events import Listener, read_line
from headwater.engine.result import OPERATIONS, SyncResult
from headwater.engine.state import StateFile
from headwater.engine.warehouse import live_counts
from headwater.errors import ProjectError, UsageError

__all__ = ["run_sdk"]

_COUNT = re.compile(r"(Upserts|Updates|Deletes|Truncates|Schema changes|Checkpoints|File uploads)\s*\|\s*(\d+)")
_PEAK = re.compile(r"peak ([\d.]+) MB")
_FAILED = re.compile(r"^(?:\s+Error|fivetran: error): (.+)")


def run_sdk(
    project: Path | str,
    *,
    configuration: Mapping[str, Any],
    state: StateFile | None = None,
    on_event: Listener | None = None,
    program: str | None = None,
) -> SyncResult:
    """Run `fivetran debug` on `project`, which lands in its `files/warehouse.db`. `state` is the file it goes on from.

    Raises UsageError if the SDK's command (`program`, or the one beside this Python) is not installed. The command checks requirements with `pipreqs` first, which can
    take seconds. `peak_memory_mb` is what the command says.
    """
    folder = Path(project).resolve()
    states = state or StateFile(folder / "files" / "state.json")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        settings = Path(temporary) / "configuration.json"
        settings.write_text(json.dumps(dict(configuration)), encoding="utf-8")
        seen = _Seen(on_event)
        code = _run([_program(program), *_arguments(folder, settings, states)], folder, seen)
    warehouse = folder / "files" / "warehouse.db"
    return SyncResult(
        status="ok" if code == 0 else "failed",
        tables=live_counts(warehouse) if warehouse.exists() else {},
        operations=seen.operations,
        state=states.read(),
        seconds=time.monotonic() - started,
        peak_memory_mb=seen.peak,
        error=None if code == 0 else ProjectError(seen.error, where=str(folder), hint="the log above tells more"),
    )


def _program(program: str | None) -> str:
    beside = Path(sys.executable).with_name("fivetran")
    found = shutil.which(program or (str(beside) if beside.exists() else "fivetran"))
    if found is None:
        raise UsageError("the SDK's command `fivetran` is not installed", hint="pip install fivetran-connector-sdk")
    return found


def _arguments(folder: Path, settings: Path, states: StateFile) -> list[str]:
    arguments = ["debug", str(folder), "--configuration", str(settings)]
    if states.path.resolve() == folder / "files" / "state.json":
        return arguments
    if not states.path.exists():
        states.write({})
    return [*arguments, "--state", str(states.path.resolve())]


def _run(command: list[str], folder: Path, seen: _Seen) -> int:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # where pipreqs is
    environment = {**os.environ, "PATH": path, "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        for line in process.stdout or ():
            seen.line(line.rstrip("\n"))
    return process.returncode


class _Seen:
    """What the command's output tells."""

    def __init__(self, listener: Listener | None) -> None:
        self.operations = dict.fromkeys(OPERATIONS, 0)
        self.peak = 0.0
        self.error = "fivetran debug failed"
        self._listener = listener

    def line(self, line: str) -> None:
        """Take one line."""
        count, peak, failed = _COUNT.search(line), _PEAK.search(line), _FAILED.search(line)
        if count:
            self.operations[count[1].lower().replace(" ", "_")] = int(count[2])
        if peak:
            self.peak = max(self.peak, float(peak[1]))
        if failed:
            self.error = failed[1]
        event = read_line(line)
        if event is not None and self._listener is not None:
            self._listener(event)
