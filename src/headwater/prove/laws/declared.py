"""Law 12: only declared tables are written."""

from __future__ import annotations

from collections.abc import Generator

from headwater.prove.law import Case, Law, NotJudgedError
from headwater.prove.rig import Rig, Vendor

__all__ = ["DECLARED"]


def check(rig: Rig) -> Generator[Case, None, None]:
    """Compare the tables of the destination with the connector's schema, after one sync and after growth."""
    with rig.vendor() as vendor, vendor.landing() as landing:
        declared = rig.declared(vendor.configuration)
        if not declared:
            raise NotJudgedError("The connector declares no schema.")
        first = landing.sync()
        yield Case("after one sync", first.trouble or _undeclared(vendor, set(landing.snapshot().contents)))
        vendor.grow(7)
        second = landing.sync(state=first.result.state)
        yield Case("after growth", second.trouble or _undeclared(vendor, set(landing.snapshot().contents)))


def _undeclared(vendor: Vendor, written: set[str]) -> str:
    declared = vendor.rig.declared(vendor.configuration)
    unknown = sorted(written - set(declared))
    return f"not in the schema: {', '.join(unknown)} (declared: {', '.join(declared)})" if unknown else ""


DECLARED = Law(12, "Only declared tables are written", check)
