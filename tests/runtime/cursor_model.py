"""A model source for cursors, and the driver that reads it: records come, change, move and go while slices are being read.

Nothing here waits or has threads: a lane is a generator, and whoever drives it says when it gives its next page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from headwater_runtime import HeadwaterError, Table
from headwater_runtime.call import WHOLE, Slice
from headwater_runtime.cursor import Cursor, Progress, Vanishing
from headwater_runtime.moments import floored, read
from headwater_runtime.pages import Page
from headwater_runtime.parts import PerPart

THINGS = Table("things", key="id")
BORN = datetime(2025, 1, 10, 9, 30, tzinfo=timezone.utc)
NONE, MINUTE, HOUR, DAY = timedelta(0), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SIZE = 3  # records a page
MOMENT = re.compile(r'"(\d{4}-\d\d-\d\d[^"]*)"')


@dataclass
class Record:
    id: int
    time: datetime  # when it happened: what Windows go by
    changed: datetime  # the stamp of its last change: what a Watermark goes by
    version: int = 1
    part: str = "a"

    def shown(self) -> dict[str, Any]:
        stamps = {"time": self.time.isoformat(), "changed": self.changed.isoformat()}
        return {"id": self.id, "version": self.version, "part": self.part, **stamps}


@dataclass
class Model:
    """The source as it is now."""

    now: datetime = BORN
    records: dict[int, Record] = field(default_factory=dict)
    highest: int = 0  # the last id that was given out
    shown: int = 0  # the highest that was ever shown
    jobs: list[list[Record]] = field(default_factory=list)  # what each was when it was made

    def visible(self, at: Slice) -> list[Record]:
        part = at.part.get("part")
        return [self.records[key] for key in sorted(self.records) if part in {None, self.records[key].part}]


Answer = Callable[[Model, Slice], Iterator[Page]]


class Fake:
    """A Readable whose slices the driver reads from a model itself; `read` gives the newest record of its `model`."""

    def __init__(self, *, durable: bool = False, paging: str = "PageNumber", model: Model | None = None) -> None:
        self.warnings: list[str] = []
        self.client: Any = SimpleNamespace(log=SimpleNamespace(warning=self.warnings.append))
        self.where, self.bounds = "GET /things", ()
        self.behind = 0  # how many of the highest ids it does not know when it is asked for the newest
        self.durable, self.shape, self.model = durable, f"{paging} /things", model or Model()
        self.paging: Any = type(paging, (SimpleNamespace,), {})(path="id", size=SIZE)

    @property
    def largest(self) -> int:
        return int(self.paging.size)

    def read(self, start: Any = WHOLE, **_: Any) -> Iterator[Page]:
        known = sorted(self.model.records)[: len(self.model.records) - self.behind]
        yield Page([self.model.records[key].shown() for key in known[-1:]], None, "GET /things")


def page(records: list[Record], position: Any = None, **more: Any) -> Page:
    return Page([record.shown() for record in records], position, "GET /things", **more)


def listed(model: Model, chosen: list[Record], position: Callable[[Record], Any] = lambda _: None) -> Iterator[Page]:
    """Read the list as it was when reading began; each record as it is when its page comes."""
    ids = [record.id for record in chosen]
    for begin in range(0, max(len(ids), 1), SIZE):
        now = [model.records[key] for key in ids[begin : begin + SIZE] if key in model.records]
        yield page(now, position(now[-1]) if now else None)


def still(model: Model, chosen: list[tuple[int, int]]) -> Iterator[Page]:
    """Read the (id, version) of when reading began, less what has changed since: that has moved to the top."""
    for begin in range(0, max(len(chosen), 1), SIZE):
        there = ((model.records.get(key), version) for key, version in chosen[begin : begin + SIZE])
        yield page([record for record, version in there if record is not None and record.version == version])


def by_key(model: Model, at: Slice, fits: Callable[[Record], bool], key: Callable[[Record], Any]) -> Iterator[Page]:
    """Read what is there now behind the last key, page by page."""
    last = at.at
    while True:
        behind = [record for record in model.visible(at) if fits(record) and (last is None or key(record) > last)]
        batch = sorted(behind, key=key)[:SIZE]
        last = key(batch[-1]) if batch else last
        yield page(batch, key(batch[-1]) if batch else None)
        if len(batch) < SIZE:
            return


def identity(record: Record) -> int:
    return record.id


@dataclass
class Lane:
    slice: Slice
    pages: Iterator[Page]


@dataclass
class Case:
    """One cursor over one way of answering, and what the source promises it.

    `late` is how much older than its appearance a record's time may be, `ahead` how much younger, `low` how far below the
    highest a new id may lie. `clocks` says how much our clock may differ from the source's, `others` how the cursor may be
    declared in a later sync. `again` says whether a pass with nothing new may emit a record, given the state it began from.
    """

    cursor: Any
    answer: Answer
    source: Any = field(default_factory=Fake)
    late: timedelta = NONE
    lag: timedelta = NONE
    ahead: timedelta = NONE
    edits: bool = True
    old: bool = True  # also what is older than `late` may be edited: the cursor goes by the stamp of the change
    deletes: bool = True
    mirrors: bool = False  # what is gone at the source goes at the destination
    low: int = 0
    clocks: tuple[timedelta, ...] = (NONE, -MINUTE, -7 * HOUR, -2 * DAY)
    others: tuple[Any, ...] = ()
    by: Callable[[Record], datetime] = lambda record: record.time  # what the cursor's `start` is about
    again: Callable[[Record, dict[str, Any]], bool] = lambda *_: True
    lanes: int = 3

    @property
    def fast(self) -> timedelta:
        """How far our clock may be ahead: so much less may a record be late."""
        return max(self.clocks)


class Pass:
    """A sync over a model: a destination, the last checkpoint, and the lanes that are open."""

    def __init__(self, case: Case) -> None:
        self.case, self.source, self.model = case, case.source, case.source.model
        self.cursor, self.clock = case.cursor, NONE
        self.there: dict[int, int] = {}  # id → version at the destination
        self.committed: dict[int, int] = {}
        self.state: dict[str, Any] = {}
        self.emitted: list[int] = []  # ids since the pass began
        self.progress: Progress | None = None
        self.lanes: list[Lane] = []

    def begin(self) -> Progress:
        if self.progress is None:
            now = self.model.now + self.clock
            self.progress, self.emitted = self.cursor.begin(self.state, self.source, now), []
        return self.progress

    def open(self) -> bool:
        """Start another lane if there is a slice for it."""
        given = self.begin().next() if len(self.lanes) < self.case.lanes else None
        if given is not None:
            self.lanes.append(Lane(given, self.case.answer(self.model, given)))
        return given is not None

    def step(self, number: int) -> None:
        """Take the next page of a lane."""
        lane, progress = self.lanes[number % len(self.lanes)], self.begin()
        found = next(lane.pages, None)
        if found is not None and progress.wanted(lane.slice, found):
            if isinstance(progress, Vanishing):
                progress.seen(THINGS, found.records)
            self.there.update({record["id"]: record["version"] for record in found.records})
            self.emitted += [record["id"] for record in found.records]
            progress.moved(lane.slice, found)
            if found.urgent:
                self.checkpoint()
            return
        self.lanes.remove(lane)
        if isinstance(progress, Vanishing):
            for row in progress.vanished(THINGS):
                self.there.pop(row["id"], None)
        progress.done(lane.slice)

    def fail(self, number: int, error: HeadwaterError) -> bool:
        """Fail a lane; if its slice does not come again the pass ends. Say whether it goes on."""
        lane = self.lanes.pop(number % len(self.lanes))
        if self.begin().failed(lane.slice, error):
            return True
        self.checkpoint()
        self.drop()
        return False

    def checkpoint(self) -> None:
        self.state = json.loads(json.dumps(self.begin().saved()))
        self.committed = dict(self.there)

    def drop(self) -> None:
        self.progress, self.lanes = None, []

    def kill(self) -> None:
        """Lose everything since the last checkpoint, at the destination too."""
        self.drop()
        self.there = dict(self.committed)

    def complete(self, order: Callable[[], int] = lambda: 0) -> None:
        """Read to the end, in the given order of lanes, and checkpoint."""
        for _ in range(5_000):
            while self.open():
                pass
            if not self.lanes:
                self.checkpoint()
                self.drop()
                return
            self.step(order())
        raise AssertionError("the pass does not end")

    def missing(self) -> list[int]:
        """Return the ids whose last version is not at the destination."""
        cursor = getattr(self.cursor, "cursor", self.cursor)
        start = None if getattr(cursor, "start", None) is None else floored(read(cursor.start), cursor.unit)
        due = [r for r in self.model.records.values() if start is None or self.case.by(r) >= start]
        return [r.id for r in due if self.there.get(r.id) != r.version and (self.case.edits or r.id not in self.there)]

    def edges(self) -> list[datetime]:
        """Return the moments at which one reading ends and another begins."""
        kept = json.dumps(self.state)
        sent = [edge for lane in self.lanes for edge in (lane.slice.start, lane.slice.end) if edge is not None]
        return sent + [read(text) for text in MOMENT.findall(kept)]

    # -- what happens at the source

    def found(self, backs: list[float]) -> None:
        """Records are there from before the first sync, their times spread over the last three days."""
        for back in backs:
            self.add(1.0)
            record = self.model.records[self.model.highest]
            record.time = record.changed = self.model.now - 3 * DAY + timedelta(seconds=int(259_200 * back))

    def add(self, back: float, low: int | None = None, gap: int = 0) -> None:
        """A record appears, its times `back` (0 to 1) of the way from as early as promised to as late as promised.

        With `low`, if the source does that, it takes an id below the highest; `gap` ids are given out and not shown.
        """
        case = self.case
        self._show(low, gap, self._moment(case.lag + case.late, back), self._moment(case.lag, back))

    def add_at(self, choice: int) -> None:
        """A record appears whose times are those of an edge."""
        case, edges = self.case, sorted(set(self.edges()))
        fitting = [edge for edge in edges if self._moment(case.lag, 0.0) <= edge <= self._moment(NONE, 1.0)]
        if fitting:
            moment = fitting[choice % len(fitting)]
            self._show(None, 0, moment, moment)

    def _show(self, low: int | None, gap: int, time: datetime, changed: datetime) -> None:
        model = self.model
        lowest = max(1, model.shown - self.case.low + 1)
        free = [key for key in range(lowest, model.shown) if key not in model.records] if self.case.low else []
        key = free[low % len(free)] if free and low is not None else model.highest + gap + 1
        model.highest, model.shown = max(model.highest, key), max(model.shown, key)
        model.records[key] = Record(key, time, changed, part="abc"[key % 3])

    def edit(self, choice: int, back: float, *, moves: bool) -> None:
        """A record changes, and perhaps its time does."""
        model, case = self.model, self.case
        oldest = self._moment(case.lag + case.late, 0.0)
        young = [r for r in model.records.values() if case.old or r.time >= oldest]
        if young and case.edits:
            record = young[choice % len(young)]
            record.version += 1
            record.changed = max(record.changed, self._moment(case.lag, back))
            if moves:
                record.time = max(record.time, self._moment(case.lag + case.late, back))

    def remove(self, choice: int) -> None:
        keys = sorted(self.model.records)
        if keys and self.case.deletes:
            del self.model.records[keys[choice % len(keys)]]

    def _moment(self, early: timedelta, back: float) -> datetime:
        early = max(NONE, early - self.case.fast)
        span = early + self.case.ahead
        return self.model.now - early + timedelta(seconds=int(span.total_seconds() * back))


# -- ways of answering ------------------------------------------------------------------------------------------------


def as_job(answer: Answer) -> Answer:
    """Have the answer made by a job, whose id comes first; it stays what it was when the job was made."""

    def read(model: Model, at: Slice) -> Iterator[Page]:
        job = len(model.jobs) if at.at is None else int(str(at.at))
        if at.at is None:
            ids = [record["id"] for found in list(answer(model, at)) for record in found.records]
            model.jobs.append([replace(model.records[key]) for key in ids])
            yield page([], job, urgent=True)
        for begin in range(0, len(model.jobs[job]), SIZE):
            yield page(model.jobs[job][begin : begin + SIZE], job)

    return read


@dataclass(frozen=True)
class Parted:
    """A cursor once per part, as a stream has it with a list."""

    cursor: Cursor
    parts: tuple[str, ...] = ("a", "b", "c")

    def begin(self, saved: dict[str, Any], source: Fake, now: datetime) -> Progress:
        progress = PerPart(self.cursor, source, saved, now, ("part",))
        progress.add({"part": part} for part in self.parts)
        return progress


def everything(model: Model, at: Slice) -> Iterator[Page]:
    return listed(model, model.visible(at))


def after_token(model: Model, at: Slice) -> Iterator[Page]:
    return by_key(model, at, lambda _: True, identity)


def happened(
    unit: timedelta,
    *,
    cap: int = 0,
    keyed: bool = False,
    exclusive: bool = False,
    sent: timedelta = NONE,
    behind: timedelta = NONE,
) -> Answer:
    """Answer for what happened from one moment to another, both included, in units; at most `cap` records.

    `sent` is what the bounds are cut down to on the way, `behind` by how much the source's own time is behind UTC.
    """

    def answer(model: Model, at: Slice) -> Iterator[Page]:
        assert at.start is not None
        assert at.end is not None
        low, high = floored(at.start, max(unit, sent)), floored(at.end, max(unit, sent))

        def fits(record: Record) -> bool:
            moment = floored(record.time - behind, unit)
            return low <= moment < high if exclusive else low <= moment <= high

        if keyed:
            return by_key(model, at, fits, identity)
        found = [record for record in model.visible(at) if fits(record)]
        return listed(model, found[:cap] if cap else found)

    return answer


def changed(unit: timedelta, order: str = "none", *, keyed: bool = False) -> Answer:
    """Answer for what changed at a moment or after; `descending` takes no filter."""

    def answer(model: Model, at: Slice) -> Iterator[Page]:
        low = None if at.start is None else floored(at.start, unit)

        def fits(record: Record) -> bool:
            return low is None or floored(record.changed, unit) >= low

        if order == "ascending":
            return by_key(model, at, fits, lambda record: (record.changed, record.id))
        if keyed:
            return by_key(model, at, fits, identity)
        if order == "descending":
            newest = sorted(model.visible(at), key=lambda record: (record.changed, record.id), reverse=True)
            return still(model, [(record.id, record.version) for record in newest])
        return listed(model, [record for record in model.visible(at) if fits(record)])

    return answer


def ranged(unit: timedelta) -> Answer:
    """Answer for ids above one and up to another, changed at a moment or after."""

    def answer(model: Model, at: Slice) -> Iterator[Page]:
        low = None if at.start is None else floored(at.start, unit)

        def fits(record: Record) -> bool:
            inside = at.up_to is None or record.id <= at.up_to
            return inside and (low is None or floored(record.changed, unit) >= low)

        return by_key(model, at, fits, identity)

    return answer
