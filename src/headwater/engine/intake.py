"""The middle of a sync: takes operations from either way in, counts them, and commits them at each checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import psutil

from headwater.engine.buffer import BUFFER_BYTES, Buffer, Change, Chunk, Kind
from headwater.engine.destination import Destination
from headwater.engine.events import Event, Listener
from headwater.engine.result import OPERATIONS
from headwater.engine.shape import Shapes, TableShape
from headwater.errors import StateError
from headwater_runtime.clock import Clock

__all__ = ["Intake", "Killed"]

BIG_COMMIT = 4_096  # rows; a smaller one is not worth a thread
COUNTED = {Kind.UPSERT: "upserts", Kind.UPDATE: "updates", Kind.DELETE: "deletes"}
SaveState = Callable[[Mapping[str, Any]], None]


class Killed(BaseException):
    """The sync is at the operation it was to be killed before. No `except Exception` of a connector may save it."""


class Intake:
    """One sync's operations. Callers hold a lock of theirs: the SDK's, or the batch sink's."""

    def __init__(
        self,
        shapes: Shapes,
        destination: Destination,
        listener: Listener,
        clock: Clock,
        save_state: SaveState,
        *,
        kill_at: int | None = None,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self.shapes = shapes
        self.counts = dict.fromkeys(OPERATIONS, 0) | {"schema_changes": len(shapes.declared)}
        self.warnings: list[str] = []
        self.state: Mapping[str, Any] | None = None
        self.failure: BaseException | None = None
        self.dead = False
        self.peak_memory = 0
        self._destination = destination
        self._listener = listener
        self._clock = clock
        self._save_state = save_state
        self._kill_at = kill_at
        self._done = 0
        self._buffer = Buffer(destination.folder, buffer_bytes)
        self._process = psutil.Process()
        self._last_moment: datetime | None = None
        self._declared = False
        self._thread: ThreadPoolExecutor | None = None
        self._running: Future[None] | None = None

    def admit(self, count: int) -> int:
        """Return how many of `count` operations may still happen, and count them as done.

        Raises Killed once none may, and whatever made the sync fail before: a connector that goes on regardless gets nowhere.
        """
        if self.failure is not None:
            raise self.failure
        allowed = count if self._kill_at is None else min(count, self._kill_at - self._done)
        if self.dead or (allowed <= 0 < count):
            self.die()
        self._done += allowed
        return allowed

    def die(self) -> None:
        """Drop what is not committed and stop. Raises Killed."""
        self.dead = True
        self.drop()
        raise Killed

    def drop(self) -> None:
        """Forget what is not committed, once what is being committed is. Does not raise."""
        with suppress(Exception):  # it is the intake's failure already
            self._settle()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        self._buffer.drop()

    def add(self, shape: TableShape, chunk: Chunk) -> None:
        """Take rows; they were admitted and counted before. Raises WarehouseError if they cannot wait on disk."""
        try:
            self._buffer.add(shape, chunk)
        except Exception as error:
            self.failure = error
            raise

    def count(self, kind: Kind, rows: int) -> None:
        """Count rows of one kind."""
        self.counts[COUNTED[kind]] += rows

    def truncate(self, shape: TableShape) -> None:
        """Take a truncate."""
        self.counts["truncates"] += 1
        self._buffer.truncate(shape)

    def checkpoint(self, state: Mapping[str, Any] | None, *, ahead: bool = False) -> None:
        """Commit everything, then save `state`. Raises WarehouseError, StateError; the sync cannot go on after either.

        `ahead`: return while a big commit goes on in a thread of its own, for a caller that does nothing with the source
        that only a commit allows, and does not change `state`. What it raises is raised by the next operation.
        """
        if state is not None and not isinstance(state, Mapping):
            self.failure = StateError(
                f"a checkpoint was given {type(state).__name__}, not an object",
                where="checkpoint",
                hint="call checkpoint with a dict: the next sync could not start from anything else",
            )
            raise self.failure
        with self._failing():
            self._settle()
            ahead = ahead and self._buffer.rows >= BIG_COMMIT
            commit, operations = self._taken(), {**self.counts, "checkpoints": self.counts["checkpoints"] + 1}

            def work() -> None:
                with self._failing():
                    commit()
                    self.counts["checkpoints"] += 1
                    self.save(state or {})
                    self._listener(
                        Event("checkpoint", "checkpoint", data={"state": self.state, "operations": operations})
                    )

            if ahead:
                self._thread = self._thread or ThreadPoolExecutor(1, "headwater-commit")
                self._running = self._thread.submit(work)
            else:
                work()

    def save(self, state: Mapping[str, Any]) -> None:
        """Make `state` the one to start from. Raises StateError."""
        self._save_state(state)
        self.state = state

    def commit(self) -> None:
        """Write everything taken so far, in one transaction; the first time, what is declared comes into being in it too."""
        with self._failing():
            self._settle()
            self._taken()()

    def _taken(self) -> Callable[[], None]:
        """Take what is to be committed; return what commits it."""
        self._look_at_memory()
        changes = self._buffer.take()
        if not self._declared:
            changes += [Change(shape) for shape in self.shapes.all_declared()]
        self._declared = True
        moment = self._moment()

        def commit() -> None:
            if changes:
                self._destination.commit(changes, moment)
            changes.clear()
            self._buffer.release()
            self._look_at_memory()

        return commit

    def _settle(self) -> None:
        """Wait for the commit that goes on. Raises what it raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Let an error be the end of the sync, whatever the connector makes of it."""
        try:
            yield
        except Exception as error:
            self.failure = error
            raise

    def warn(self, message: str) -> None:
        """Report a warning of the connector's."""
        self.warnings.append(message)
        self._listener(Event("warning", message, "WARNING"))

    def _moment(self) -> datetime:
        """Return now, but never the same moment twice: `_fivetran_synced` tells commits apart."""
        moment = self._clock.now()
        if self._last_moment is not None and moment <= self._last_moment:
            moment = self._last_moment + timedelta(microseconds=1)
        self._last_moment = moment
        return moment

    def _look_at_memory(self) -> None:
        self.peak_memory = max(self.peak_memory, self._process.memory_info().rss)
