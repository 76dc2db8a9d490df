"""Law 11: an empty source, one record, an empty page."""

from __future__ import annotations

from collections.abc import Generator

from headwater.prove.law import Case, Law, NotJudgedError
from headwater.prove.rig import Rig, Sync, Vendor

__all__ = ["SMALL"]

EMPTY_PAGE = "empty_page_at"  # the option by which a simulator shows an empty page that is not its last


def check(rig: Rig) -> Generator[Case, None, None]:
    """Sync from sources of almost nothing, let an empty one grow, and show empty pages first, in the middle and last."""
    shown = False
    for records in (0, 1, 2):
        with rig.vendor(records) as vendor:
            sync, problem = _whole_truth(vendor)
            shown = shown or _showed_empty_page(sync)
            yield Case(f"a source of {records} records", problem)
    with rig.vendor(1) as vendor:
        vendor.grow(1)
        sync, problem = _whole_truth(vendor)
        shown = shown or _showed_empty_page(sync)
        yield Case("a source of 1 record and another that came long after it", problem)
    with rig.vendor(0) as vendor:
        yield Case("an empty source that has 5 records at the next sync", _grown(vendor))
    if EMPTY_PAGE in rig.simulator.options:
        count = rig.simulator.records
        for at in (0, count // 2, count - 1):
            with rig.vendor(**{EMPTY_PAGE: at}) as vendor:
                yield Case(f"an empty page just before the page with record {at} of {count}", _whole_truth(vendor)[1])
    elif not shown:
        raise NotJudgedError(
            f"The simulator cannot show an empty page in the middle (option {EMPTY_PAGE}), nor was a window empty; the rest held."
        )


def _whole_truth(vendor: Vendor) -> tuple[Sync, str]:
    with vendor.landing() as landing:
        sync = landing.sync()
        return sync, sync.trouble or vendor.untruth(landing.snapshot())


def _showed_empty_page(sync: Sync) -> bool:
    """Tell whether records came after an empty page of the same endpoint: a window without any is such a page."""
    empty: set[tuple[str, str]] = set()
    for one in sync.exchanges:
        endpoint = (one.method, one.path)
        if one.records and endpoint in empty:
            return True
        if one.records == 0:
            empty.add(endpoint)
    return False


def _grown(vendor: Vendor) -> str:
    with vendor.landing() as landing:
        first = landing.sync()
        vendor.grow(5)
        second = landing.sync(state=first.result.state)
        return first.trouble or second.trouble or vendor.untruth(landing.snapshot())


SMALL = Law(11, "An empty source, an empty page and a single record are read like any other", check)
