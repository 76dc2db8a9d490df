"""CPU a record, with operations that do nothing: the runtime beside `requests`, `json` and a loop, over the same pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.measure import Run, tell
from benchmarks.over_http.stage import EXACT, PLAIN, RUNTIME, Plan, Stage, staged
from benchmarks.report import shown, table, verdict

__all__ = ["Cost", "cost_section", "costs"]


@dataclass
class Cost:
    """One contestant and its runs, one a round; `wrong` says what was wrong with what reached the stub."""

    name: str
    connector: str
    orjson: bool
    runs: list[Run] = field(default_factory=list)
    wrong: str = ""


def costs(plan: Plan) -> list[Cost]:
    """Run all in turns; what reaches the stub is verified in runs that are not measured, and warm up."""
    found = [
        Cost("`requests`, `json` and a loop", PLAIN, orjson=False),
        Cost("the same, floats as exact text", EXACT, orjson=False),
        Cost("the runtime, as on Fivetran", RUNTIME, orjson=False),
        Cost("the runtime, with orjson", RUNTIME, orjson=True),
    ]
    with staged(plan, plan.compared, plan.page_size) as stage:
        for one in found:
            one.wrong = stage.checked(one.connector, orjson=one.orjson)
            tell(f"cost, content  {one.name}: {one.wrong or 'verified'}")
        for number in range(plan.rounds):
            for one in found:
                one.runs.append(_run(stage, one))
                each = one.runs[-1].sync_cpu / plan.compared * 1e6
                tell(f"cost, round {number + 1}/{plan.rounds}  {one.name}: {each:.2f} µs a record")
    return found


def _run(stage: Stage, one: Cost) -> Run:
    return stage.run(one.connector, "nothing", orjson=one.orjson)


def cost_section(found: Sequence[Cost], plan: Plan) -> str:
    """Return the part of the section."""
    plain, exact = found[:2]
    rows = [
        (
            one.name,
            shown([run.sync_cpu / plan.compared * 1e6 for run in one.runs]),
            _beside(one, plain),
            _beside(one, exact),
            shown([run.megabytes for run in one.runs], 0),
            verdict(one.wrong),
        )
        for one in found
    ]
    said = (
        f"**What the runtime costs.** {plan.compared:,} records of 28 fields, 11 of them floats, in pages of {plan.page_size:,}; the SDK's "
        "operations are replaced by functions that do nothing. CPU time is of the whole process without its start-up, in turns, "
        f"{plan.rounds} rounds; each ratio is of two runs of one round. That every value reached the operations, in order, was "
        "verified in runs of their own. The SDK keeps 32 bits of a float, so the runtime hands it exact text; the second "
        "connector does that too. On Fivetran there is no orjson unless a connector requires it."
    )
    return (
        f"{said}\n\n{table(('', 'CPU µs/record', 'beside the first', 'beside the second', 'peak MB', 'content'), rows)}"
    )


def _beside(one: Cost, other: Cost) -> str:
    if one is other:
        return ""
    return f"{shown([run.sync_cpu / beside.sync_cpu for run, beside in zip(one.runs, other.runs, strict=True)])}×"
