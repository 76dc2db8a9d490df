"""Law 2: a second sync with nothing new writes nothing but the documented overlap, and what is new arrives exactly."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from datetime import datetime
from typing import Any

from headwater.engine import fivetran_table_name
from headwater.prove.law import Case, Law, NotJudgedError
from headwater.prove.rig import Landing, Rig, Sync, Vendor
from headwater.prove.snapshot import Snapshot, difference, some_keys

__all__ = ["REPEATED"]

HOUR = 3_600.0
SYNCED = "_fivetran_synced"
# What the runtime keeps beside a position, in the entry of a stream: none of it says where to go on.
BESIDE = frozenset({"shape", "rows", "size", "keys", "count"})


def check(rig: Rig) -> Generator[Case, None, None]:
    """Sync twice with nothing new, then with growth of a few rows, then of more than a page, then with edits, then with nothing new."""
    with rig.vendor() as vendor, vendor.landing() as landing:
        whole = vendor.whole()
        first = landing.sync()
        second = _next(landing, first)
        changed = second.trouble or difference(whole.snapshot, landing.snapshot())
        if not _remembers(rig, first):
            yield Case("everything is read again, and changes nothing", changed)
            raise NotJudgedError(
                "The connector saves no position: each sync reads everything again. Tables stay as they are."
            )
        yield Case("nothing new", changed or _too_much(landing, first, second))
        third = _next(landing, second)
        yield Case("still nothing new", third.trouble or _too_much(landing, second, third))
        page = max((one.records or 0 for one in first.exchanges), default=0)
        yield from _grown(vendor, landing, third, (3, 2 * page + 1))


def _next(landing: Landing, before: Sync) -> Sync:
    landing.vendor.wait(HOUR)
    return landing.sync(state=before.result.state)


def _grown(vendor: Vendor, landing: Landing, before: Sync, steps: tuple[int, ...]) -> Generator[Case, None, None]:
    for by in steps:
        vendor.grow(by)
        after = landing.sync(state=before.result.state)
        problem = after.trouble or _too_much(landing, before, after, by) or vendor.untruth(landing.snapshot())
        yield Case(f"the source has grown by {by}", problem)
        before = after
    gone = bool(vendor.simulation.deleted)  # then an edit may take rows away too: a file is replaced by a shorter one
    for name, change in (("edited", vendor.edit), ("deleted", vendor.delete)):
        if change():
            after = landing.sync(state=before.result.state)
            problem = after.trouble or _too_much(landing, before, after, gone=gone)
            yield Case(f"records were {name}", problem or vendor.untruth(landing.snapshot()))
            before = after
    after = _next(landing, before)
    yield Case("nothing new since", after.trouble or _too_much(landing, before, after))


def _too_much(landing: Landing, before: Sync, after: Sync, new: int = 0, *, gone: bool = False) -> str:
    """Say what `after` wrote that was not due, when `new` rows were added since `before`, or some were taken away."""
    vendor, snapshot = landing.vendor, landing.snapshot()
    free = _read_whole(vendor.rig, after)
    if vendor.simulation.overlap is not None:
        return _not_due(vendor, snapshot, before, after, free, gone=gone)
    due = _last_pages(vendor, before) + new * _tables(vendor)
    if free:
        written = sum(len(_written(rows, after.began)) for table, rows in snapshot.rows.items() if table not in free)
    else:
        counts = after.result.operations
        written = counts["upserts"] + counts["updates"] + counts["deletes"]
    return f"{written} rows were written, {due} at most were due" if written > due else ""


def _not_due(vendor: Vendor, snapshot: Snapshot, before: Sync, after: Sync, free: set[str], *, gone: bool) -> str:
    """Compare the rows that `after` wrote with those the simulator names."""
    deletes, again = (one.result.operations["deletes"] for one in (after, before))
    if deletes > again and not gone:  # as many as before may be those of before: a row at the mark is read again
        return f"{deletes} rows were deleted, and the source had deleted none"
    for table, overlap in (vendor.simulation.overlap or {}).items():
        if table in free:
            continue
        key = vendor.rig.simulator.keys[table]
        due = {tuple(row[name] for name in key) for row in overlap(before.began)}
        written = [tuple(row.get(name) for name in key) for row in _written(snapshot.rows.get(table, []), after.began)]
        if wrong := [one for one in written if one not in due]:
            return f"{table}: {len(written)} rows were written, {len(wrong)} of them were not due: {some_keys(wrong)}"
    return ""


def _written(rows: list[dict[str, Any]], since: datetime) -> list[dict[str, Any]]:
    return [row for row in rows if row[SYNCED] >= since]


def _last_pages(vendor: Vendor, sync: Sync) -> int:
    """Return how many rows a sync after `sync` may write again: the last page's of each endpoint, into each table.

    A token points after the page that gave it, and the last page gives none: so what a token cursor reads again is the
    last page, and never more.
    """
    last: dict[str, int] = {}
    for one in sync.exchanges:
        if one.records is not None:
            last[one.path] = one.records
    return sum(last.values()) * _tables(vendor)


def _tables(vendor: Vendor) -> int:
    return max(1, len(vendor.rig.declared(vendor.configuration)))


def _remembers(rig: Rig, sync: Sync) -> bool:
    """Tell whether the saved state holds any position at all."""
    if rig.on_runtime:
        return any(any(_leaves(entry, BESIDE)) for entry in _entries(sync).values())
    return any(_leaves(sync.result.state, frozenset({"version"})))


def _read_whole(rig: Rig, sync: Sync) -> set[str]:
    """Return the tables of the streams that save no position, although others do: all their rows come again each time."""
    if not rig.on_runtime:
        return set()
    shapes = (entry.get("shape", "") for entry in _entries(sync).values() if not any(_leaves(entry, BESIDE)))
    return {fivetran_table_name(name) for shape in shapes for name in shape.rpartition("→ ")[2].split(", ")}


def _entries(sync: Sync) -> Mapping[str, dict[str, Any]]:
    entries: Mapping[str, dict[str, Any]] = sync.result.state.get("streams", {})
    return entries


def _leaves(value: object, skip: frozenset[str]) -> Iterator[object]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in skip:
                yield from _leaves(inner, skip)
    elif value not in (None, "", []):
        yield value


REPEATED = Law(2, "A second sync with nothing new writes only the overlap, and new rows arrive exactly", check)
