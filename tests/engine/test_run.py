"""One sync: kill points, failures, what is printed, threads."""

# ruff: noqa: T201  (what a connector prints is what is tested)

from __future__ import annotations

import contextlib
import signal
import sys
import threading

import pytest
from fivetran_connector_sdk import Connector, Logging, Operations
from fivetran_connector_sdk_core import ConnectorTask

from headwater.engine import DuckDbDestination, StateFile, content, differences, run
from headwater.errors import ProjectError, StateError, WarehouseError
from headwater_runtime.clock import FakeClock

from .harness import Sync, boom, clear, mod, ok, rm, table, up

KEYED = [table("t", "id")]


def sync(*operations):
    return Sync(KEYED, operations).connector()


def started(connector, **how):
    return run(connector, **{"configuration": {}, "state": {}, "destination": DuckDbDestination(), **how})


OPERATIONS = [
    up("t", id=1),
    up("t", id=2),
    ok(n=1),
    mod("t", id=1, x=1),
    rm("t", id=2),
    clear("u"),
    ok(n=2),
    up("t", id=3),
]


@pytest.mark.parametrize("kill_at", range(len(OPERATIONS)))
def test_killed_at_any_operation_the_last_checkpoint_stands(kill_at):
    destination, saved = DuckDbDestination(), []
    result = started(sync(*OPERATIONS), destination=destination, kill_at=kill_at, save_state=saved.append)
    checkpoints = sum(operation.name == "checkpoint" for operation in OPERATIONS[:kill_at])
    assert (result.status, result.error) == ("killed", None)
    assert result.state == (saved[-1] if saved else {}) == ({"n": checkpoints} if checkpoints else {})
    counted = sum(count for name, count in result.operations.items() if name != "schema_changes")
    assert counted == kill_at
    upto = DuckDbDestination()
    last = max((i for i, operation in enumerate(OPERATIONS[:kill_at]) if operation.name == "checkpoint"), default=-1)
    started(sync(*OPERATIONS[: last + 1], boom), destination=upto)
    assert differences(content(upto), content(destination)) == []


def test_a_kill_point_beyond_the_end_does_nothing():
    assert started(sync(*OPERATIONS), kill_at=len(OPERATIONS)).status == "ok"


def test_a_killed_connector_cannot_save_itself():
    def update(configuration, state):
        for number in range(5):
            try:
                Operations.upsert("t", {"id": number})
            except BaseException:  # noqa: BLE001  (as bad as a connector can get)
                continue
        Operations.checkpoint({"n": 5})

    destination = DuckDbDestination()
    result = started(Connector(update=update), destination=destination, kill_at=2)
    assert (result.status, result.tables, result.state) == ("killed", {}, {})


def test_a_failed_sync_keeps_its_error_and_the_last_checkpoint():
    result = started(sync(up("t", id=1), ok(n=1), up("t", id=2), boom), state={"n": 0})
    assert isinstance(result.error, ValueError)
    assert (result.status, result.tables, result.state) == ("failed", {"t": 1}, {"n": 1})


def test_a_failing_schema_is_a_failed_sync():
    result = started(Connector(update=lambda configuration, state: None, schema=lambda configuration: [{"tabel": "x"}]))
    assert (result.status, result.state) == ("failed", {})
    assert "Entry missing table name" in str(result.error)


def test_what_no_checkpoint_covered_is_written_at_the_end_and_the_state_stays():
    saved = []
    result = started(sync(up("t", id=1)), state={"n": 7}, save_state=saved.append)
    assert (result.tables, result.state, saved) == ({"t": 1}, {"n": 7}, [{"n": 7}])


def test_a_null_key_names_table_and_column():
    error = started(sync(up("t", id=None))).error
    assert isinstance(error, ProjectError)
    assert "key column id" in error.what
    assert "table t" in error.where


def test_an_error_swallowed_by_the_connector_still_fails_the_sync():
    def update(configuration, state):
        with contextlib.suppress(ProjectError):
            Operations.upsert("t", {"id": None})
        Operations.upsert("t", {"id": 1})

    result = started(Connector(update=update, schema=lambda configuration: KEYED))
    assert (result.status, result.tables) == ("failed", {})


def test_a_checkpoint_that_fails_cannot_be_passed_over():
    def update(configuration, state):
        Operations.upsert("t", {"id": 1, "s": 40000})
        with contextlib.suppress(WarehouseError):
            Operations.checkpoint({"n": 1})
        Operations.upsert("t", {"id": 2, "s": 1})
        Operations.checkpoint({"n": 2})

    result = started(Connector(update=update, schema=lambda configuration: [table("t", "id", s="SHORT")]))
    assert (result.status, result.tables, result.state) == ("failed", {}, {})


def test_error_ends_the_sync_and_warning_does_not():
    result = started(
        sync(lambda: Operations.warning("careful"), up("t", id=1), ok(), lambda: Operations.error("bad"), up("t", id=2))
    )
    assert result.warnings == ("careful",)
    assert isinstance(result.error, ConnectorTask)
    assert "bad" in str(result.error)
    assert result.tables == {"t": 1}


def test_a_checkpoint_of_something_else_than_an_object_fails():
    result = started(sync(up("t", id=1), lambda: Operations.checkpoint([1])))
    assert isinstance(result.error, StateError)
    assert result.tables == {}


def test_a_generator_connector_runs_unchanged():
    def update(configuration, state):
        yield Operations.upsert("t", {"id": 1})
        yield Operations.checkpoint({"n": 1})

    result = started(Connector(update=update))
    assert (result.tables, result.state) == ({"t": 1}, {"n": 1})


def test_operations_outside_a_sync_are_refused_before_and_after():
    started(sync(up("t", id=1)))
    with pytest.raises(RuntimeError, match="no runner is installed"):
        Operations.upsert("t", {"id": 1})


def test_what_a_connector_prints_becomes_events_and_nothing_else(capsys):
    def update(configuration, state):
        print("plain", "words")
        sys.stdout.write("in two ")
        sys.stdout.write("parts\n\n")
        Logging.info("info\nof two lines")
        Logging.warning("warned")
        Logging.debug("detail")
        Operations.checkpoint({})
        sys.stdout.write("unfinished")

    events = []
    result = started(Connector(update=update), on_event=lambda event: (events.append(event), print("heard")))
    assert result.ok
    logged = [(event.level, event.message) for event in events if event.kind == "log"]
    assert logged == [
        ("PRINT", "plain words"),
        ("PRINT", "in two parts"),
        ("INFO", "info"),
        ("PRINT", "of two lines"),
        ("WARNING", "warned"),
        ("DEBUG", "detail"),
        ("PRINT", "unfinished"),
    ]
    assert [event.data["state"] for event in events if event.kind == "checkpoint"] == [{}]
    assert capsys.readouterr().out.splitlines() == ["heard"] * len(events)


def test_standard_output_is_restored_after_a_failure():
    before, level = sys.stdout, Logging.LOG_LEVEL
    started(sync(boom))
    assert (sys.stdout, Logging.LOG_LEVEL) == (before, level)


def test_threads_may_emit():
    def update(configuration, state):
        def emit(start):
            for number in range(start, start + 500):
                Operations.upsert("t", {"id": number, "x": f"t{number}"})
                if number % 100 == 0:
                    Operations.checkpoint({"n": number})
            print(f"done {start}")

        threads = [threading.Thread(target=emit, args=(start,)) for start in range(0, 4000, 500)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    lines = []
    result = started(
        Connector(update=update, schema=lambda configuration: KEYED),
        on_event=lambda event: lines.append(event.message) if event.kind == "log" else None,
    )
    assert result.tables == {"t": 4000}
    assert result.operations["upserts"] == 4000
    assert sorted(lines) == sorted(f"done {start}" for start in range(0, 4000, 500))


def test_the_clock_dates_rows_and_measures_time():
    clock, destination = FakeClock(), DuckDbDestination()

    def update(configuration, state):
        Operations.upsert("t", {"id": 1})
        Operations.checkpoint({})
        clock.sleep(5)
        Operations.upsert("t", {"id": 2})

    result = started(Connector(update=update), destination=destination, clock=clock)
    moments = (
        destination.connect().execute("SELECT CAST(_fivetran_synced AS VARCHAR) FROM tester.t ORDER BY id").fetchall()
    )
    assert moments == [("2025-01-01 00:00:00+00",), ("2025-01-01 00:00:05+00",)]
    assert result.seconds == 5


def test_the_state_is_saved_only_after_the_rows(tmp_path):
    warehouse, states = tmp_path / "w.db", StateFile(tmp_path / "state.json")
    destination, live = DuckDbDestination(warehouse), []

    def save(state):
        live.append(destination.counts())
        states.write(state)

    result = started(sync(up("t", id=1), ok(n=1), up("t", id=2), ok(n=2)), destination=destination, save_state=save)
    assert result.ok
    assert live == [{"t": 1}, {"t": 2}]
    assert states.path.read_text() == '{"n":2}'


def test_a_state_that_cannot_be_saved_fails_the_sync_and_keeps_the_rows():
    def save(state):
        raise StateError("full")

    result = started(sync(up("t", id=1), ok(n=1), up("t", id=2)), save_state=save, state={"n": 0})
    assert isinstance(result.error, StateError)
    assert (result.tables, result.state) == ({"t": 1}, {"n": 0})


class Slow(DuckDbDestination):
    """A destination that somebody interrupts by Ctrl-C while DuckDB is at work."""

    def commit(self, changes, moment):
        threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()
        self.connect().execute("SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range * b.range % 7 = 3")


def test_an_interrupted_destination_interrupts_whatever_ran_the_sync():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # also where tests ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            started(sync(up("t", id=1), ok(n=1)), destination=Slow())
    finally:
        signal.signal(signal.SIGINT, before)
