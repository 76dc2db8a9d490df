"""Ctrl-C in the middle of a sync: a short word, exit 130, and the next run goes on at the last checkpoint."""

import json
import os
import signal
import subprocess
import sys

import duckdb

from headwater.simulate import Conditions, Fault, FaultPlan


def test_an_interrupted_sync_keeps_its_checkpoints_and_resumes(headwater, cpg):
    # The fifth request is held until the client gives up, so the interrupt comes in the middle for certain.
    cpg.server.reset(Conditions(faults=FaultPlan.once(Fault("timeout"), 5)))
    process = subprocess.Popen(
        [sys.executable, "-m", "headwater", "debug", str(cpg.project)],
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
