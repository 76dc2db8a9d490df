"""Law 4: any request that fails once changes nothing."""

from __future__ import annotations

import time
from collections.abc import Generator

from headwater.prove.law import Case, Law, NotJudgedError
from headwater.prove.rig import Rig, Vendor, Whole
from headwater.prove.snapshot import difference
from headwater.simulate import Conditions, Fault, FaultPlan

__all__ = ["FAILING"]

DRAWN = 8  # plans that strike several requests of one sync
BUDGET = 30.0  # real seconds for a connector that waits on the real clock


def check(rig: Rig) -> Generator[Case, None, None]:
    """Strike every request with every fault, then whole syncs with plans drawn from the seed."""
    with rig.vendor() as vendor:
        whole = vendor.whole()
        if not rig.on_runtime:
            yield from _by_the_real_clock(vendor, whole)
            return
        requests = len(whole.sync.exchanges)
        struck = sorted({1, 2, requests} & set(range(1, requests + 1))) if rig.quick else range(1, requests + 1)
        for nth in struck:
            for fault in vendor.simulation.faults:
                yield _case(vendor, whole, FaultPlan.once(fault, nth))
        for turn in range(2 if rig.quick else DRAWN):
            yield _case(
                vendor,
                whole,
                FaultPlan.drawn(rig.seed + turn, vendor.simulation.struck, faults=vendor.simulation.faults),
            )


def _case(vendor: Vendor, whole: Whole, plan: FaultPlan) -> Case:
    rehearsal = vendor.rehearse(conditions=Conditions(plan))
    if plan.rules[0].nth is not None and not any(one.fault for one in rehearsal.sync.exchanges):
        return Case(str(plan), "the request to strike never came: the sync asked less than it did before")
    if rehearsal.sync.trouble or rehearsal.same(whole.rehearsal):
        return Case(str(plan), rehearsal.sync.trouble)
    with vendor.landing() as landing:
        rehearsal.journal.land(landing.destination)
        return Case(str(plan), difference(whole.snapshot, landing.snapshot()))


def _by_the_real_clock(vendor: Vendor, whole: Whole) -> Generator[Case, None, None]:
    """Try what a connector that really sleeps can be tried with, and say honestly that it is not the whole law."""
    faults = [fault for fault in vendor.simulation.faults if not _asks_to_wait(fault)]
    requests = len(whole.sync.exchanges)
    plans = [FaultPlan.once(fault, nth) for nth in sorted({1, requests // 2 + 1, requests}) for fault in faults]
    ends = time.monotonic() + BUDGET
    for done, plan in enumerate(plans):
        if time.monotonic() > ends:
            raise NotJudgedError(f"{REASON} {done} of {len(plans)} cases fitted into {BUDGET:.0f} s, and held.")
        yield _case(vendor, whole, plan)
    raise NotJudgedError(f"{REASON} The other faults were tried at the first, a middle and the last request, and held.")


def _asks_to_wait(fault: Fault) -> bool:
    return fault.status == 429 or fault.retry_after != "absent"


REASON = "Not on headwater_runtime, so it waits on the real clock: rate limits were not tried."
FAILING = Law(4, "Any request that fails once changes nothing", check)
