"""`memory`: peak memory and speed of a connector on the runtime, as the source grows; many checkpoints, or one at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.measure import Failed, Run
from benchmarks.report import machine, table
from benchmarks.rest import Source
from benchmarks.roster import headwater
from benchmarks.turns import Plan

__all__ = ["Grown", "grow", "memory_section"]

NEVER = 10**12
SIZES = (10_000, 200_000)


@dataclass(frozen=True)
class Grown:
    """One run at one size; `problem` says what was wrong with it."""

    records: int
    checkpoints: str
    run: Run | None
    problem: str = ""


def grow(plan: Plan, checkpoint_rows: int) -> list[Grown]:
    """Run each way at 10,000, at 200,000 and at the plan's number of records."""
    ways = {f"every {checkpoint_rows:,} rows": checkpoint_rows, "once, at the end": NEVER}
    found = []
    plan.cache.mkdir(parents=True, exist_ok=True)
    for records in sorted({size for size in SIZES if size < plan.records} | {plan.records}):
        with ExitStack() as stack:
            source = Source(stack, plan.cache.resolve(), records, plan.page_size)
            for name, rows in ways.items():
                found.append(_grown(source, replace(plan, records=records), name, rows))
                print(f"{records:,} {name}: {found[-1].problem or found[-1].run}", file=sys.stderr, flush=True)
    return found


def _grown(source: Source, plan: Plan, name: str, checkpoint_rows: int) -> Grown:
    try:
        run, wrong = source.run(
            headwater(checkpoint_rows), Path(sys.executable), plan.cache.resolve() / "run", plan.timeout
        )
    except Failed as failure:
        return Grown(plan.records, name, None, str(failure))
    return Grown(plan.records, name, run, wrong)


def memory_section(found: Sequence[Grown]) -> str:
    """Return the section."""
    rows = [
        (
            f"{one.records:,}",
            one.checkpoints,
            *(
                (
                    f"{one.run.peak:,.0f}",
                    f"{one.records / one.run.sync:,.0f}",
                    f"{one.run.sync_cpu / one.records * 1e6:.1f}",
                )
                if one.run
                else ("", "", "")
            ),
            f"**{one.problem}**" if one.problem else "verified",
        )
        for one in found
    ]
    return "\n\n".join(
        (
            f"One run each. Records a second and CPU a record are counted without the start-up. {machine()}.",
            table(("records", "checkpoints", "peak MiB", "records/s", "CPU µs/record", "content"), rows),
        )
    )
