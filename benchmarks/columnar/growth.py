"""Peak memory and speed of a connector on the runtime as a table or a file grows tenfold, into DuckDB and toward Fivetran's operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.columnar.contest import opened
from benchmarks.columnar.rosters import headwater
from benchmarks.measure import Run, tell
from benchmarks.report import grown, machine, table
from benchmarks.turns import Plan, run_once

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
        contestant = headwater("stored" if form else "table")
        with opened(cache, counts, form) as sources:
            for rows in counts:
                found.append(Grown(form, rows, *run_once(contestant, sources[rows], plan)))
                tell(f"{form or 'sql'} {rows:,}: {found[-1].problem or found[-1].run}")
    return found


def growth_section(found: Sequence[Grown]) -> str:
    """Return the section."""
    names = {"": "PostgreSQL", "csv": "CSV", "jsonl": "JSONL", "parquet": "Parquet"}
    rows = [(names[one.form], f"{one.rows:,}", *grown(one.run, one.rows, one.problem)) for one in found]
    told = (
        f"One run each, into a DuckDB file. Rows a second and CPU a row are counted without the start-up. {machine()}."
    )
    return "\n\n".join([told, table(("source", "rows", "peak MiB", "rows/s", "CPU µs/row", "content"), rows)])
