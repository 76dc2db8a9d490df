"""What several rooms' tests stand on: the command line in a process of its own, and a served CPG vendor."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from headwater import catalog
from headwater.simulate import Server, load_simulator, serve
from tests.playground import started

settings.register_profile("headwater", deadline=None)  # how long an example takes says nothing about whether it holds
settings.load_profile("headwater")


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The report of a command run with --json: stdout must be one JSON object and nothing else."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


@pytest.fixture
def headwater(tmp_path):
    """Return a function that runs `headwater` with the given arguments in a scratch folder."""

    def run(*arguments: str | Path, stdin: str | None = None, cwd: Path = tmp_path, timeout: float = 60) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "headwater", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "COLUMNS": "120", "DO_NOT_TRACK": "1"},
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@dataclass(frozen=True)
class Cpg:
    """A copy of the CPG connector, configured for a vendor that is being served."""

    project: Path
    server: Server
    configuration: dict[str, str]

    def configure(self, **changes: Any) -> None:
        """Write the project's configuration.json with `changes`; None takes a key out."""
        merged = {name: value for name, value in {**self.configuration, **changes}.items() if value is not None}
        (self.project / "configuration.json").write_text(json.dumps(merged))


@pytest.fixture
def cpg(tmp_path):
    """Serve the CPG vendor and return a project that is configured for it."""
    simulator = load_simulator(catalog.simulator("cpg"))
    project = tmp_path / "cpg"
    shutil.copytree(catalog.connectors()["cpg"], project, ignore=shutil.ignore_patterns("files", "__pycache__"))
    with serve(simulator.simulation()) as server:
        served = Cpg(project, server, simulator.configuration(server.url))
        served.configure()
        yield served


@pytest.fixture(scope="session")
def playground(tmp_path_factory):
    """The official practice API, unlimited."""
    with started(tmp_path_factory.mktemp("playground")) as running:
        yield running.url


@pytest.fixture(scope="session")
def limited_playground(tmp_path_factory):
    """Another one with its rate limit on: the configuration of a connector to all of it."""
    with started(tmp_path_factory.mktemp("playground"), "--rate-limit", "true", "--capacity", "5") as running:
        yield {"base_url": running.url, **running.credentials}
