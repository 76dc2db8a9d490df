"""Peak memory of a connector on the runtime as the source grows, in a process held to as much address space as Fivetran gives memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import Failed, Run, tell
from benchmarks.over_http.stage import RUNTIME, Plan, staged
from benchmarks.report import table, verdict

__all__ = ["Grown", "growth", "growth_section"]


@dataclass(frozen=True)
class Grown:
    """One run at one size; `problem` says what was wrong with it."""

    records: int
    run: Run | None
    problem: str = ""


def growth(plan: Plan) -> list[Grown]:
    """Run with as many records as are compared, and with the plan's number; keys and their order are verified."""
    found = []
    for records in sorted({min(plan.compared, plan.records), plan.records}):
        with staged(plan, records, plan.page_size) as stage:
            try:
                run = stage.run(RUNTIME, "keys", address_space=plan.address_space)
                found.append(Grown(records, run, stage.wrong(run, "keys")))
            except Failed as failure:
                found.append(Grown(records, None, str(failure)))
        tell(f"memory  {records:,}: {found[-1].problem or 'verified'}")
    return found


def growth_section(found: Sequence[Grown], plan: Plan) -> str:
    """Return the part of the section."""
    rows = [
        (
            f"{one.records:,}",
            *((f"{one.run.megabytes:,.0f}", f"{one.records / one.run.sync:,.0f}") if one.run else ("", "")),
            verdict(one.problem),
        )
        for one in found
    ]
    said = (
        f"**Memory.** The same connector without orjson, one run each, in a process held to {plan.address_space / 1e6:,.0f} MB of address "
        "space. Here the operations check keys and their order."
    )
    return f"{said}\n\n{table(('records', 'peak MB', 'records/s', 'content'), rows)}"
