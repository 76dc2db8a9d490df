"""Law 7: keys are unique and never null — in the truth, in the destination, and when the source shows a bad one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from typing import Any

from headwater.prove.law import Case, Law
from headwater.prove.rig import Rig, Vendor
from headwater.prove.snapshot import Snapshot
from headwater.simulate import Conditions, Fault, FaultPlan

__all__ = ["KEYS"]


BAD = (Fault("null_key"), Fault("duplicate_key"))


def check(rig: Rig) -> Generator[Case, None, str | None]:
    """Count keys after one sync and after two, and show the connector a null key and a double one."""
    with rig.vendor() as vendor:
        yield Case("the keys of the source itself", _bad_truth(vendor))
        with vendor.landing() as landing:
            first = landing.sync()
            yield Case("after one sync", first.trouble or _bad(vendor, landing.snapshot()))
            second = landing.sync(state=first.result.state)
            yield Case("after a second sync", second.trouble or _bad(vendor, landing.snapshot()))
        shown = [fault for fault in BAD if fault in vendor.simulation.breaks]
        for fault in shown:
            with vendor.landing() as landing:
                # The sync may fail (it should, loudly) or leave such a record out; the destination stays clean either way.
                landing.sync(conditions=Conditions(FaultPlan.once(fault, 2)))
                yield Case(f"the source shows a {fault} on request 2", _bad(vendor, landing.snapshot()))
    return None if shown else "This source keeps its keys itself: it was not made to show a bad one."


def _bad_truth(vendor: Vendor) -> str:
    for table, key in vendor.rig.simulator.keys.items():
        if problem := _bad_keys(table, key, vendor.simulation.truth[table]()):
            return problem
    return ""


def _bad(vendor: Vendor, snapshot: Snapshot) -> str:
    """Look at each table by the source's key and by the key the connector declares."""
    keys = [*vendor.rig.simulator.keys.items(), *vendor.rig.declared(vendor.configuration).items()]
    for table, key in keys:
        if key and (problem := _bad_keys(table, key, snapshot.rows.get(table, []))):
            return problem
    return ""


def _bad_keys(table: str, key: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> str:
    counts = Counter(tuple(row.get(name) for name in key) for row in rows)
    if nulls := sum(count for one, count in counts.items() if None in one):
        return f"{table}: {nulls} rows with a null in {', '.join(key)}"
    if doubles := sum(count > 1 for count in counts.values()):
        return f"{table}: {doubles} keys ({', '.join(key)}) are held by more than one row"
    return ""


KEYS = Law(7, "Keys are unique and never null", check)
