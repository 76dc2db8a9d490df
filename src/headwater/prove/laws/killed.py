"""Law 1: killed at any operation and resumed is the same as never interrupted."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headwater.prove.law import Case, Law
from headwater.prove.rig import How, PlainSyncError, Rehearsal, Rig, Sync, Vendor
from headwater.prove.snapshot import Snapshot, difference
from headwater.simulate import Conditions, Fault, FaultPlan

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["KILLED"]

NEAR = 2  # operations on either side of a checkpoint a quick proof looks at
SAMPLE = 12  # further kill points of a quick proof, and its requests, spread evenly
EVERY = 1_000  # operations of which a full proof tries every one; of more, those near a checkpoint and …
SPREAD = 500  # … so many others, spread evenly: between two checkpoints nothing reaches the destination
LATER = 100  # kill points of the next sync, which has little to do as a rule
GROWN = 7
DOWN = Fault("reset")


@dataclass(frozen=True)
class Course:
    """A sync as it goes undisturbed, what was in the destination before it, and what it leads to.

    `resumed` are the interrupted ones that were resumed so far, each with what was wrong then.
    """

    rehearsal: Rehearsal
    snapshot: Snapshot
    before: Rehearsal | None = None
    resumed: list[tuple[Rehearsal, str]] = field(default_factory=list)

    @property
    def sync(self) -> Sync:
        """The sync itself."""
        return self.rehearsal.sync


BY_DRIVER = (
    "It was not killed at each request: it reads by a driver of its own. Its operations are where it was killed."
)


def check(rig: Rig) -> Generator[Case, None, str | None]:
    """Kill at operations and at requests, and take the vendor away at requests; resume; compare with the truth.

    First a sync from nothing, then the one that follows it when the source has grown and changed.
    """
    with rig.vendor() as vendor:
        whole = vendor.whole()
        yield Case("never interrupted", vendor.untruth(whole.snapshot))
        first = Course(whole.rehearsal, whole.snapshot)
        yield from _everywhere(vendor, first, _points(first.sync, SAMPLE if rig.quick else SPREAD, rig))
        vendor.grow(GROWN)
        vendor.edit()
        vendor.delete()
        later = _later(vendor, whole.rehearsal)
        yield Case("the next sync, never interrupted", vendor.untruth(later.snapshot))
        points = _points(later.sync, SAMPLE if rig.quick else LATER, rig, every=LATER)
        for case in _everywhere(vendor, later, points):
            yield Case(f"the next sync: {case.name}", case.problem)
        return None if whole.sync.sent or not rig.on_runtime else BY_DRIVER


def _later(vendor: Vendor, before: Rehearsal) -> Course:
    rehearsal = vendor.rehearse(state=before.sync.result.state)
    if rehearsal.sync.trouble:
        raise PlainSyncError(f"the next sync fails: {rehearsal.sync.trouble}")
    with vendor.landing() as landing:
        before.journal.land(landing.destination)
        rehearsal.journal.land(landing.destination)
        return Course(rehearsal, landing.snapshot(), before)


def _everywhere(vendor: Vendor, course: Course, points: Sequence[int]) -> Generator[Case, None, None]:
    for at in points:
        name = f"killed before operation {at} of {course.sync.operations}"
        yield Case(name, _interrupted(vendor, course, kill_at=at))
    for nth in _requests(len(course.sync.exchanges), vendor.rig):
        if course.sync.sent:
            yield Case(f"killed at request {nth}", _interrupted(vendor, course, die_at_request=nth))
        name = f"the source gone for good from request {nth} on, back for the next sync"
        yield Case(name, _interrupted(vendor, course, conditions=Conditions(FaultPlan.lasting(DOWN, nth))))


def _interrupted(vendor: Vendor, course: Course, **how: Unpack[How]) -> str:
    """Run a sync that does not reach its end, and resume it, unless one that left the very same was resumed before."""
    if course.before:
        how["state"] = course.before.sync.result.state
    first = vendor.rehearse(**how)
    status = first.sync.result.status
    if "conditions" in how:
        if status == "ok":
            return "the sync claims success although the source was gone"
    elif (
        status != "killed" and how.get("kill_at") != course.sync.operations
    ):  # after the last one it has nothing to die at
        return first.sync.trouble or "the sync went on to its end although it was killed"
    for earlier, problem in course.resumed:
        if earlier.same(first):
            return problem
    with vendor.landing() as landing:
        if course.before:
            course.before.journal.land(landing.destination)
        first.journal.land(landing.destination)
        second = landing.sync(state=first.sync.result.state)
        problem = second.trouble or difference(course.snapshot, landing.snapshot())
    course.resumed.append((first, problem))
    return problem


def _requests(count: int, rig: Rig) -> Sequence[int]:
    if not rig.quick or count <= SAMPLE:
        return range(1, count + 1)
    return sorted({1, 2} | {1 + (count - 1) * step // SAMPLE for step in range(SAMPLE + 1)})


def _points(sync: Sync, sample: int, rig: Rig, every: int = EVERY) -> Sequence[int]:
    count = sync.operations
    if not rig.quick and count <= every:
        return range(count + 1)
    edges = {mark + near for mark in sync.marks for near in range(-NEAR, NEAR + 1)}
    spread = {count * step // sample for step in range(sample + 1)}
    return sorted(at for at in edges | spread if 0 <= at <= count)


KILLED = Law(1, "Killed at any operation and resumed is the same as never interrupted", check)
