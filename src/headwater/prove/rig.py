"""Rig: one connector, one vendor, one destination — runs syncs under given conditions and keeps all that was seen."""

from __future__ import annotations

import copy
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from headwater.engine import (
    BUFFER_BYTES,
    Destination,
    DuckDbDestination,
    Event,
    Killed,
    LoadedConnector,
    SyncResult,
    captured,
    content,
    fivetran_name,
    fivetran_table_name,
    run,
)
from headwater.prove.journal import Journal
from headwater.prove.law import Effort
from headwater.prove.snapshot import Snapshot, untruth
from headwater.prove.stage_clock import StageClock
from headwater.simulate import Conditions, Exchange, Population, Server, Simulation, Simulator, serve
from headwater_runtime import Source
from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.transport import Request, RequestsTransport, Response, Transport

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["How", "Landing", "PlainSyncError", "Rehearsal", "Rig", "Sync", "Vendor", "Whole"]

COUNTED = ("upserts", "updates", "deletes", "truncates", "checkpoints")  # what the engine's `kill_at` counts
PATIENCE = 0.25  # seconds a connector waits where replies are held back on purpose: what a time-out fault costs
LONGEST = 30.0  # seconds it waits where every reply comes: a machine that is busy is no fault of the vendor's
DAY = 86_400.0
FEW = 3  # records of a population from which none is deleted: a source that loses half of them is not believed
SCHEMA = "tester"  # where the engine lands tables that name no schema of their own
TABLES = "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name <> 'main' ORDER BY ALL"
HOLD = 2.0  # seconds a time-out fault is held against a connector whose patience cannot be set
SHORT = 0.5  # seconds where it reads by a way of its own, which sees the connection end after that


class PlainSyncError(Exception):
    """The sync in fair weather fails, so there is nothing to compare bad weather with."""


@dataclass(frozen=True)
class Sync:
    """One sync as it went. `marks` are the operations, counted from 0, that were checkpoints; `lines` all that was logged.

    `began` is the vendor's time when it did. `sent` counts the requests that went through the runtime's own transport: none
    where the connector reads by a driver.
    """

    result: SyncResult
    exchanges: tuple[Exchange, ...]
    lines: tuple[str, ...] = field(repr=False)
    marks: tuple[int, ...]
    began: datetime
    sent: int = 0

    @property
    def operations(self) -> int:
        """The number of operations: rows upserted, updated, deleted, truncates, checkpoints."""
        return sum(self.result.operations[name] for name in COUNTED)

    @property
    def trouble(self) -> str:
        """Why the sync did not end well; empty when it did."""
        if self.result.status == "ok":
            return ""
        error = self.result.error
        return (
            f"the sync {self.result.status}: {type(error).__name__}: {error}"
            if error
            else f"the sync {self.result.status}"
        )

    def told(self) -> str:
        """Return every text a reader could come to see: log lines, the error with its whole chain, the state."""
        error = self.result.error
        trace = traceback.format_exception(type(error), error, error.__traceback__) if error else []
        return "\n".join([*self.lines, *trace, repr(error), str(self.result.state)])


class How(TypedDict, total=False):
    """How a sync is run. All of it can be left out: from nothing, in fair weather, to its end.

    `settings` go over the vendor's configuration. `die_at_request` works only where requests go through the runtime's
    transport: a hand-written connector, or one that reads by a driver, brings a way of its own.
    """

    state: Mapping[str, Any] | None
    settings: Mapping[str, str] | None
    conditions: Conditions | None
    kill_at: int | None
    die_at_request: int | None


@dataclass(frozen=True)
class Rehearsal:
    """A sync into a journal."""

    sync: Sync
    journal: Journal

    def same(self, other: Rehearsal) -> bool:
        """Tell whether a sync after `other` must go as one after this: the same was committed, the same state saved."""
        return self.sync.result.state == other.sync.result.state and self.journal.same(other.journal)


@dataclass(frozen=True)
class Whole:
    """A sync from nothing in fair weather, and what it left: what every other way there must lead to."""

    rehearsal: Rehearsal
    snapshot: Snapshot

    @property
    def sync(self) -> Sync:
        """The sync itself."""
        return self.rehearsal.sync


@dataclass(frozen=True)
class Rig:
    """What a law is given: a connector, a vendor to build, how hard to try, and the seed of all that is drawn."""

    connector: LoadedConnector
    simulator: Simulator
    effort: Effort
    seed: int

    @property
    def on_runtime(self) -> bool:
        """Whether the connector runs on the runtime: only then its clock and its transport are arguments."""
        return isinstance(getattr(self.connector.connector.update_method, "__self__", None), Source)

    @property
    def quick(self) -> bool:
        """Whether a sample of the cases is enough."""
        return self.effort == "quick"

    def declared(self, configuration: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Return the tables of the connector's schema with their primary keys, named as the destination names them."""
        with self.connector.active() as connector, captured(lambda _: None):
            schema = connector.schema_method(dict(configuration)) if connector.schema_method else []
        return {
            fivetran_table_name(entry["table"]): tuple(map(fivetran_name, entry.get("primary_key", ())))
            for entry in schema
        }

    @contextmanager
    def vendor(self, records: int | None = None, **options: object) -> Iterator[Vendor]:
        """Build and serve a vendor for the time of a `with` block."""
        simulation = self.simulator.simulation(seed=self.seed, records=records, **options)
        clock: Clock = StageClock() if self.on_runtime else SystemClock()
        lines = Lines(RequestsTransport(read_timeout=LONGEST), RequestsTransport(read_timeout=PATIENCE))
        spare: list[DuckDbDestination] = []
        try:
            with serve(simulation, clock=clock, hold=SHORT if self.on_runtime else HOLD) as server:
                yield Vendor(self, simulation, server, clock, lines, spare)
        finally:
            for destination in spare:
                destination.connect().close()
            lines.patient.close()
            lines.hasty.close()


@dataclass(frozen=True)
class Lines:
    """The two ways of a connector on the runtime to the vendor: one waits long for a reply, one hardly at all."""

    patient: Transport
    hasty: Transport


@dataclass(frozen=True)
class Vendor:
    """A served vendor and the syncs from it."""

    rig: Rig
    simulation: Simulation
    server: Server
    clock: Clock
    lines: Lines = field(repr=False)
    spare: list[DuckDbDestination] = field(repr=False)

    @property
    def configuration(self) -> dict[str, str]:
        """The configuration that fits this vendor."""
        return self.rig.simulator.configuration(self.server.url)

    def grow(self, by: int) -> None:
        """Append `by` records to each population that does not follow from another.

        A day before and a day after pass: what is new is dated after all that was read, and a window that ends some time
        before now can see it.
        """
        self.wait(DAY)
        for population in self.simulation.populations.values():
            if not population.follows:
                population.grow(by)
        self.wait(DAY)

    def edit(self) -> bool:
        """Edit a few records of each population whose edits a later sync can see; False if there are none."""
        self.wait(DAY)
        edited = False
        for population in map(self.simulation.populations.__getitem__, self.simulation.edited):
            for index in _some(population, (0, len(population) // 2, len(population) - 1)):
                population.edit(index)
                edited = True
        self.wait(DAY)
        return edited

    def delete(self) -> bool:
        """Delete a few records of each population whose deletions a later sync can see; False if there are none."""
        if not self.simulation.deleted:
            return False
        self.wait(DAY)
        deleted = False
        for population in map(self.simulation.populations.__getitem__, self.simulation.deleted):
            if len(population) > FEW:
                for index in _some(population, (1, len(population) * 2 // 3)):
                    population.delete(index)
                    deleted = True
        self.wait(DAY)
        return deleted

    def wait(self, seconds: float) -> None:
        """Let time pass, where the clock is ours."""
        if isinstance(self.clock, StageClock):
            self.clock.pass_by(seconds)

    @contextmanager
    def landing(self) -> Iterator[Landing]:
        """Open an empty destination for the time of a `with` block."""
        # To open a database takes longer than a whole sync of a small source, and a proof needs hundreds: they are used again.
        destination = self.spare.pop() if self.spare else DuckDbDestination()
        try:
            yield Landing(self, destination)
        finally:
            _clear(destination)
            self.spare.append(destination)

    def whole(self, settings: Mapping[str, str] | None = None) -> Whole:
        """Run one sync from nothing in fair weather. PlainSyncError if even that fails."""
        rehearsal = self.rehearse(settings=settings)
        if rehearsal.sync.trouble:
            raise PlainSyncError(f"a sync in fair weather fails: {rehearsal.sync.trouble}")
        with self.landing() as landing:
            rehearsal.journal.land(landing.destination)
            return Whole(rehearsal, landing.snapshot())

    def rehearse(self, **how: Unpack[How]) -> Rehearsal:
        """Run one sync into a journal, to see whether it is worth landing.

        It begins at the same moment as every other since the data last changed: what was slept before is no difference.
        """
        if isinstance(self.clock, StageClock):
            self.clock.wind_back()
        journal = Journal()
        return Rehearsal(self.sync(journal, **how), journal)

    def sync(self, destination: Destination, **how: Unpack[How]) -> Sync:
        """Run one sync into `destination`, request 1 being its first."""
        self.server.reset(how.get("conditions"))
        transport = self._line(how.get("conditions"), how.get("die_at_request"))
        seen = _Witness()
        began = self.clock.now()
        result = run(
            self.rig.connector,
            configuration={**self.configuration, **(how.get("settings") or {})},
            state=copy.deepcopy(dict(how.get("state") or {})),
            destination=destination,
            on_event=seen,
            kill_at=how.get("kill_at"),
            clock=self.clock if self.rig.on_runtime else None,
            transport=transport,
            buffer_bytes=sys.maxsize
            if isinstance(destination, Journal)
            else BUFFER_BYTES,  # on disk, rows go with the sync
        )
        sent = transport.sent if transport else 0
        return Sync(result, self.server.log, tuple(seen.lines), tuple(seen.marks), began, sent)

    def _line(self, conditions: Conditions | None, die_at_request: int | None) -> _Line | None:
        if not self.rig.on_runtime:
            return None
        held = conditions is not None and any(
            fault.kind == "timeout" for rule in conditions.faults.rules for fault in rule.faults
        )
        line = self.lines.hasty if held else self.lines.patient
        return _Line(line, die_at_request)

    def untruth(self, snapshot: Snapshot) -> str:
        """Say how `snapshot` differs from what the vendor's data is now; empty when it does not."""
        for table, key in self.rig.simulator.keys.items():
            if problem := untruth(snapshot, table, key, self.simulation.truth[table]()):
                return problem
        return ""


@dataclass(frozen=True)
class Landing:
    """One real destination, and the syncs into it."""

    vendor: Vendor
    destination: DuckDbDestination

    def sync(self, **how: Unpack[How]) -> Sync:
        """Run one sync into this destination."""
        return self.vendor.sync(self.destination, **how)

    def snapshot(self) -> Snapshot:
        """Return what the destination holds."""
        connection = self.destination.connect()
        rows = {
            name if schema == SCHEMA else f"{schema}.{name}": _rows(connection.table(f'"{schema}"."{name}"'))
            for schema, name in connection.execute(TABLES).fetchall()
        }
        return Snapshot(content(self.destination), rows)


def _rows(table: Any) -> list[dict[str, Any]]:
    """Return the live rows of a table. Arrow hands over moments with a time zone, which DuckDB alone needs a package for."""
    return [row for row in table.to_arrow_table().to_pylist() if not row.get("_fivetran_deleted")]


def _clear(destination: DuckDbDestination) -> None:
    connection = destination.connect()
    for schema in {schema for schema, _ in connection.execute(TABLES).fetchall()}:
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE')


class _Witness:
    """Keeps what the engine tells of a running sync."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.marks: list[int] = []

    def __call__(self, event: Event) -> None:
        self.lines.append(event.message)
        if event.kind == "checkpoint":
            counts = event.data["operations"]
            self.marks.append(sum(counts[name] for name in COUNTED) - 1)


def _some(population: Population, indices: tuple[int, ...]) -> list[int]:
    """Return those of `indices` that are of records which are there."""
    return sorted(set(indices) & set(range(len(population))) - set(population.deleted))


class _Line:
    """A transport that counts. The process dies when request `nth` (from 1) of the sync is sent, and all its threads with it."""

    def __init__(self, transport: Transport, nth: int | None) -> None:
        self._transport = transport
        self._nth = nth
        self._lock = threading.Lock()
        self.sent = 0

    def send(self, request: Request) -> Response:
        """Send `request`, or die."""
        with self._lock:
            self.sent += 1
            if self._nth is not None and self.sent >= self._nth:
                raise Killed
        return self._transport.send(request)

    def close(self) -> None:
        """Leave the connections to the vendor, whose transport it is."""
