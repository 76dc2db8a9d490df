"""Law 1: killed at any operation and resumed is the same as never interrupted."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from headwater.prove.law import Case, Law
from headwater.prove.rig import How, Rehearsal, Rig, Vendor, Whole
from headwater.prove.snapshot import difference
from headwater.simulate import Conditions, Fault, FaultPlan

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["KILLED"]

NEAR = 2  # operations on either side of a checkpoint a quick proof looks at
SAMPLE = 12  # further kill points of a quick proof, spread evenly
DOWN = Fault("reset")

Resumed = list[tuple[Rehearsal, str]]


def check(rig: Rig) -> Generator[Case, None, None]:
    """Kill at operations and at requests, and take the vendor away at requests; resume; compare with the truth."""
    with rig.vendor() as vendor:
        whole = vendor.whole()
        resumed: Resumed = []
        yield Case("never interrupted", vendor.untruth(whole.snapshot))
        for at in _points(whole, quick=rig.quick):
            name = f"killed before operation {at} of {whole.sync.operations}"
            yield Case(name, _interrupted(vendor, whole, resumed, kill_at=at))
        for nth in range(1, len(whole.sync.exchanges) + 1):
            if rig.on_runtime:
                yield Case(f"killed at request {nth}", _interrupted(vendor, whole, resumed, die_at_request=nth))
            name = f"the source gone for good from request {nth} on, back for the next sync"
            yield Case(name, _interrupted(vendor, whole, resumed, conditions=Conditions(FaultPlan.lasting(DOWN, nth))))


def _interrupted(vendor: Vendor, whole: Whole, resumed: Resumed, **how: Unpack[How]) -> str:
    """Run a sync that does not reach its end, and resume it, unless one that left the very same was resumed before."""
    first = vendor.rehearse(**how)
    status = first.sync.result.status
    if "conditions" in how:
        if status == "ok":
            return "the sync claims success although the source was gone"
    elif (
        status != "killed" and how.get("kill_at") != whole.sync.operations
    ):  # after the last one it has nothing to die at
        return first.sync.trouble or "the sync went on to its end although it was killed"
    for before, problem in resumed:
        if before.same(first):
            return problem
    with vendor.landing() as landing:
        first.journal.land(landing.destination)
        second = landing.sync(state=first.sync.result.state)
        problem = second.trouble or difference(whole.snapshot, landing.snapshot())
    resumed.append((first, problem))
    return problem


def _points(whole: Whole, *, quick: bool) -> Sequence[int]:
    count = whole.sync.operations
    if not quick:
        return range(count + 1)
    edges = {mark + near for mark in whole.sync.marks for near in range(-NEAR, NEAR + 1)}
    spread = {count * step // SAMPLE for step in range(SAMPLE + 1)}
    return sorted(at for at in edges | spread if 0 <= at <= count)


KILLED = Law(1, "Killed at any operation and resumed is the same as never interrupted", check)
