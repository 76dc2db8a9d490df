"""A big commit of a connector on the runtime goes on while its next rows are taken; nothing else may change by that."""

import threading

import pytest

from headwater.engine import DuckDbDestination
from headwater.engine.batch import BatchSink
from headwater.engine.intake import BIG_COMMIT, Intake, Killed
from headwater.engine.naming import Naming
from headwater.engine.shape import declared_shapes
from headwater.errors import WarehouseError
from headwater_runtime import Table
from headwater_runtime.clock import FakeClock

STORED = Table("t", "id")


class Slow(DuckDbDestination):
    """Commits when it may: `go` says so. The commit `bad` (from 0) fails."""

    def __init__(self, bad=None):
        super().__init__()
        self.go, self.begun, self.commits, self.bad = threading.Event(), threading.Event(), 0, bad

    def commit(self, changes, moment):
        self.begun.set()
        assert self.go.wait(10)
        self.commits += 1
        if self.bad == self.commits - 1:
            raise WarehouseError("the disk is full", where="here", hint="make space")
        super().commit(changes, moment)


def rows(start, count=BIG_COMMIT):
    return [{"id": number, "a": "x"} for number in range(start, start + count)]


@pytest.fixture
def sync():
    intakes = []

    def begin(destination, **options):
        shapes = declared_shapes(lambda _: [STORED.declaration()], {}, Naming(destination.open()))
        saved = []
        intake = Intake(shapes, destination, lambda _: None, FakeClock(), saved.append, **options)
        intakes.append(intake)
        return BatchSink(intake), intake, saved

    yield begin
    for intake in intakes:
        intake.drop()


def test_rows_are_taken_while_a_commit_goes_on_and_its_state_is_saved_after_it(sync):
    destination = Slow()
    emit, intake, saved = sync(destination)
    emit.upsert(STORED, rows(0))
    emit.checkpoint({"n": 1})
    assert destination.begun.wait(10)
    emit.upsert(STORED, rows(BIG_COMMIT, 5))
    assert saved == []
    destination.go.set()
    emit.checkpoint({"n": 2})
    assert saved == [{"n": 1}, {"n": 2}]
    assert destination.counts() == {"t": BIG_COMMIT + 5}
    assert intake.counts["checkpoints"] == 2


def test_a_small_commit_is_over_when_the_checkpoint_returns(sync):
    destination = Slow()
    destination.go.set()
    emit, _, saved = sync(destination)
    emit.upsert(STORED, rows(0, 3))
    emit.checkpoint({"n": 1})
    assert saved == [{"n": 1}]


def go_on(then, emit, intake):
    if then == "upsert":
        while True:  # until the thread has told
            emit.upsert(STORED, rows(BIG_COMMIT, 1))
    elif then == "finish":
        emit.finish()
        intake.commit()
    else:
        emit.checkpoint({"n": 2})


def test_an_urgent_checkpoint_is_over_when_it_returns_however_big(sync):
    destination = Slow()
    destination.go.set()
    emit, _, saved = sync(destination)
    emit.upsert(STORED, rows(0))
    emit.checkpoint({"n": 1}, urgent=True)
    assert saved == [{"n": 1}]


@pytest.mark.parametrize("then", ["checkpoint", "finish", "upsert"])
def test_a_commit_that_fails_ends_the_sync_at_the_next_operation_and_its_state_is_not_saved(sync, then):
    destination = Slow(bad=0)
    emit, intake, saved = sync(destination)
    emit.upsert(STORED, rows(0))
    emit.checkpoint({"n": 1})
    destination.go.set()
    with pytest.raises(WarehouseError, match="disk is full"):
        go_on(then, emit, intake)
    with pytest.raises(WarehouseError, match="disk is full"):
        emit.checkpoint({"n": 3})
    assert (saved, intake.counts["checkpoints"], destination.commits) == ([], 0, 1)


def test_a_sync_that_is_killed_keeps_the_checkpoints_before_it(sync):
    destination = Slow()
    emit, _, saved = sync(destination, kill_at=BIG_COMMIT + 1 + 7)
    emit.upsert(STORED, rows(0))
    emit.checkpoint({"n": 1})
    threading.Timer(0.05, destination.go.set).start()
    with pytest.raises(Killed):
        emit.upsert(STORED, rows(BIG_COMMIT, 10))
    assert saved == [{"n": 1}]
    assert destination.counts() == {"t": BIG_COMMIT}


def test_what_waits_on_disk_is_committed_while_more_comes_to_wait_there(sync):
    destination = Slow()
    emit, _, saved = sync(destination, buffer_bytes=1000)
    emit.upsert(STORED, rows(0, 20_000))
    emit.checkpoint({"n": 1})
    assert destination.begun.wait(10)
    emit.upsert(STORED, rows(20_000, 20_000))
    assert saved == []
    destination.go.set()
    emit.checkpoint({"n": 2})
    emit.upsert(STORED, rows(100, 3))
    emit.checkpoint({"n": 3}, urgent=True)
    assert saved == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert destination.counts() == {"t": 40_000}
