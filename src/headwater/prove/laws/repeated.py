"""Law 2: a second sync with nothing new writes nothing but the documented overlap, and what is new arrives exactly."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from headwater.prove.law import Case, Law, NotJudgedError
from headwater.prove.rig import Landing, Rig, Sync, Vendor
from headwater.prove.snapshot import difference

__all__ = ["REPEATED"]


def check(rig: Rig) -> Generator[Case, None, None]:
    """Sync twice with nothing new, then with growth of a few rows, then of more than a page."""
    with rig.vendor() as vendor, vendor.landing() as landing:
        whole = vendor.whole()
        first = landing.sync()
        second = landing.sync(state=first.result.state)
        changed = second.trouble or difference(whole.snapshot, landing.snapshot())
        if not _remembers(first):
            yield Case("everything is read again, and changes nothing", changed)
            raise NotJudgedError(
                "The connector saves no position: each sync reads everything again. Tables stay as they are."
            )
        yield Case("nothing new", changed or _too_much(second, _overlap(vendor, first)))
        third = landing.sync(state=second.result.state)
        yield Case("still nothing new", third.trouble or _too_much(third, _overlap(vendor, second)))
        page = max((one.records or 0 for one in first.exchanges), default=0)
        yield from _grown(vendor, landing, third, (3, 2 * page + 1))


def _grown(vendor: Vendor, landing: Landing, before: Sync, steps: tuple[int, ...]) -> Generator[Case, None, None]:
    for by in steps:
        overlap = _overlap(vendor, before) + by * _tables(vendor)
        vendor.grow(by)
        before = landing.sync(state=before.result.state)
        name = f"the source has grown by {by}"
        yield Case(name, before.trouble or _too_much(before, overlap) or vendor.untruth(landing.snapshot()))


def _overlap(vendor: Vendor, sync: Sync) -> int:
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


def _too_much(sync: Sync, overlap: int) -> str:
    counts = sync.result.operations
    written = counts["upserts"] + counts["updates"] + counts["deletes"]
    return f"{written} rows were written, {overlap} at most were due" if written > overlap else ""


def _remembers(sync: Sync) -> bool:
    """Tell whether the saved state holds any position at all; a bare version or an empty mapping does not."""
    return any(_leaves(sync.result.state, skip=frozenset({"version", "shape"})))


def _leaves(value: object, skip: frozenset[str]) -> Iterator[object]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in skip:
                yield from _leaves(inner, skip)
    elif value not in (None, "", []):
        yield value


REPEATED = Law(2, "A second sync with nothing new writes only the overlap, and new rows arrive exactly", check)
