"""One sync of a connector, in this process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import GeneratorType
from typing import Any

from fivetran_connector_sdk_cli import runtime, schema_processing
from fivetran_connector_sdk_core import ConnectorTask

from headwater.engine.batch import BatchSink
from headwater.engine.buffer import BUFFER_BYTES
from headwater.engine.destination import Destination
from headwater.engine.events import Event, Listener, captured
from headwater.engine.file_uploads import FileUploads
from headwater.engine.intake import Intake, Killed
from headwater.engine.load import LoadedConnector
from headwater.engine.naming import FIVETRAN_NAMING, Naming
from headwater.engine.operations import OperationsSink
from headwater.engine.raw_rows import raw_rows
from headwater.engine.result import OPERATIONS, Status, SyncResult
from headwater.engine.shape import declared_shapes
from headwater.errors import interrupted
from headwater_runtime import Source
from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.transport import Transport

__all__ = ["run"]

# The SDK keeps its declared tables and its sink in module globals, and standard output is one: one sync at a time.
_ONE_AT_A_TIME = threading.RLock()
MEGABYTE = 1024 * 1024
TURN = 0.0002  # seconds a thread keeps Python's lock while another wants it


def run(  # noqa: PLR0913  (the seams of a sync; all but four have defaults)
    connector: LoadedConnector | Any,
    *,
    configuration: Mapping[str, Any],
    state: Mapping[str, Any],
    destination: Destination,
    on_event: Listener | None = None,
    kill_at: int | None = None,
    clock: Clock | None = None,
    transport: Transport | None = None,
    save_state: Callable[[Mapping[str, Any]], None] | None = None,
    naming: str = FIVETRAN_NAMING,
    buffer_bytes: int = BUFFER_BYTES,
) -> SyncResult:
    """Run one sync of `connector` (loaded, or the SDK's own object) into `destination`.

    Whatever goes wrong in the connector is in the result's `error`; a destination that cannot be opened raises WarehouseError.
    `save_state` is called with each checkpoint's state once its rows are committed (`StateFile(path).write`).
    `kill_at` N: the process "dies" before operation N, counted from 0: each row, truncate and checkpoint is one.
    Beyond `buffer_bytes`, rows wait for their checkpoint in a nameless file beside the destination.
    `clock` and `transport` go to connectors on the runtime; `clock` also dates the rows.
    """
    sync = _Sync(dict(configuration), dict(state), destination, on_event or _ignore, clock or SystemClock(), transport)
    with _ONE_AT_A_TIME, _short_turns():
        started = sync.clock.monotonic()
        kept_naming = destination.open(naming)
        try:
            intake, error = sync.run(connector, Naming(kept_naming), kill_at, save_state or _ignore, buffer_bytes)
            return SyncResult(
                status=_status(intake, error),
                tables=destination.counts(),
                operations=dict(intake.counts) if intake else dict.fromkeys(OPERATIONS, 0),
                state=dict(state) if intake is None or intake.state is None else intake.state,
                seconds=sync.clock.monotonic() - started,
                peak_memory_mb=round(intake.peak_memory / MEGABYTE, 1) if intake else 0.0,
                error=None if isinstance(error, Killed) else error,
                warnings=tuple(intake.warnings) if intake else (),
            )
        finally:
            destination.close()


class _Sync:
    """What one run was asked for."""

    def __init__(
        self,
        configuration: dict[str, Any],
        state: dict[str, Any],
        destination: Destination,
        listener: Listener,
        clock: Clock,
        transport: Transport | None,
    ) -> None:
        self.configuration = configuration
        self.state = state
        self.destination = destination
        self.listener = listener
        self.clock = clock
        self.transport = transport

    def run(
        self,
        connector: LoadedConnector | Any,
        naming: Naming,
        kill_at: int | None,
        save_state: Callable[[Mapping[str, Any]], None],
        buffer_bytes: int,
    ) -> tuple[Intake | None, BaseException | None]:
        """Run schema and update; return the intake (None if `schema` failed) and what went wrong."""
        intake: Intake | None = None
        try:
            with _activated(connector) as made, captured(self.listener) as tell:
                shapes = declared_shapes(self._schema(made), self.configuration, naming)
                intake = Intake(
                    shapes,
                    self.destination,
                    tell,
                    self.clock,
                    save_state,
                    kill_at=kill_at,
                    buffer_bytes=buffer_bytes,
                )
                self._update(made, intake)
        except (Exception, ConnectorTask, SystemExit, Killed) as error:  # whatever a connector raises is the result
            if interrupted(error):  # DuckDB makes a RuntimeError of Ctrl-C
                raise KeyboardInterrupt from error
            return intake, error
        finally:
            schema_processing.reset()
            if intake is not None:
                intake.drop()
        return intake, None

    def _schema(self, connector: Any) -> Any:
        source = getattr(connector.schema_method, "__self__", None)
        if isinstance(source, Source):  # one that asks the source itself has the same seams as `update`
            return partial(source.schema, transport=self.transport, clock=self.clock)
        return connector.schema_method

    def _update(self, connector: Any, intake: Intake) -> None:
        source = getattr(connector.update_method, "__self__", None)
        if isinstance(source, Source):
            batches = BatchSink(intake)
            source.run(
                dict(self.configuration), dict(self.state), emit=batches, transport=self.transport, clock=self.clock
            )
            batches.finish()
        else:
            self._update_by_operations(connector, intake)
        if intake.failure is not None:
            raise intake.failure
        if intake.dead:
            raise Killed
        intake.commit()  # what no checkpoint covered
        if intake.state is None:
            intake.save(self.state)

    def _update_by_operations(self, connector: Any, intake: Intake) -> None:
        sink = OperationsSink(intake, FileUploads(self.destination.folder))
        runtime.install(sink)
        try:
            with raw_rows():
                emitted = connector.update_method(configuration=dict(self.configuration), state=dict(self.state))
                if isinstance(emitted, GeneratorType):
                    for _ in emitted:  # operations reach the sink as they are called; what is yielded is None
                        pass
            if intake.failure is None and not intake.dead:
                sink.finish()
        finally:
            runtime.install(None)
            sink.close()


@contextmanager
def _short_turns() -> Iterator[None]:
    """Let threads take shorter turns with Python's lock.

    DuckDB asks for it after each small step of a statement, to see Ctrl-C, and waits a whole turn each time another
    thread decodes a page: with the usual turns of 5 ms, reading ahead and loading would not overlap at all.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _status(intake: Intake | None, error: BaseException | None) -> Status:
    if intake is not None and (intake.dead or isinstance(error, Killed)):
        return "killed"
    return "ok" if error is None else "failed"


@contextmanager
def _activated(connector: LoadedConnector | Any) -> Iterator[Any]:
    if isinstance(connector, LoadedConnector):
        with connector.active() as made:
            yield made
    else:
        yield connector


def _ignore(_: Event | Mapping[str, Any]) -> None:
    """Take an event, or a state, that nobody asked for."""
