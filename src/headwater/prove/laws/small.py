"""Law 11: an empty source, one record, an empty page."""

from __future__ import annotations

from collections.abc import Generator

from headwater.prove.law import Case, Law, NotJudgedError
from headwater.prove.rig import Rig, Vendor

__all__ = ["SMALL"]

EMPTY_PAGE = "empty_page_at"  # the option by which a simulator shows an empty page that is not its last


def check(rig: Rig) -> Generator[Case, None, None]:
    """Sync from sources of almost nothing, let an empty one grow, and show empty pages first, in the middle and last."""
    for records in (0, 1, 2):
        with rig.vendor(records) as vendor:
            yield Case(f"a source of {records} records", _whole_truth(vendor))
    with rig.vendor(0) as vendor:
        yield Case("an empty source that has 5 records at the next sync", _grown(vendor))
    if EMPTY_PAGE not in rig.simulator.options:
        raise NotJudgedError(
            f"The simulator cannot show an empty page in the middle (option {EMPTY_PAGE}); the rest held."
        )
    count = rig.simulator.records
    for at in (0, count // 2, count - 1):
        with rig.vendor(**{EMPTY_PAGE: at}) as vendor:
            yield Case(f"an empty page just before the page with record {at} of {count}", _whole_truth(vendor))


def _whole_truth(vendor: Vendor) -> str:
    with vendor.landing() as landing:
        sync = landing.sync()
        return sync.trouble or vendor.untruth(landing.snapshot())


def _grown(vendor: Vendor) -> str:
    with vendor.landing() as landing:
        first = landing.sync()
        vendor.grow(5)
        second = landing.sync(state=first.result.state)
        return first.trouble or second.trouble or vendor.untruth(landing.snapshot())


SMALL = Law(11, "An empty source, an empty page and a single record are read like any other", check)
