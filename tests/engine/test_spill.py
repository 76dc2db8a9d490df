"""Rows beyond a bound wait on disk for their checkpoint: the same tables, dropped with a failed or killed sync, nothing left."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
from fivetran_connector_sdk import Connector, Operations

from headwater.engine import DuckDbDestination, run

ROWS = 40_000  # some chunks' worth
SMALL = 10_000  # bytes: everything spills


def schema(configuration):
    return [{"table": "t", "primary_key": ["id"]}]


def mixed(configuration, state):
    """Upserts, changes, deletes and truncates, with a column that is widened when its first rows are on disk."""
    for n in range(ROWS):
        Operations.upsert("t", {"id": n, "a": "2.50", "b": None if n < 100 else n, "c": {"n": n}})
    Operations.truncate("t")
    for n in range(0, ROWS, 2):
        Operations.upsert("t", {"id": n, "a": "7.10" if n else "abc"})
    for n in range(0, ROWS, 4):
        Operations.update("t", {"id": n, "b": n + 1})
    for n in range(0, ROWS, 8):
        Operations.delete("t", {"id": n})
    Operations.checkpoint({"done": True})


def fails_after_its_rows(configuration, state):
    for n in range(ROWS):
        Operations.upsert("t", {"id": n, "a": "x"})
    raise RuntimeError("gone")


class Watched(DuckDbDestination):
    """Remembers how many chunks came from disk."""

    def __init__(self, path):
        super().__init__(path)
        self.from_disk = 0

    def commit(self, changes, moment):
        self.from_disk += sum(section.chunks.on_disk for change in changes for section in change.sections)
        super().commit(changes, moment)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def table(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SET threads = 1")
        found = connection.execute("SELECT * EXCLUDE (_fivetran_synced) FROM tester.t ORDER BY id").fetchall()
        return connection.execute("SELECT column_name, data_type FROM duckdb_columns() ORDER BY ALL").fetchall(), found


def synced(folder, update, *, name="warehouse.db", bound=SMALL):
    states = []
    destination = Watched(folder / name)
    result = run(
        Connector(update=update, schema=schema),
        configuration={},
        state={},
        destination=destination,
        save_state=states.append,
        buffer_bytes=bound,
    )
    assert (destination.from_disk > 0) == (bound == SMALL and bool(states))
    return result, states


def test_spilled_rows_land_as_others_do(tmp_path):
    result, _ = synced(tmp_path, mixed, bound=10**12, name="whole.db")
    assert result.status == "ok", result.error
    result, states = synced(tmp_path, mixed)
    assert result.status == "ok", result.error
    assert states == [{"done": True}]
    assert table(tmp_path / "warehouse.db") == table(tmp_path / "whole.db")
    assert sorted(names(tmp_path)) == ["warehouse.db", "whole.db"]


def test_spilled_rows_are_dropped_with_a_sync_that_fails(tmp_path):
    assert synced(tmp_path, mixed)[0].status == "ok"
    before = table(tmp_path / "warehouse.db")
    result, states = synced(tmp_path, fails_after_its_rows)
    assert result.status == "failed"
    assert states == []
    assert table(tmp_path / "warehouse.db") == before
    assert names(tmp_path) == ["warehouse.db"]


def test_a_big_change_that_fails_leaves_the_warehouse_as_it_was(tmp_path):
    assert synced(tmp_path, mixed)[0].status == "ok"
    before = table(tmp_path / "warehouse.db")

    def unfit(configuration, state):
        for n in range(ROWS):
            Operations.upsert("t", {"id": n, "d": "1.5" if n < ROWS - 1 else "no number"})

    connector = Connector(
        update=unfit,
        schema=lambda _: [
            {"table": "t", "primary_key": ["id"], "columns": {"d": {"type": "DECIMAL", "precision": 5, "scale": 2}}}
        ],
    )
    destination = DuckDbDestination(tmp_path / "warehouse.db")
    result = run(connector, configuration={}, state={}, destination=destination, buffer_bytes=SMALL)
    assert result.status == "failed"
    assert table(tmp_path / "warehouse.db") == before
    assert names(tmp_path) == ["warehouse.db"]


KILLED = """
    import os, signal, sys
    from fivetran_connector_sdk import Connector, Operations
    from headwater.engine import DuckDbDestination, run

    def update(configuration, state):
        Operations.upsert("t", {"id": 0, "a": "before"})
        Operations.checkpoint({"n": 1})
        for n in range(1, 40_000):
            Operations.upsert("t", {"id": n, "a": "x"})
        os.kill(os.getpid(), signal.SIGKILL)

    run(Connector(update=update, schema=lambda _: [{"table": "t", "primary_key": ["id"]}]), configuration={}, state={},
        destination=DuckDbDestination(sys.argv[1]), buffer_bytes=10_000)
"""


def test_spilled_rows_are_dropped_with_a_killed_process(tmp_path):
    warehouse = tmp_path / "warehouse.db"
    script = textwrap.dedent(KILLED)
    killed = subprocess.run([sys.executable, "-c", script, str(warehouse)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert set(names(tmp_path)) <= {"warehouse.db", "warehouse.db.wal"}
    destination = DuckDbDestination(warehouse)
    destination.open()
    assert destination.counts() == {"t": 1}
    destination.close()
    assert names(tmp_path) == ["warehouse.db"]


def test_a_full_disk_says_so(tmp_path):
    class Nowhere(DuckDbDestination):
        folder = Path("/dev/null/nowhere")

    destination = Nowhere(tmp_path / "warehouse.db")
    result = run(
        Connector(update=mixed, schema=schema), configuration={}, state={}, destination=destination, buffer_bytes=SMALL
    )
    assert result.status == "failed"
    assert "the free space" in str(result.error)
