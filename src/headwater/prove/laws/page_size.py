"""Law 5: page size does not matter."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from itertools import pairwise

from headwater.prove.law import Case, Law, NotJudgedError
from headwater.prove.rig import Rig, Vendor, Whole
from headwater.prove.snapshot import difference

__all__ = ["PAGE_SIZE"]


def check(rig: Rig) -> Generator[Case, None, None]:
    """Sync under each variation of the configuration, and change from one to the next in the middle of a sync."""
    variations = rig.simulator.variations
    if not variations:
        raise NotJudgedError("The simulator names no variation of the page size.")
    with rig.vendor() as vendor:
        whole = vendor.whole()
        for settings in variations:
            other = vendor.whole(settings)
            yield Case(
                _text(settings),
                vendor.untruth(other.snapshot) or difference(whole.snapshot, other.snapshot),
            )
        for before, after in pairwise(variations):
            yield Case(
                f"{_text(before)}, killed half-way, resumed with {_text(after)}", _changed(vendor, whole, before, after)
            )


def _changed(vendor: Vendor, whole: Whole, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    with vendor.landing() as landing:
        first = landing.sync(settings=before, kill_at=whole.sync.operations // 2)
        second = landing.sync(state=first.result.state, settings=after)
        return second.trouble or difference(whole.snapshot, landing.snapshot())


def _text(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


PAGE_SIZE = Law(5, "Page size does not matter", check)
