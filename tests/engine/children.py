"""Syncs in processes of their own, which may be killed, starved or stripped of rights.

Run as a program this is a warmed-up process that has everything imported and no thread: it forks a child for each job it
reads, so that a child starts within milliseconds and dies alone.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.engine import Destination, DuckDbDestination, StateFile, load, run
from headwater.engine.parquet_destination import ParquetDestination
from headwater.engine.postgres_destination import PostgresDestination

if TYPE_CHECKING:
    from typing_extensions import Self


def destination(kind: str, place: str) -> Destination:
    """Return the destination of the given kind: what a job can name in JSON."""
    if kind == "parquet":
        return ParquetDestination(place)
    if kind == "postgres":
        return PostgresDestination(**json.loads(place))
    return DuckDbDestination(place)


@dataclass(frozen=True)
class Sync:
    """One sync of a project, told in JSON. `result` is a file for how it ended; `limit` the most bytes a file may take."""

    kind: str
    place: str
    project: str
    configuration: Mapping[str, str]
    state: str
    result: str
    limit: int | None = None
    user: int | None = None

    def perform(self) -> None:
        """Run the sync in this process and write down how it ended."""
        result = Path(self.result).open("w", encoding="utf-8")  # noqa: SIM115  (before the rights to do so are gone)
        if self.limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, self.limit))
        if self.user is not None:
            os.setgid(self.user)
            os.setuid(self.user)
        states = StateFile(Path(self.state))
        try:
            done = run(
                load(self.project),
                configuration=self.configuration,
                state=states.read(),
                destination=destination(self.kind, self.place),
                save_state=states.write,
            )
            status, error = done.status, done.error
        except Exception as raised:  # noqa: BLE001  (which error it is belongs to the result)
            status, error = "refused", raised
        json.dump({"status": status, "error": type(error).__name__, "text": str(error or "")}, result)
        result.close()

    def ended(self) -> dict[str, str]:
        """Return how it ended."""
        return json.loads(Path(self.result).read_text())


class Children:
    """The warmed-up process, as a context manager."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-W", "ignore", str(Path(__file__))]
        self._template = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._template.stdin.close()
        self._template.stdout.close()
        self._template.wait(10)

    def run(self, job: Sync) -> dict[str, str]:
        """Run `job` to its end."""
        status, _ = self.started(job)
        assert status == 0
        return job.ended()

    def started(self, job: Sync, kill_after: float | None = None) -> tuple[int, float]:
        """Run `job` to its end, or kill it after some seconds. Returns the exit status (minus the signal) and the seconds."""
        self._template.stdin.write(json.dumps({"job": vars(job), "kill_after": kill_after}) + "\n")
        self._template.stdin.flush()
        status, seconds = json.loads(self._template.stdout.readline())
        return status, seconds


def serve_jobs() -> None:
    """Fork a child for each line of standard input."""
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            try:
                Sync(**asked["job"]).perform()
            except BaseException:  # noqa: BLE001  (a child must not go on as if it were its parent)
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        started = time.monotonic()
        if asked["kill_after"] is not None:
            time.sleep(asked["kill_after"])
            os.kill(pid, signal.SIGKILL)  # nobody has waited for it yet, so the id is still its own
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps([status, time.monotonic() - started]), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve_jobs()
