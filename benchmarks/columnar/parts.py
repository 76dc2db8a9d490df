"""The parts of `sql` and `files`; each has a section of its own on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from benchmarks.columnar.contest import compete
from benchmarks.columnar.growth import grow, growth_section
from benchmarks.columnar.rosters import file_contestants, sql_contestants
from benchmarks.columnar.section import contest_section
from benchmarks.columnar.toward import toward, toward_section
from benchmarks.turns import Plan

__all__ = ["FILES", "SQL", "Part"]

Part = Callable[[Plan, str], str]  # a plan, and words of which a contestant's name must hold one; returns the section


def _contest(form: str, plan: Plan, only: str) -> str:
    everyone = file_contestants(form) if form else sql_contestants()
    chosen = [one for one in everyone if any(word in one.name for word in only.split(","))]
    return contest_section(compete(chosen, plan, form), plan, form)


def _toward(plan: Plan, only: str) -> str:  # noqa: ARG001
    return toward_section(toward(plan), plan)


def _growth(forms: tuple[str, ...], plan: Plan, only: str) -> str:  # noqa: ARG001
    return growth_section(grow(replace(plan, records=plan.records * 10), forms))


SQL: Mapping[str, Part] = {
    "into-duckdb": partial(_contest, ""),
    "toward-fivetran": _toward,
    "memory": partial(_growth, ("",)),
}
FILES: Mapping[str, Part] = {
    "csv": partial(_contest, "csv"),
    "jsonl": partial(_contest, "jsonl"),
    "parquet": partial(_contest, "parquet"),
    "memory": partial(_growth, ("csv", "parquet")),
}
