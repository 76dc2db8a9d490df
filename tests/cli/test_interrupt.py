"""Ctrl-C in the middle of a sync: a short word, exit 130, and the next run goes on at the last checkpoint."""

import json
import os
import shutil
import signal
import subprocess
import sys

import duckdb
import pytest

from headwater import catalog
from headwater.simulate import Conditions, Fault, FaultPlan

# A command that hears Ctrl-C, also where these tests run in the background, which ignores it and has its children ignore it.
LISTENING = ["env", "--default-signal=INT", sys.executable]


def test_an_interrupted_sync_keeps_its_checkpoints_and_resumes(headwater, cpg):
    # The fifth request is held until the client gives up, so the interrupt comes in the middle for certain.
    cpg.server.reset(Conditions(faults=FaultPlan.once(Fault("timeout"), 5)))
    process = subprocess.Popen(
        [*LISTENING, "-m", "headwater", "debug", str(cpg.project)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    for line in process.stdout:
        if "checkpoint 4" in line:
            break
    while len(cpg.server.log) < 5:
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, out + err
    assert "what the last checkpoint committed is kept" in err
    assert "Traceback" not in out + err

    with duckdb.connect(str(cpg.project / "files/warehouse.db"), read_only=True) as warehouse:
        assert warehouse.sql("select count(*) from tester.cpg_records").fetchone() == (400,)
    assert json.loads((cpg.project / "files/state.json").read_text())["streams"]["cpg_records"]["token"]
    resumed = headwater("debug", cpg.project, "--json").report
    assert resumed["operations"]["upserts"] == 350
    assert resumed["tables"] == {"cpg_records": 750}


def interrupt(*arguments, after):
    """Run a command, interrupt it when its standard output or error shows `after`, and return (code, out, err)."""
    process = subprocess.Popen(
        [*LISTENING, "-u", "-m", "headwater", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = []
    for line in process.stdout:
        seen.append(line)
        if after in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    return process.returncode, "".join(seen) + out, err


@pytest.fixture
def project(tmp_path):
    target = tmp_path / "cpg"
    shutil.copytree(catalog.connectors()["cpg"], target, ignore=shutil.ignore_patterns("files", "PROOF.md"))
    return target


def test_an_interrupted_proof_writes_nothing_and_says_so(project):
    before = sorted(project.rglob("*"))
    code, out, err = interrupt("prove", project, after="law 1")
    assert (code, err) == (130, "\ninterrupted; nothing was written\n")
    assert "Traceback" not in out
    assert sorted(project.rglob("*")) == before


def test_an_interrupted_command_says_so_in_json(cpg):
    cpg.server.reset(Conditions(faults=FaultPlan.every(Fault("timeout"))))
    process = subprocess.Popen(
        [*LISTENING, "-m", "headwater", "debug", str(cpg.project), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not cpg.server.log:
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    (finding,) = json.loads(out)["findings"]
    assert (process.returncode, err, finding["id"]) == (130, "", "debug.interrupted")
