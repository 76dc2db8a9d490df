"""Peak memory and speed of a connector on the runtime as a table or a file grows tenfold, into DuckDB and toward Fivetran's operations."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.columnar.contest import Rows, files, sql
from benchmarks.columnar.rosters import headwater
from benchmarks.measure import Failed, Run
from benchmarks.report import machine, table
from benchmarks.turns import Plan

__all__ = ["Grown", "grow", "growth_section"]


@dataclass(frozen=True)
class Grown:
    """One run at one size; `problem` says what was wrong with it."""

    form: str
    rows: int
    run: Run | None
    problem: str = ""


def grow(plan: Plan, forms: Sequence[str]) -> list[Grown]:
    """Read a tenth of the plan's rows, and all, of each form; "" is PostgreSQL."""
    plan.cache.mkdir(parents=True, exist_ok=True)
    cache, counts, found = plan.cache.resolve(), [max(1, plan.records // 10), plan.records], []
    for form in forms:
        with files(cache, counts, form) if form else sql(cache, counts) as sources:
            for rows in counts:
                found.append(_grown(sources[rows], plan, form, rows))
                print(f"{form or 'sql'} {rows:,}: {found[-1].problem or found[-1].run}", file=sys.stderr, flush=True)
    return found


def _grown(source: Rows, plan: Plan, form: str, rows: int) -> Grown:
    contestant = headwater("stored" if form else "table")
    try:
        run, wrong = source.run(contestant, Path(sys.executable), plan.folder, plan.timeout)
    except Failed as failure:
        return Grown(form, rows, None, str(failure))
    return Grown(form, rows, run, wrong)


def growth_section(found: Sequence[Grown]) -> str:
    """Return the section."""
    rows = [
        (
            {"": "PostgreSQL", "csv": "CSV", "jsonl": "JSONL", "parquet": "Parquet"}[one.form],
            f"{one.rows:,}",
            *(
                (f"{one.run.peak:,.0f}", f"{one.rows / one.run.sync:,.0f}", f"{one.run.sync_cpu / one.rows * 1e6:.2f}")
                if one.run
                else ("", "", "")
            ),
            f"**{one.problem}**" if one.problem else "verified",
        )
        for one in found
    ]
    told = (
        f"One run each, into a DuckDB file. Rows a second and CPU a row are counted without the start-up. {machine()}."
    )
    return "\n\n".join([told, table(("source", "rows", "peak MiB", "rows/s", "CPU µs/row", "content"), rows)])
