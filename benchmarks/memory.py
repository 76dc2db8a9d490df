"""`memory`: peak memory and speed of a connector on the runtime, as the source grows; many checkpoints, or one at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import Run, tell
from benchmarks.report import grown, machine, table
from benchmarks.rest import sources
from benchmarks.roster import headwater
from benchmarks.turns import Plan, run_once

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
        with sources(plan.cache.resolve(), [records], plan.page_size) as source:
            for name, rows in ways.items():
                found.append(Grown(records, name, *run_once(headwater(rows), source[records], plan)))
                tell(f"{records:,} {name}: {found[-1].problem or found[-1].run}")
    return found


def memory_section(found: Sequence[Grown]) -> str:
    """Return the section."""
    rows = [(f"{one.records:,}", one.checkpoints, *grown(one.run, one.records, one.problem)) for one in found]
    return "\n\n".join(
        (
            f"One run each. Records a second and CPU a record are counted without the start-up. {machine()}.",
            table(("records", "checkpoints", "peak MiB", "records/s", "CPU µs/record", "content"), rows),
        )
    )
