"""The same connectors leave the same on every destination, and each destination keeps its own promises."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from headwater.engine import differences, run
from headwater.engine.parquet_destination import MANIFEST, ParquetDestination
from headwater.errors import WarehouseError
from headwater.simulate.postgres_server import PASSWORD
from headwater_runtime.clock import FakeClock

from .children import destination
from .harness import Sync, Upload, boom, clear, mod, ok, ours, rm, row, table, up
from .readers import held
from .test_differential import CASES

KEYED = [table("t", "id")]


def left(kind, place, syncs, naming="FIVETRAN_NAMING"):
    """Return what a destination holds after each sync, with how the sync ended."""
    outcomes, state = [], {}
    for sync in syncs:
        state = {} if sync.forgets else state
        result = run(
            sync.connector(), configuration={}, state=state, destination=destination(kind, place), naming=naming
        )
        state = dict(result.state)
        outcomes.append((result, held(kind, place)))
    return outcomes


def strict_json(tables):
    """Return the contents with infinite numbers in JSON columns as strings: PostgreSQL's json has no such numbers."""
    return {
        name: dataclasses.replace(one, rows=Counter(_strict_row(one, row) for row in one.rows.elements()))
        for name, one in tables.items()
    }


def _strict_row(one, row):
    return tuple(
        f'"{value}"' if one.types[column] == "JSON" and value in ("Infinity", "-Infinity") else value
        for column, value in zip(one.columns, row, strict=True)
    )


def differing(kind, place, syncs, naming="FIVETRAN_NAMING"):
    """Say how a destination's outcome differs from that of the DuckDB one after each sync."""
    said = []
    for number, (expected, (result, found)) in enumerate(
        zip(ours(syncs, naming), left(kind, place, syncs, naming), strict=True), start=1
    ):
        problems = differences(strict_json(expected.tables) if kind == "postgres" else expected.tables, found)
        live = {
            name: sum(row[one.columns.index("_fivetran_deleted")] != "true" for row in one.rows.elements())
            for name, one in expected.tables.items()
            if "_fivetran_deleted" in one.types
        }
        if {**dict.fromkeys(expected.tables, 0), **live} != dict(result.tables):
            problems.append(f"live rows {result.tables}, expected {live}")
        if expected.failed == result.ok or expected.state != dict(result.state):
            problems.append(f"ended {result.status} at {result.state}: {result.error!r}; expected {expected.error!r}")
        said += [f"sync {number}: {problem}" for problem in problems]
    return said


@pytest.fixture(params=["parquet", "postgres"])
def kind(request):
    return request.param


@pytest.fixture
def place(kind, request, tmp_path):
    """A place for a warehouse that nobody has used."""
    return request.getfixturevalue("postgres").place() if kind == "postgres" else str(tmp_path / "warehouse")


@pytest.mark.parametrize("name", CASES)
def test_what_lands_is_the_same_on_every_destination(kind, name, place):
    assert differing(kind, place, CASES[name]) == []


def test_source_naming_is_kept_and_odd_names_are_taken_literally(kind, place):
    names = ["My Table", "a/b", "..", "x'y", 'x"y', "*", "ünï"]
    syncs = [
        Sync([table(name, "Id") for name in names], [*(up(name, Id=1, v=name) for name in names), ok()]),
        Sync([table(name, "Id") for name in names], [*(mod(name, Id=1, w="[x]") for name in names), ok()]),
    ]
    assert differing(kind, place, syncs, "SOURCE_NAMING") == []


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))


def named(folder: Path) -> list[str]:
    manifest = json.loads((folder / MANIFEST).read_text())
    return sorted(file["name"] for one in manifest["tables"] for file in one["files"])


def synced(folder, *operations, **how):
    return run(
        Sync(KEYED, operations).connector(),
        configuration={},
        state={},
        destination=ParquetDestination(folder),
        **how,
    )


def test_any_reader_reads_a_table_as_a_folder(tmp_path):
    for start in (0, 100):
        assert synced(tmp_path, *(up("t", id=n, x=f"x{n}", y=n / 2) for n in range(start, start + 100)), ok()).ok
    assert synced(tmp_path, up("t", id=150, x="new"), rm("t", id=5), ok()).ok
    read = pq.read_table(tmp_path / "tester" / "t").to_pydict()
    assert sorted(read["id"]) == list(range(200))
    assert [x for n, x in zip(read["id"], read["x"], strict=True) if n == 150] == ["new"]
    assert sum(read["_fivetran_deleted"]) == 1


def test_a_checkpoint_does_not_write_the_whole_table_again(tmp_path):
    operations = []
    for number in range(64):
        operations += [*(up("t", id=number * 10 + n) for n in range(10)), ok(n=number)]
    assert synced(tmp_path, *operations).ok
    before = files(tmp_path)
    assert before == named(tmp_path)
    assert len(before) <= 7
    largest = max(before, key=lambda name: (tmp_path / name).stat().st_size)
    assert synced(tmp_path, up("t", id=5000), ok()).ok
    assert largest in files(tmp_path)


def test_stray_and_half_files_do_not_count_and_are_cleaned_up(tmp_path):
    assert synced(tmp_path, up("t", id=1), ok()).ok
    (tmp_path / "tester" / "t" / "999999.parquet").write_bytes(b"PAR1 half a file")
    (tmp_path / f"{MANIFEST}.new").write_text('{"half')
    (tmp_path / "tester" / "t" / "mine.parquet").write_bytes(b"not the engine's")
    assert synced(tmp_path, up("t", id=2), ok()).tables == {"t": 2}
    assert files(tmp_path) == sorted([*named(tmp_path), "tester/t/mine.parquet"])
    assert not (tmp_path / f"{MANIFEST}.new").exists()


def test_a_clock_that_goes_back_does_not_mix_rows_up(tmp_path):
    clock = FakeClock()
    for number in range(3):
        assert synced(tmp_path, up("t", id=number), up("t", id=9, n=number), ok(), clock=clock).ok
        clock = FakeClock()  # the same moments again
    assert synced(tmp_path, clear("t"), up("t", id=1), ok(), clock=clock).tables == {"t": 1}
    found = held("parquet", str(tmp_path))["t"]
    assert found.rows.total() == 4


def test_a_failed_sync_leaves_the_last_checkpoint_and_no_stray_file(tmp_path):
    result = synced(tmp_path, up("t", id=1), ok(n=1), up("t", id=2), boom)
    assert (result.status, result.tables) == ("failed", {"t": 1})
    assert files(tmp_path) == named(tmp_path)


def test_uploaded_files_are_no_strays(tmp_path):
    uploads = [Upload(f"{number:06d}.parquet", b"mine", {"id": number}) for number in range(3)]
    assert synced(tmp_path, *uploads, ok()).ok
    stored = [path for path in (tmp_path / "_uploads").rglob("*.parquet") if path.read_bytes() == b"mine"]
    assert len(stored) == 3
    assert synced(tmp_path, up("t", id=9), ok()).ok
    assert all(path.exists() for path in stored)


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 2}', '{"format": 1}'])
def test_a_damaged_manifest_is_named(damage, tmp_path):
    assert synced(tmp_path, up("t", id=1), ok()).ok
    (tmp_path / MANIFEST).write_text(damage)
    with pytest.raises(WarehouseError, match="the manifest") as raised:
        synced(tmp_path, ok())
    assert raised.value.where == str(tmp_path / MANIFEST)
    assert files(tmp_path)


def test_a_missing_and_a_damaged_file_are_named(tmp_path):
    assert synced(tmp_path, up("t", id=1), ok()).ok
    name = files(tmp_path)[0]
    (tmp_path / name).write_bytes(b"PAR1")
    with pytest.raises(WarehouseError, match=Path(name).name):
        synced(tmp_path, ok())
    (tmp_path / name).unlink()
    with pytest.raises(WarehouseError, match=f"names {name}"):
        synced(tmp_path, ok())


def test_numbers_that_are_no_json_become_strings_in_postgres(postgres):
    place = postgres.place()
    nested = {"a": float("inf"), "b": [float("nan"), -float("inf"), "NaN, \\", 'x": Infinity'], "c": "-Infinity"}
    sync = Sync(KEYED, [row("t", {"id": 1, "j": nested}), ok()])
    ((result, found),) = left("postgres", place, [sync])
    assert result.ok, result.error
    ((text, *_),) = [[v for c, v in zip(found["t"].columns, one, strict=True) if c == "j"] for one in found["t"].rows]
    said = json.loads(text)
    assert said["c"] == "-Infinity"
    assert said["b"][2:] == nested["b"][2:]


REFUSED = {
    "password": ({"password": "wrong-secret"}, "refuses the user or the password"),
    "database": ({"database": "nowhere"}, 'database "nowhere" does not exist'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_server_that_refuses_says_why_and_shows_no_password(name, postgres):
    how, words = REFUSED[name]
    with pytest.raises(WarehouseError, match=words) as raised:
        left("postgres", postgres.place(**how), [Sync(KEYED, [ok()])])
    assert raised.value.hint
    assert how.get("password", PASSWORD) not in str(raised.value)
    assert str(postgres.server.port) in raised.value.where


def test_a_server_that_is_not_there_is_named(postgres):
    place = json.dumps({"conninfo": "host=127.0.0.1 port=1 user=u password=wrong-secret", "schema": "s"})
    with pytest.raises(WarehouseError, match="cannot be reached") as raised:
        left("postgres", place, [Sync(KEYED, [ok()])])
    assert "secret" not in str(raised.value)


def test_a_user_without_rights_is_told_which_to_ask_for(postgres):
    with psycopg.connect(postgres.conninfo(), autocommit=True) as owner:
        owner.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'; CREATE SCHEMA mine; CREATE SCHEMA yours")
        owner.execute("GRANT USAGE, CREATE ON SCHEMA mine TO guest; GRANT USAGE ON SCHEMA yours TO guest")
    sync = [Sync(KEYED, [up("t", id=1), ok()])]
    for schema in ("yours", "new"):
        place = json.dumps({"conninfo": postgres.conninfo(user="guest", password="guest"), "schema": schema})
        with pytest.raises(WarehouseError, match="may not") as raised:
            left("postgres", place, sync)
        assert "GRANT" in raised.value.hint.upper()
    place = json.dumps({"conninfo": postgres.conninfo(user="guest", password="guest"), "schema": "mine"})
    assert left("postgres", place, sync)[0][0].ok


def test_a_server_that_stops_in_the_middle_keeps_the_last_checkpoint(postgres):
    place = postgres.place()
    saved = []

    def sync(stop):
        return Sync(KEYED, [up("t", id=1), ok(n=1), up("t", id=2), stop, ok(n=2)]).connector()

    def synced(stop):
        how = {"configuration": {}, "state": {}, "destination": destination("postgres", place)}
        return run(sync(stop), save_state=saved.append, **how)

    try:
        with pytest.raises(WarehouseError, match="connection to the server was lost") as raised:
            synced(postgres.server.stop)
    finally:
        postgres.server.start()
    assert "last checkpoint" in raised.value.hint
    assert saved == [{"n": 1}]
    assert held("postgres", place)["t"].rows.total() == 1
    assert synced(lambda: None).tables == {"t": 2}


def test_a_table_that_no_sync_made_is_left_alone(postgres):
    place = postgres.place()
    schema = json.loads(place)["schema"]
    with psycopg.connect(postgres.conninfo(), autocommit=True) as owner:
        owner.execute(
            f'CREATE SCHEMA "{schema}"; CREATE TABLE "{schema}".t (mine int); INSERT INTO "{schema}".t VALUES (7)'
        )
        result = run(
            Sync(KEYED, [up("t", id=1), ok()]).connector(),
            configuration={},
            state={},
            destination=destination("postgres", place),
        )
        assert isinstance(result.error, WarehouseError)
        assert "in the way" in result.error.what
        assert owner.execute(f'SELECT mine FROM "{schema}".t').fetchall() == [(7,)]


def test_importing_the_engine_does_not_import_psycopg():
    code = "import sys, headwater.engine as e; e.PostgresDestination; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
