"""What reading a database costs a connector on Fivetran's side: CPU a row, and memory beyond the driver's own."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.columnar.contest import Rows, sql
from benchmarks.columnar.population import population
from benchmarks.columnar.rosters import CONNECTORS
from benchmarks.measure import Failed, Run, emptied, run_module, tell
from benchmarks.report import machine, shown, table
from benchmarks.turns import REHEARSED, Plan

__all__ = ["Cost", "toward", "toward_section"]


@dataclass
class Cost:
    """One way to read and its runs, one a round; `wrong` says what was wrong with what reached the stand-in for `upsert`."""

    name: str
    way: str
    runs: list[Run] = field(default_factory=list)
    wrong: str = ""


def toward(plan: Plan) -> list[Cost]:
    """Run all in turns; every value is compared in runs of few rows, which also warm up, and all rows are counted in each."""
    plan.cache.mkdir(parents=True, exist_ok=True)
    found = [
        Cost("the driver alone, its batches dropped", "driver"),
        Cost("the driver, and a loop over its rows", "rows"),
        Cost("the runtime", "connector"),
    ]
    cache = plan.cache.resolve()
    with sql(cache, [REHEARSED, plan.records]) as sources:
        parquet = str(population(cache, REHEARSED, "parquet"))
        truth = _run(plan, sources[REHEARSED], {"way": "rows", "content": True, "parquet": parquet}).told["reached"]
        for one in found:
            one.wrong = _checked(plan, sources[REHEARSED], one, truth)
        for number in range(1, plan.rounds + 1):
            for one in found:
                _measure(plan, sources[plan.records], one)
                tell(f"round {number}/{plan.rounds}  {one.name}: {one.wrong or 'counted'}")
    return found


def _checked(plan: Plan, source: Rows, one: Cost, truth: Sequence[int]) -> str:
    if one.way == "driver":
        return ""
    try:
        reached = _run(plan, source, {"way": one.way, "content": True}).told["reached"]
    except Failed as failure:
        return str(failure)
    if reached[0] != truth[0]:
        return f"{reached[0]:,} rows instead of {truth[0]:,}"
    return "" if reached == truth else "values differ"


def _measure(plan: Plan, source: Rows, one: Cost) -> None:
    if one.wrong:
        return
    try:
        run = _run(plan, source, {"way": one.way, "content": False})
    except Failed as failure:
        one.wrong = str(failure)
        return
    one.runs.append(run)
    if run.told["reached"][0] != plan.records:
        one.wrong = f"{run.told['reached'][0]:,} rows instead of {plan.records:,}"


def _run(plan: Plan, source: Rows, options: dict[str, Any]) -> Run:
    job = {
        **source.source,
        "connector": str(CONNECTORS / "table"),
        "configuration": dict(source.configuration),
        **options,
    }
    with emptied(plan.folder) as folder:
        return run_module(Path(sys.executable), "benchmarks.contestants.toward", job, folder, plan.timeout)


def toward_section(found: Sequence[Cost], plan: Plan) -> str:
    """Return the section."""
    driver = [run.megabytes for run in found[0].runs]
    rows = [
        (
            one.name,
            shown([run.sync for run in one.runs]),
            shown([run.sync_cpu / plan.records * 1e6 for run in one.runs]),
            shown([run.megabytes for run in one.runs], 0),
            ""
            if one is found[0]
            else f"{statistics.median(run.megabytes for run in one.runs) - statistics.median(driver):,.0f}",
            "counted" if one.way == "driver" else "verified",
        )
        for one in found
        if one.runs and not one.wrong
    ]
    told = (
        f"{plan.records:,} rows of 12 columns of a PostgreSQL table, read through ADBC; the SDK's operations are replaced by a function that counts. "
        f"In turns, {plan.rounds} rounds; wall clock and CPU time without the start-up, memory of the whole process. That every value reached the operations was "
        f"verified in runs of their own with {REHEARSED:,} rows. {machine()}."
    )
    head = ("", "wall s", "CPU µs/row", "peak MB", "MB beyond the driver", "content")
    wrong = [f"- {one.name}: **{one.wrong}**" for one in found if one.wrong]
    return "\n\n".join([told, table(head, rows), *(["\n".join(wrong)] if wrong else [])])
