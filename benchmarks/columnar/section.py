"""The sections on `sql` and `files`."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.columnar.rosters import ABSENT
from benchmarks.report import contest_parts, machine
from benchmarks.turns import Outcome, Plan

__all__ = ["contest_section"]

IN_MEMORY = " in a folder in memory (what a disk does with it is the same for all, and varies)"
SOURCES = {
    "": "a table of PostgreSQL over TCP on loopback",
    "csv": "one CSV file on a local disk",
    "jsonl": "one JSONL file on a local disk",
    "parquet": "one Parquet file on a local disk",
}


def contest_section(outcomes: Sequence[Outcome], plan: Plan, form: str = "") -> str:
    """Return the section of a contest."""
    told = (
        f"{plan.records:,} rows of 12 columns from {SOURCES[form]} into a DuckDB file{IN_MEMORY if plan.run_in else ''}, in turns, "
        f"{plan.rounds} rounds. Wall clock, CPU time and peak memory are of the whole process{'' if form else ', not of the server'}: the "
        "median, and the least and the most. Rows a second are counted without the start-up; ingestr's, a program of its own, is "
        f"counted. Headwater writes by key; {'the floor only fills a new table' if form else 'the floors only append'}, and the peers replace the table. {machine()}."
    )
    return "\n\n".join([told, *contest_parts(outcomes, plan, ABSENT.get(form, {}), "rows")])
