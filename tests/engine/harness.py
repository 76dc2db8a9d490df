"""Runs the same small connector on this engine and on the SDK's own runner, and tells how the outcomes differ."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fivetran_connector_sdk_core as core
from fivetran_connector_sdk import Connector, FileUpload, Logging, Operations
from fivetran_connector_sdk_cli import core_adapter, runtime, schema_processing
from fivetran_connector_sdk_common import constants

from headwater.engine import Content, DuckDbDestination, SyncResult, content, differences, run

COUNT = re.compile(r"(Upserts|Updates|Deletes|Truncates|Schema changes|Checkpoints|File uploads)\s*\|\s*(\d+)")


@dataclass(frozen=True)
class Operation:
    """One operation of a connector, printable."""

    name: str
    arguments: tuple[Any, ...]
    schema: str | None = None

    def __call__(self) -> None:
        operation = getattr(Operations, self.name)
        operation(*self.arguments, **({} if self.schema is None else {"schema": self.schema}))


def up(table: str, /, schema: str | None = None, **row: Any) -> Operation:
    return Operation("upsert", (table, row), schema)


def row(table: str, values: Mapping[str, Any], *, schema: str | None = None) -> Operation:
    """An upsert whose column names Python cannot spell as keywords."""
    return Operation("upsert", (table, dict(values)), schema)


def mod(table: str, /, **row: Any) -> Operation:
    return Operation("update", (table, row))


def rm(table: str, /, **keys: Any) -> Operation:
    return Operation("delete", (table, keys))


def clear(table: str, /) -> Operation:
    return Operation("truncate", (table,))


@dataclass(frozen=True)
class Upload:
    """An upsert or update that brings a file. `stream`, where it is told, makes what `data` is not read from."""

    path: str
    data: bytes
    row: Mapping[str, Any]
    table: str = "t"
    name: str = "upsert"
    expected: int | None = None
    schema: str | None = None
    stream: Callable[[], Any] | None = None

    def __call__(self) -> None:
        stream = self.stream() if self.stream else io.BytesIO(self.data)
        upload = FileUpload(self.path, stream, self.expected)
        getattr(Operations, self.name)(self.table, dict(self.row), schema=self.schema, file=upload)


def ok(**state: Any) -> Operation:
    return Operation("checkpoint", (state,))


def boom() -> None:
    raise ValueError("boom")


def table(name: str, *key: str, schema: str | None = None, **columns: Any) -> dict[str, Any]:
    """Declare a table."""
    entry: dict[str, Any] = {"table": name}
    if key:
        entry["primary_key"] = list(key)
    if columns:
        entry["columns"] = columns
    if schema:
        entry["schema"] = schema
    return entry


@dataclass(frozen=True)
class Sync:
    """One sync of a case: what it declares and what it does. `forgets`: it starts without the state of the one before."""

    declared: Sequence[Mapping[str, Any]]
    operations: Sequence[Callable[[], None]]
    forgets: bool = False

    def connector(self) -> Connector:
        def update(configuration: dict[str, str], state: dict[str, Any]) -> None:
            for operation in self.operations:
                operation()

        return Connector(update=update, schema=lambda configuration: [dict(entry) for entry in self.declared])


@dataclass(frozen=True)
class Outcome:
    """What a sync left behind."""

    failed: bool
    tables: Mapping[str, Content] = field(repr=False)
    counts: Mapping[str, int]
    state: Any
    error: BaseException | None = None
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def stored(folder: Path) -> dict[str, bytes]:
    """Return the uploaded files under `folder`, whole ones and what else is left of any."""
    found = [path for path in (folder / "files").rglob("*") if path.is_file() and path.parent != folder / "files"]
    return {path.relative_to(folder / "files").as_posix(): path.read_bytes() for path in found}


def ours(syncs: Sequence[Sync], naming: str = "FIVETRAN_NAMING", folder: Path | None = None) -> list[Outcome]:
    """Run `syncs` here, into memory or into a warehouse under `folder`."""
    destination, state = DuckDbDestination(folder / "files" / "warehouse.db" if folder else ":memory:"), {}
    outcomes = []
    for sync in syncs:
        state = {} if sync.forgets else state
        result: SyncResult = run(
            sync.connector(), configuration={}, state=state, destination=destination, naming=naming
        )
        state = dict(result.state)
        files = stored(folder) if folder else {}
        outcomes.append(
            Outcome(not result.ok, content(destination), dict(result.operations), state, result.error, files)
        )
        destination.close()
    destination.connect().close()
    return outcomes


def reference(syncs: Sequence[Sync], folder: Path, naming: str = "FIVETRAN_NAMING") -> list[Outcome]:
    return [_reference(sync, folder, naming) for sync in syncs]


def _reference(sync: Sync, folder: Path, naming: str) -> Outcome:
    warehouse, states = folder / "files" / "warehouse.db", folder / "files" / "state.json"
    if sync.forgets:
        states.unlink(missing_ok=True)
    state = json.loads(states.read_text()) if states.exists() else {}
    printed, error = io.StringIO(), None
    before = constants.DEBUGGING, Logging.LOG_LEVEL
    constants.DEBUGGING, Logging.LOG_LEVEL = True, Logging.Level.INFO
    try:
        with contextlib.redirect_stdout(printed):
            core.run(_Source(sync.connector()), str(folder), {}, state, naming == "FIVETRAN_NAMING")
    except (Exception, core.ConnectorTask) as raised:  # noqa: BLE001  (which error it is belongs to the outcome)
        error = raised
    finally:
        runtime.install(None)
        schema_processing.reset()
        constants.DEBUGGING, Logging.LOG_LEVEL = before
    counts = {name.lower().replace(" ", "_"): int(number) for name, number in COUNT.findall(printed.getvalue())}
    tables = content(warehouse)
    left = json.loads(states.read_text()) if states.exists() else {}
    return Outcome(error is not None, tables, counts, left, error, stored(folder))


class _Source:
    """A connector as the SDK's core takes it, without the command line's crash reports and memory watch."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        assert core_adapter.ConnectorSource  # importing it has given the core its logger

    def schema(self, configuration: dict[str, str]) -> core.SchemaResult:
        schema_processing.reset()
        schema_processing.process_tables(self._connector.schema_method(configuration), {})
        return core.SchemaResult(tables=list(schema_processing.TABLES.values()))

    def update(self, configuration: dict[str, str], state: dict[str, Any], sink: core.Sink) -> None:
        runtime.install(sink)
        self._connector.update_method(configuration=configuration, state=state)


def compared(syncs: Sequence[Sync], folder: Path, naming: str = "FIVETRAN_NAMING", *, files: bool = False) -> list[str]:
    """Say how our outcome differs from the reference's after each sync. `files`: land on disk, compare uploaded files."""
    said = []
    own = ours(syncs, naming, folder / "ours" if files else None)
    for number, (expected, found) in enumerate(
        zip(reference(syncs, folder / "sdk", naming), own, strict=True), start=1
    ):
        problems = differences(expected.tables, found.tables)
        if expected.failed != found.failed:
            problems.append(f"failed: expected {expected.error!r}, found {found.error!r}")
        if expected.counts != found.counts:
            problems.append(f"counts {found.counts}, expected {expected.counts}")
        if expected.state != found.state:
            problems.append(f"state {found.state}, expected {expected.state}")
        if files and expected.files != found.files:
            problems.append(f"files {_short(found.files)}, expected {_short(expected.files)}")
        said += [f"sync {number}: {problem}" for problem in problems]
    return said


def _short(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {path: data if len(data) < 40 else len(data) for path, data in sorted(files.items())}
