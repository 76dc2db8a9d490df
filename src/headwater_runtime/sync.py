"""The sync: reads each stream's slices, emits their rows, and alone decides when to checkpoint.

Order within a stream: a page's rows are emitted, then those of its parts (the streams read once for each of its records),
then the progress moves over that page, then a checkpoint may save it. A page is emitted wholly or not at all, and a state is
what every progress saves at one moment, so it never lies past a row that was not emitted.

Everything here runs in the main thread; lanes fetch. A stream's run is a generator, one turn a page, and streams side by
side take turns, so that the order of operations depends on the source alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from headwater_runtime.access import Access
from headwater_runtime.bad import Failures
from headwater_runtime.call import Slice
from headwater_runtime.clock import Clock
from headwater_runtime.cursor import FullRefresh, Ordering, Progress, Removing, Vanishing
from headwater_runtime.emit import Emit
from headwater_runtime.errors import ContractError, HeadwaterError, SourceError
from headwater_runtime.lanes import Lanes
from headwater_runtime.pages import Page
from headwater_runtime.parts import PerPart
from headwater_runtime.records import Row, value_at
from headwater_runtime.rows import Rows
from headwater_runtime.state import State
from headwater_runtime.stream import Stream
from headwater_runtime.tables import Table

__all__ = ["begin", "keep_credential", "sync"]


def sync(streams: Sequence[Stream], state: State, emit: Emit, client: Access, parallel: int = 1) -> None:
    """Run `streams`, `parallel` of them side by side, those of their parts within.

    A stream that fails alone (403, 404, a broken shape) stops, the others go on, and the sync fails at the end. Any other
    failure stops all at once. Either way what was emitted is checkpointed before the error goes on.
    """
    ledger = _Ledger(state, emit, client)
    waiting = deque(_Run(stream, streams, ledger) for stream in streams if not isinstance(stream.per, Stream))
    active: list[Iterator[None]] = []
    try:
        while waiting or active:
            while waiting and len(active) < parallel:
                active.append(waiting.popleft().whole())
            active = [run for run in active if next(run, run) is None]
    except HeadwaterError:
        ledger.checkpoint()
        raise
    finally:
        for run in active:
            run.close()  # type: ignore[attr-defined]  # a generator: its lanes stop
    ledger.end()


def begin(stream: Stream, saved: Mapping[str, Any], clock: Clock) -> Progress:
    """Return the pass of `stream` that goes on from `saved`; the parts of a list are in it, those of a parent are not."""
    now = clock.now()
    if stream.per is None:
        return stream.cursor.begin(saved, stream.pages, now)
    fields = sorted(stream.fields | set(stream.carry.values()))
    progress = PerPart(stream.cursor, stream.pages, saved, now, fields)
    if not isinstance(stream.per, Stream):
        progress.add(part for part in stream.per if stream.when is None or stream.when(dict(part)))
    return progress


def keep_credential(client: Access, state: State, emit: Emit) -> None:
    """Save a credential that was signed in with before the sync began: it may be good once, and the sync may never begin."""
    if client.kept != state.auth:
        state.auth = client.kept
        emit.checkpoint(state.as_dict(), urgent=True)


class _Ledger:
    """One sync: the way out, and what of it is not checkpointed yet."""

    def __init__(self, state: State, emit: Emit, client: Access) -> None:
        self.state, self.emit, self._client = state, emit, client
        self.clock, self.log = client.clock, client.log
        self.runs: list[_Run] = []  # those that have begun
        self._failed: list[tuple[Stream, HeadwaterError]] = []
        self._since = self.clock.monotonic()

    def keep_credential(self) -> None:
        """Save a credential that can be had only once, before anything else is done with it."""
        if self._client.kept != self.state.auth:
            self.checkpoint(urgent=True)

    def upsert(self, table: Table, rows: Sequence[Row]) -> None:
        """Emit `rows`."""
        self.emit.upsert(table, rows)

    def checkpoint(self, *, urgent: bool = False) -> None:
        """Save what every run that has begun may save.

        Also where nothing was emitted since the last time: a failure can take a mark back, or make a window smaller.
        """
        self.state.auth = self._client.kept
        for run in self.runs:
            self.state.put(run.stream.name, run.stream.shape, run.saved())
        self.emit.checkpoint(self.state.as_dict(), urgent=urgent)
        for run in self.runs:
            run.emitted, run.pending = run.emitted + run.pending, 0
        self._since = self.clock.monotonic()

    def moved(self, run: _Run, *, urgent: bool) -> None:
        """Checkpoint after a page of `run` if it is time to."""
        late = self.clock.monotonic() - self._since >= run.stream.checkpoint_seconds
        if urgent or run.pending >= run.stream.checkpoint_rows or (late and run.pending):
            self.checkpoint(urgent=urgent)

    def failed(self, stream: Stream, error: HeadwaterError) -> None:
        """Take note that `stream` failed alone, and go on."""
        self.log.warning(f"{stream.name}: failed, the other streams go on: {error.what}")
        self._failed.append((stream, error))

    def end(self) -> None:
        """Raise for the streams that failed."""
        if len(self._failed) == 1:
            raise self._failed[0][1]
        if self._failed:
            told = "".join(
                f"\n  - {stream.name}: {str(error).replace('  →', '    →')}" for stream, error in self._failed
            )
            raise SourceError(
                f"{len(self._failed)} streams failed, the others are read to their end:{told}",
                hint="mend each as it says; the next sync goes on where they stopped",
            ) from self._failed[0][1]


class _Run:
    """One stream's run, with those of the streams that are read once for each of its records."""

    def __init__(self, stream: Stream, streams: Sequence[Stream], ledger: _Ledger) -> None:
        self.stream, self._ledger = stream, ledger
        self._children = [_Run(child, streams, ledger) for child in streams if child.per is stream]
        self._rows = Rows(stream)
        self._failures = Failures(stream.errors, stream.name, ledger.log) if stream.errors else None
        self._progress: Progress | None = None  # None: not begun
        self._held: dict[str, Any] | None = None  # a child failed: what may be saved at most
        self._size = 0  # the step of `Sizes` to go on with
        self._stopped = False
        self.pending = self.emitted = 0

    def whole(self) -> Iterator[None]:
        """Read to the end, a turn a page."""
        self._begin()
        yield from self.turns()
        self._finish()
        self._ledger.checkpoint()
        self._tell()

    def _begin(self) -> None:
        stream, ledger = self.stream, self._ledger
        saved = ledger.state.saved(stream.name, stream.shape, ledger.log)
        ledger.log.info(f"{stream.name}: reading from {'the saved position' if saved else 'the beginning'}")
        self._size = int(saved.get("size", 0))
        try:
            self._progress = begin(stream, saved, ledger.clock)
            ledger.runs.append(self)
        except HeadwaterError as error:
            self._stop(error)
        for child in self._children:
            child._begin()  # noqa: SLF001  (of the same class)

    def saved(self) -> dict[str, Any]:
        """Return what may be saved now."""
        saved = self._held if self._held is not None else self._live.saved()
        return {**saved, "size": self._size} if self._size else saved

    @property
    def behind(self) -> bool:
        """Whether something of this stream, or of those read for its records, is left unread."""
        return self._stopped or self._held is not None

    @property
    def _live(self) -> Progress:
        if self._progress is None:
            raise AssertionError(f"stream {self.stream.name} was not begun")
        return self._progress

    def turns(self) -> Iterator[None]:
        """Read every slice there is now, a turn a page."""
        if self._stopped:
            return
        stream, begun = self.stream, dict[int, Slice]()  # slices a page came of, by identity: they may hold anything
        width = stream.parallel if stream.sliced else 1
        ordered = isinstance(stream.cursor, Ordering) and stream.cursor.ordered(stream.pages, tuple(stream.into))
        with closing(Lanes(self._live.next, width, self._pages, ordered=ordered)) as lanes:
            try:
                for at, item in lanes:
                    if isinstance(item, Page):
                        begun[id(at)] = at
                        if self._live.wanted(at, item):
                            yield from self._take(at, item)
                        else:
                            lanes.drop(at)
                            self._end_slice(at)
                    elif item is None:
                        self._end_slice(at)
                    elif not self._live.failed(at, item):
                        raise _with_remedy(item, resumed=at.at is not None and id(at) not in begun) from item
                    yield
            except HeadwaterError as error:
                self._stop(error)

    def _end_slice(self, at: Slice) -> None:
        self._live.done(at)
        self._remove(complete=False)
        if self.stream.checkpoint_slices:
            self._ledger.checkpoint()

    def _pages(self, at: Slice) -> Iterator[Page]:
        stream = self.stream
        pages = 1 if stream.sliced else stream.parallel
        return stream.pages.read(at, parallel=pages, size=self._size, skip=stream.errors is not None)

    def _take(self, at: Slice, page: Page) -> Iterator[None]:
        """Emit a page, then the parts it names, then move over it."""
        ledger, stream = self._ledger, self.stream
        ledger.keep_credential()
        carried = {name: value_at(at.part, path) for name, path in stream.carry.items()}
        made = self._rows.made(page, carried, ledger.clock.now())
        for table, batch, deleted in made.rows:
            if len(batch) and deleted:
                ledger.emit.delete(table, batch)
            elif len(batch):
                if isinstance(self._progress, Vanishing):
                    self._progress.seen(table, batch)
                ledger.upsert(table, batch)
            self.pending += len(batch)
        if self._failures is not None:
            self.pending += self._failures.take([*page.failed, *made.failures], ledger.upsert)
        for child in self._children:
            for records in made.records:
                yield from child.parts(records)
            if child.behind and self._held is None and not isinstance(self._progress, Vanishing):
                self._held = self._live.saved()  # its parts of this page are not read: this page must come again
        self._live.moved(at, page)
        self._size = page.step if page.step < stream.pages.largest else 0
        ledger.moved(self, urgent=page.urgent)

    def parts(self, records: Sequence[Row]) -> Iterator[None]:
        """Read the parts that `records` of the parent are."""
        progress, when = self._progress, self.stream.when
        if not isinstance(progress, PerPart) or self._stopped:
            return
        try:
            progress.add([record for record in records if when is None or when(record)])
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            what = f"`when` of stream '{self.stream.name}' failed on a part: {type(error).__name__}: {error}"
            self._stop(ContractError(what, where="Stream(…, when=…)", hint="mend the function in sync.py"))
        yield from self.turns()

    def _stop(self, error: HeadwaterError) -> None:
        """End this stream for what it alone is at fault for; raise anything else."""
        alone = isinstance(error, (ContractError, SourceError)) or error.status in {403, 404}
        if not alone:
            raise error
        self._stopped = True
        self._ledger.failed(self.stream, error)
        self._ledger.checkpoint()

    def _finish(self) -> None:
        """Do what may be done only once everything was seen: forget parts that are gone, delete rows that vanished."""
        stream, bad = self.stream, self._failures.count if self._failures else 0
        if self._stopped or self._progress is None:
            return
        if isinstance(self._progress, PerPart) and not isinstance(stream.per, Stream):
            self._progress.forget_others()
        if isinstance(self._progress, Vanishing):
            if bad:
                self._ledger.log.warning(f"{stream.name}: nothing is deleted, for {bad} records could not be read")
            else:
                self._delete(self._progress)
        try:
            self._remove(complete=True)
        except SourceError as error:
            self._stop(error)
        for child in self._children:
            child._finish()  # noqa: SLF001
            whole = isinstance(stream.cursor, FullRefresh) and stream.per is None and not child._stopped  # noqa: SLF001
            if whole and isinstance(child._progress, PerPart):  # noqa: SLF001
                child._progress.forget_others()  # noqa: SLF001

    def _remove(self, *, complete: bool) -> None:
        """Delete the rows that the progress knows to be gone."""
        if isinstance(self._progress, Removing):
            for table, keys in self._progress.removed(tuple(self.stream.into), complete=complete):
                self._ledger.emit.delete(table, keys)
                self.pending += len(keys)
                self._ledger.moved(self, urgent=False)

    def _delete(self, progress: Vanishing) -> None:
        try:
            for table in self.stream.into:
                if keys := progress.vanished(table):
                    self._ledger.emit.delete(table, keys)
                    self.pending += len(keys)
        except SourceError as error:
            self._stop(error)

    def _tell(self) -> None:
        if self._failures is not None:
            self._failures.tell()
        left_out = f", {self._rows.skipped} left out by their row function" if self._rows.skipped else ""
        self._ledger.log.info(f"{self.stream.name}: {self.emitted} rows{left_out}")
        for child in self._children:
            child._tell()  # noqa: SLF001


def _with_remedy(error: HeadwaterError, *, resumed: bool) -> HeadwaterError:
    """Return `error`, with the remedy that fits if the source refused the very position it gave in an earlier sync."""
    if not resumed or not error.status or not isinstance(error, SourceError):
        return error
    return SourceError(
        f"the source refused the position saved by an earlier sync: {error.what}",
        where=error.where,
        hint="the saved cursor is no longer valid: reset the connection to read from the beginning (locally: --reset)",
        status=error.status,
    )
