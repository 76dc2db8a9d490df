"""Warehouses and state files that cannot be used: one clear error, and what was there stays whole."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headwater.engine import DuckDbDestination, StateFile, live_counts, query, run, sample
from headwater.errors import StateError, WarehouseError

from .harness import Sync, ok, table, up

KEYED = [table("t", "id")]

HOLDER = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def land(path, *operations):
    return run(Sync(KEYED, operations).connector(), configuration={}, state={}, destination=DuckDbDestination(path))


def test_a_locked_warehouse(tmp_path):
    path = tmp_path / "files" / "warehouse.db"
    land(path, up("t", id=1))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WarehouseError, match="in use by another process") as raised:
            land(path, up("t", id=2))
        holder.stdin.close()
        holder.wait(10)
    assert raised.value.where == str(path)
    assert raised.value.hint
    assert live_counts(path) == {"t": 1}


def test_a_damaged_warehouse(tmp_path):
    path = tmp_path / "warehouse.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(WarehouseError, match="damaged"):
        land(path, up("t", id=1))
    assert path.read_bytes() == b"not a database" * 1000


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "files").write_text("a file where the folder should be")
    with pytest.raises(WarehouseError, match="folder of the warehouse cannot be made"):
        land(tmp_path / "files" / "warehouse.db", up("t", id=1))


def test_a_value_that_does_not_fit_keeps_the_last_checkpoint(tmp_path):
    path = tmp_path / "warehouse.db"
    declared = [table("t", "id", s="SHORT")]
    connector = Sync(declared, [up("t", id=1, s=1), ok(n=1), up("u", a=1), up("t", id=2, s=40000), ok(n=2)]).connector()
    result = run(connector, configuration={}, state={}, destination=DuckDbDestination(path))
    assert isinstance(result.error, WarehouseError)
    assert "does not fit" in result.error.what
    assert (result.state, live_counts(path)) == ({"n": 1}, {"t": 1})


def test_a_key_that_is_empty_text_among_numbers(tmp_path):
    result = land(tmp_path / "warehouse.db", up("t", id=1), up("t", id=""))
    assert isinstance(result.error, WarehouseError)
    assert "key" in result.error.what


@pytest.mark.parametrize("text", ["{", "[1]", "5", '"x"', "\x00"])
def test_a_state_file_that_is_no_state(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(StateError) as raised:
        StateFile(path).read()
    assert raised.value.where == str(path)
    assert raised.value.hint
    assert path.read_text() == text


def test_a_state_file_in_another_encoding(tmp_path):
    path = tmp_path / "state.json"
    path.write_bytes('{"a": "é"}'.encode("latin-1"))
    with pytest.raises(StateError, match="cannot be read"):
        StateFile(path).read()


@pytest.mark.parametrize("text", ["", " \n", "null", "{}"])
def test_a_state_file_that_says_nothing(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    assert StateFile(path).read() == {}


def test_a_state_file_is_replaced_whole(tmp_path):
    states = StateFile(tmp_path / "files" / "state.json")
    assert states.read() == {}
    states.write({"n": 1})
    states.write({"n": "é"})
    assert states.read() == {"n": "é"}
    assert [path.name for path in states.path.parent.iterdir()] == ["state.json"]
    states.remove()
    states.remove()
    assert not states.path.exists()


def test_a_state_that_cannot_be_written_leaves_the_old_one(tmp_path):
    states = StateFile(tmp_path / "file" / "state.json")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StateError, match="cannot be written"):
        states.write({"n": 1})
    assert (tmp_path / "file").read_text() == "not a folder"


def test_queries_read_only(tmp_path):
    path = tmp_path / "warehouse.db"
    memory = DuckDbDestination()
    land(path, up("t", id=2, moment="2024-01-01T10:00:00Z", b=b"\x00", d="2024-01-01"), up("t", id=1))
    run(Sync(KEYED, [up("t", id=1)]).connector(), configuration={}, state={}, destination=memory)
    for warehouse in (path, memory):
        with pytest.raises(WarehouseError, match="refuses"):
            query(warehouse, "DELETE FROM tester.t")
        with pytest.raises(WarehouseError, match="nope"):
            query(warehouse, "SELECT nope")
    answer = query(path, "SELECT id, moment, b, d, 1 AS id FROM tester.t ORDER BY 1;", limit=5)
    assert answer.columns == ("id", "moment", "b", "d", "id")
    assert answer.rows == ((1, None, None, None, 1), (2, "2024-01-01T10:00:00.000000Z", "AA==", "2024-01-01", 1))
    assert [row[0] for row in sample(path, "t", 1).rows] == [1]
    with pytest.raises(WarehouseError, match="there is no table u"):
        sample(path, "u")


def test_no_warehouse_yet(tmp_path):
    with pytest.raises(WarehouseError, match="no warehouse yet"):
        query(tmp_path / "warehouse.db", "SELECT 1")
