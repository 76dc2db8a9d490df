"""No space, no rights, no sole use: the error says so, the last checkpoint stands, and the sync goes on afterwards."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest
from fivetran_connector_sdk import Connector, Operations

from headwater import catalog
from headwater.engine import DuckDbDestination, StateFile, differences, run
from headwater.simulate import load_simulator, serve

from .children import Children, Sync, destination
from .readers import held

RECORDS = 3000
NOBODY = 65534
KINDS = ["duckdb", "parquet"]
SPACE = {"duckdb": 300_000, "parquet": 80_000}  # bytes: enough for a beginning


@pytest.fixture(scope="module")
def children():
    with Children() as warm:
        yield warm


@pytest.fixture(scope="module")
def vendor():
    simulator = load_simulator(catalog.simulator("cpg"))
    with serve(simulator.simulation(records=RECORDS)) as server:
        yield simulator.configuration(server.url)


def job(kind: str, folder: Path, configuration: dict[str, str], result: Path) -> Sync:
    place = folder / ("warehouse.db" if kind == "duckdb" else "warehouse")
    project = str(catalog.connectors()["cpg"])
    return Sync(kind, str(place), project, configuration, str(folder / "state.json"), str(result))


@pytest.fixture
def whole(children, vendor, tmp_path):
    """Return a function that says how a folder's tables differ from those of an undisturbed sync."""
    folder = tmp_path / "whole"
    folder.mkdir()
    undisturbed = job("duckdb", folder, vendor, tmp_path / "whole.json")
    assert children.run(undisturbed)["status"] == "ok"
    expected = held("duckdb", undisturbed.place)
    return lambda sync: differences(expected, held(sync.kind, sync.place))


def partly(sync: Sync) -> int:
    """Return how many rows the warehouse holds; the state must not be ahead of them."""
    rows = sum(table.rows.total() for table in held(sync.kind, sync.place).values())
    assert rows % 100 == 0
    assert bool(StateFile(Path(sync.state)).read()) == (rows > 0)
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_may_not_grow_fails_the_sync_and_loses_nothing(kind, children, vendor, whole, tmp_path):
    full = dataclasses.replace(job(kind, tmp_path, vendor, tmp_path / "result.json"), limit=SPACE[kind])
    ended = children.run(full)
    assert (ended["status"], ended["error"]) == ("failed", "WarehouseError")
    assert "the free space" in ended["text"]
    assert 0 < partly(full) < RECORDS
    assert children.run(dataclasses.replace(full, limit=None))["status"] == "ok"
    assert whole(full) == []


@pytest.fixture
def small(kind, tmp_path):
    """A disk of its own with little space."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SPACE[kind]}", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(
            "mounting a small disk takes root's rights; the test with a limited file size covers the same error"
        )
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_fails_the_sync_and_loses_nothing(kind, children, vendor, whole, small, tmp_path):
    full = job(kind, small, vendor, tmp_path / "result.json")
    ended = children.run(full)
    assert (ended["status"], ended["error"]) == ("failed", "WarehouseError")
    assert "the free space" in ended["text"]
    subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
    assert 0 < partly(full) < RECORDS
    assert children.run(full)["status"] == "ok"
    assert whole(full) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_may_not_be_written_to_is_named(kind, children, vendor, whole, tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir()
    (tmp_path / "result.json").touch()
    _let_others_reach(folder)
    denied = job(kind, folder, vendor, tmp_path / "result.json")
    folder.chmod(0o555)
    ended = children.run(dataclasses.replace(denied, user=NOBODY if os.getuid() == 0 else None))
    assert (ended["status"], ended["error"]) == ("refused", "WarehouseError")
    assert "permissions" in ended["text"]
    assert str(folder) in ended["text"]
    assert list(folder.iterdir()) == []
    folder.chmod(0o777)
    assert children.run(denied)["status"] == "ok"
    assert whole(denied) == []


def _let_others_reach(folder: Path) -> None:
    for parent in folder.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path(parent.anchor):
            parent.chmod(parent.stat().st_mode | 0o011)


@pytest.mark.parametrize("kind", [*KINDS, "postgres"])
def test_of_two_syncs_into_one_warehouse_the_second_says_so(kind, children, vendor, tmp_path, request):
    second = job(kind, tmp_path, vendor, tmp_path / "result.json")
    if kind == "postgres":
        second = dataclasses.replace(second, place=request.getfixturevalue("postgres").place())
    first = destination(kind, second.place)
    first.open("FIVETRAN_NAMING")
    try:
        ended = children.run(second)
    finally:
        first.close()
    assert (ended["status"], ended["error"]) == ("refused", "WarehouseError")
    assert "in use by another" in ended["text"]
    assert children.run(second)["status"] == "ok"


def test_many_wide_tables_are_committed_within_duckdbs_small_memory(tmp_path):
    """DuckDB breaks the connection when a commit runs out of memory, so a commit has no limit."""

    def schema(configuration):
        return [{"table": f"t{number}", "primary_key": ["id"]} for number in range(4)]

    def update(configuration, state):
        for row in range(1500):
            for number in range(4):
                values = {f"c{column}": f"{row * 7919 + column:x}" * 8 for column in range(100)}
                Operations.upsert(f"t{number}", {"id": row, **values})
            if row % 500 == 499:
                Operations.checkpoint({"row": row})

    result = run(
        Connector(update=update, schema=schema),
        configuration={},
        state={},
        destination=DuckDbDestination(tmp_path / "warehouse.db"),
    )
    assert result.error is None
    assert set(result.tables.values()) == {1500}
