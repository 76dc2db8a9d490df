"""Contestants in turns (A B C … A B C …), each in a process of its own, so that what the machine does meanwhile is shared fairly."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.environments import interpreter
from benchmarks.measure import Failed, Run, emptied, run_module, tell
from benchmarks.roster import Contestant

__all__ = ["REHEARSED", "Outcome", "Plan", "Stage", "run_fresh", "run_once", "take_turns"]

REHEARSED = 2_000


@dataclass(frozen=True)
class Plan:
    """What is measured, and how. `scaled_records` is for contestants that are too slow for `records`."""

    records: int = 200_000
    page_size: int = 1_000
    rounds: int = 5
    scaled_records: int = 20_000
    timeout: float = 900.0
    cache: Path = Path(".benchmarks")
    rehearse: bool = True
    run_in: Path | None = None

    @property
    def folder(self) -> Path:
        """Where a contestant runs, and lands what it reads."""
        return (self.run_in or self.cache).resolve() / "run"


@dataclass
class Outcome:
    """A contestant's runs; `wrong` says what was wrong with the content of one, `failed` why there are no runs."""

    contestant: Contestant
    records: int
    runs: list[Run] = field(default_factory=list)
    wrong: str = ""
    failed: str = ""


class Stage(Protocol):
    """A source of so many records, and what it holds."""

    def run(self, contestant: Contestant, python: Path, folder: Path, timeout: float) -> tuple[Run, str]:
        """Run the contestant in the emptied `folder`; tell what it took and what is wrong with what it landed."""


Opened = Callable[[Path, Sequence[int]], AbstractContextManager[Mapping[int, Stage]]]


def run_fresh(
    contestant: Contestant,
    python: Path,
    job: Mapping[str, Any],
    at: tuple[Path, float],
    wrong: Callable[[Path, str], str],
) -> tuple[Run, str]:
    """Run the contestant in an emptied folder, for so many seconds at most; ask what is `wrong` with its warehouse and table."""
    with emptied(at[0]) as folder:
        run = run_module(python, f"benchmarks.contestants.{contestant.script}", job, folder, at[1])
        try:
            problem = wrong(folder / contestant.warehouse, contestant.table)
        except RuntimeError as error:
            problem = str(error)
    return run, problem


def run_once(contestant: Contestant, stage: Stage, plan: Plan) -> tuple[Run | None, str]:
    """Run the contestant, unrehearsed, with this Python; tell what it took, if it came to its end, and what was wrong."""
    try:
        return stage.run(contestant, Path(sys.executable), plan.folder, plan.timeout)
    except Failed as failure:
        return None, str(failure)


def take_turns(contestants: Sequence[Contestant], plan: Plan, opened: Opened) -> list[Outcome]:
    """Run each contestant on the stage of its number of records, `plan.rounds` times; `opened` gives the stages, in the cache's folder.

    Each first rehearses, unmeasured, with few records: that compiles what is imported, and shows early who cannot run.
    """
    plan.cache.mkdir(parents=True, exist_ok=True)
    fewer = min(plan.scaled_records, plan.records)
    outcomes = [Outcome(one, fewer if one.scaled else plan.records) for one in contestants]
    counts = {outcome.records for outcome in outcomes} | ({REHEARSED} if plan.rehearse else set())
    with opened(plan.cache.resolve(), sorted(counts)) as stages:
        _take_turns(outcomes, stages, plan)
    return outcomes


def _take_turns(outcomes: Sequence[Outcome], stages: Mapping[int, Stage], plan: Plan) -> None:
    pythons = [_prepared(outcome, stages[REHEARSED] if plan.rehearse else None, plan) for outcome in outcomes]
    for number in range(1, plan.rounds + 1):
        for outcome, python in zip(outcomes, pythons, strict=True):
            if not outcome.failed:
                _measure(outcome, stages[outcome.records], python, plan)
                _tell(number, outcome, plan)


def _prepared(outcome: Outcome, rehearsal: Stage | None, plan: Plan) -> Path:
    contestant, python = outcome.contestant, Path(sys.executable)
    try:
        if contestant.requirements:
            name = contestant.environment or contestant.script
            python = interpreter(plan.cache.resolve(), name, contestant.requirements)
        if rehearsal is not None:
            rehearsal.run(contestant, python, plan.folder, plan.timeout)
    except Failed as failure:
        outcome.failed = str(failure)
        _tell(0, outcome, plan)
    return python


def _measure(outcome: Outcome, stage: Stage, python: Path, plan: Plan) -> None:
    try:
        run, wrong = stage.run(outcome.contestant, python, plan.folder, plan.timeout)
    except Failed as failure:
        outcome.failed = str(failure)
        return
    outcome.runs.append(run.scaled(plan.records / outcome.records))
    outcome.wrong = outcome.wrong or wrong


def _tell(number: int, outcome: Outcome, plan: Plan) -> None:
    said = outcome.failed or outcome.wrong or f"{outcome.runs[-1].wall:.2f} s"
    tell(f"round {number}/{plan.rounds}  {outcome.contestant.name}: {said}")
