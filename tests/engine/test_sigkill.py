"""A sync killed by SIGKILL at any instant leaves a warehouse that opens, holds whole checkpoints, and resumes to the right tables.

HEADWATER_KILLS=200 kills that often; the default is what a suite can afford.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from headwater import catalog
from headwater.engine import Content, DuckDbDestination, StateFile, content, differences, load, run
from headwater.simulate import load_simulator, serve

from .children import Children, Sync
from .readers import held

KILLS = int(os.environ.get("HEADWATER_KILLS", "12"))
RECORDS = 1200
SETTINGS = {"page_size": "50"}  # the connector's checkpoints are 100 rows apart, so there are pages between them


@dataclass(frozen=True)
class Vendor:
    """A served vendor, and what an undisturbed sync of it leaves at each checkpoint: the tables, and the state."""

    project: Path
    configuration: dict[str, str]
    tables: list[dict[str, Content]]
    states: list[dict[str, object]]

    def job(self, kind: str, place: str, folder: Path) -> Sync:
        folder.mkdir()
        state, result = str(folder / "state.json"), str(folder / "result.json")
        return Sync(kind, place, str(self.project), self.configuration, state, result)


@pytest.fixture(scope="module")
def vendor():
    simulator = load_simulator(catalog.simulator("cpg"))
    project = catalog.connectors()["cpg"]
    with serve(simulator.simulation(records=RECORDS)) as server:
        configuration = {**simulator.configuration(server.url), **SETTINGS}
        destination, tables, states = DuckDbDestination(), [{}], [{}]

        def save(state):
            if state == states[-1]:  # the end of the stream, which nothing came before
                assert content(destination) == tables[-1]
                return
            tables.append(content(destination))
            states.append(dict(state))

        assert run(load(project), configuration=configuration, state={}, destination=destination, save_state=save).ok
        destination.connect().close()
        assert len(states) == RECORDS // 100 + 1
        yield Vendor(project, configuration, tables, states)


@pytest.fixture(scope="module")
def children():
    with Children() as warm:
        yield warm


def stands(vendor: Vendor, job: Sync) -> tuple[int, int]:
    """Return how many checkpoints the rows hold and at which one the state is; fails unless both are whole."""
    state = vendor.states.index(StateFile(Path(job.state)).read())
    found = held(job.kind, job.place)
    for rows in (state, state + 1):  # rows are committed first: they may be one checkpoint ahead, never behind
        if rows < len(vendor.tables) and differences(vendor.tables[rows], found) == []:
            return rows, state
    pytest.fail(f"at checkpoint {state} the warehouse differs: {differences(vendor.tables[state], found)}")


@pytest.mark.timeout(60 + KILLS * 8)
@pytest.mark.parametrize("kind", ["duckdb", "parquet", "postgres"])
def test_killed_at_any_instant_the_warehouse_opens_and_resumes_to_the_right_tables(
    kind, vendor, children, tmp_path, request
):
    def fresh(name: str) -> Sync:
        folder = tmp_path / name
        place = str(folder / ("warehouse.db" if kind == "duckdb" else "warehouse"))
        if kind == "postgres":
            place = request.getfixturevalue("postgres").place()
        return vendor.job(kind, place, folder)

    drawn = random.Random(20)
    took = [whole(children, fresh(f"whole{number}")) for number in range(3)]
    killed = ahead = runs = 0
    reached = set()
    while killed < KILLS:
        runs += 1
        assert runs <= KILLS * 3, "too many syncs ended before they were killed"
        job = fresh(str(runs))
        before = 0
        for _ in range(drawn.choice((1, 1, 2))):  # a sync that goes on may be killed too
            left = 1 - before / len(vendor.states)
            status, _ = children.started(job, kill_after=drawn.uniform(0, min(took) * left))
            rows, state = stands(vendor, job)
            assert rows >= before
            before = rows
            killed += status != 0
            ahead += rows > state
            reached.add(rows)
        assert children.run(job)["status"] == "ok"
        assert stands(vendor, job) == (len(vendor.states) - 1, len(vendor.states) - 1)
    told = (
        f"{kind}: {runs} runs killed {killed} times, {ahead} between rows and state, at checkpoints {sorted(reached)}"
    )
    print(told)  # noqa: T201  (the figures of a long run)


def whole(children: Children, job: Sync) -> float:
    """Return how long an undisturbed sync takes."""
    status, seconds = children.started(job)
    assert status == 0
    return seconds
