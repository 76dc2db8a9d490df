"""Results as Markdown, and the place on docs/performance.md they are written to."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.measure import Run
from benchmarks.roster import FLOOR, HEADWATER
from benchmarks.turns import Outcome, Plan

__all__ = ["contest_parts", "grown", "machine", "rest_section", "shown", "table", "verdict", "write_section"]

LEFT_OUT = (
    "The SDK's own runner takes part in the measurement and is left out of this page: the licence of its core package forbids "
    "publishing its performance. `python -m benchmarks rest` shows it on your machine."
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, its first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(values: Sequence[float], digits: int = 2) -> str:
    """Return the median, and between which values all lie."""
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def verdict(wrong: str) -> str:
    """Return the last cell of a row: whether the content was right."""
    return f"**{wrong}**" if wrong else "verified"


def grown(run: Run | None, records: int, wrong: str) -> tuple[str, ...]:
    """Return the cells of a run at one size, if it came to its end: peak MiB, records/s, CPU µs/record, content."""
    if run is None:
        return "", "", "", verdict(wrong)
    cpu = run.sync_cpu / records * 1e6
    return f"{run.peak:,.0f}", f"{records / run.sync:,.0f}", f"{cpu:.2f}", verdict(wrong)


def machine() -> str:
    """Return what it was measured on, and when."""
    when = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, {when}"
    )


def rest_section(outcomes: Sequence[Outcome], plan: Plan, absent: Mapping[str, str], *, published: bool) -> str:
    """Return the section on `rest`; for publication without those who may not be published."""
    told = [one for one in outcomes if one.contestant.published or not published]
    parts = [_method(plan), *contest_parts(told, plan, absent)]
    if len(told) < len(outcomes):
        parts.append(LEFT_OUT)
    return "\n\n".join(parts)


def contest_parts(
    told: Sequence[Outcome], plan: Plan, absent: Mapping[str, str], unit: str = "records"
) -> Iterator[str]:
    """Yield the table, Headwater beside each of the others, what is to be said of single ones, and the versions."""
    ran = [one for one in told if one.runs and not one.failed]
    yield table(("", "wall s", "CPU s", "peak MiB", f"{unit}/s", "content"), [_row(one, plan) for one in ran])
    yield from _ratios(ran)
    yield from _notes(told, plan, absent, unit)
    yield f"Versions: {_versions(ran)}."


def _method(plan: Plan) -> str:
    return (
        f"{plan.records:,} records of 28 fields in pages of {plan.page_size:,} into a DuckDB file, in turns, {plan.rounds} rounds. "
        "Wall clock, CPU time and peak memory are of the whole process from its start to its end: the median, and the least and the "
        "most. Records a second are counted without its start-up. Headwater, PyAirbyte and the Singer target write by key; the floor "
        f"and dlt only append. {machine()}."
    )


def _notes(told: Sequence[Outcome], plan: Plan, absent: Mapping[str, str], unit: str) -> list[str]:
    notes = [f"- {one.contestant.name} {_verb(one)}: {one.failed}" for one in told if one.failed]
    notes += [f"- {name} {reason}" for name, reason in absent.items()]
    notes += [
        f"- {one.contestant.name} read {one.records:,} {unit}; what it took without its start-up was scaled to {plan.records:,}"
        for one in told
        if one.runs and one.records != plan.records
    ]
    return ["\n".join(notes)] if notes else []


def _row(outcome: Outcome, plan: Plan) -> tuple[str, ...]:
    runs = outcome.runs
    return (
        outcome.contestant.name,
        shown([run.wall for run in runs]),
        shown([run.cpu for run in runs]),
        shown([run.peak for run in runs], 0),
        f"{plan.records / statistics.median(run.sync for run in runs):,.0f}",
        verdict(outcome.wrong),
    )


def _verb(outcome: Outcome) -> str:
    return "stopped" if outcome.runs else "did not run"


def _ratios(ran: Sequence[Outcome]) -> list[str]:
    """Compare the rest with Headwater; the floor is the fastest of its variants."""
    ours = next((one for one in ran if one.contestant.name == HEADWATER), None)
    if ours is None:
        return []
    floors = [one for one in ran if one.contestant.name.startswith(FLOOR)]
    best = min(floors, key=lambda one: _median(one.runs, "wall"), default=None)
    rows = [
        (one.contestant.name + (" (the fastest)" if one is best and len(floors) > 1 else ""), *_ratio(one, ours))
        for one in ran
        if one is not ours
    ]
    head = (f"{HEADWATER}, beside", "wall", "CPU", "without start-up")
    return ["How many times faster Headwater is (below 1: slower), by medians:", table(head, rows)]


def _ratio(one: Outcome, ours: Outcome) -> tuple[str, ...]:
    return tuple(f"{_median(one.runs, what) / _median(ours.runs, what):.2f}×" for what in ("wall", "cpu", "sync"))


def _median(runs: Sequence[Run], what: str) -> float:
    return float(statistics.median(getattr(run, what) for run in runs))


def _versions(ran: Sequence[Outcome]) -> str:
    found: dict[str, set[str]] = {}
    for outcome in ran:
        for package, number in outcome.runs[0].versions.items():
            found.setdefault(package.replace("_", "-"), set()).add(number)
    return ", ".join(f"{package} {' and '.join(sorted(numbers))}" for package, numbers in sorted(found.items()))


def write_section(page: Path, name: str, text: str) -> None:
    """Put `text` between the markers of `name` on `page`. Raises ValueError if it has none."""
    before = page.read_text(encoding="utf-8")
    marked = re.compile(rf"(<!-- benchmarks: {name} -->\n).*?(<!-- end of benchmarks: {name} -->)", re.DOTALL)
    after, count = marked.subn(lambda found: f"{found[1]}{text}\n{found[2]}", before)
    if not count:
        raise ValueError(f"{page} has no '<!-- benchmarks: {name} -->' … '<!-- end of benchmarks: {name} -->'")
    page.write_text(after, encoding="utf-8")
