"""`rest`: a REST API on loopback into DuckDB, everyone in turns."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environments import interpreter
from benchmarks.measure import Failed, Run, run_module
from benchmarks.roster import Contestant
from benchmarks.server import served
from benchmarks.verify import landed, truth

__all__ = ["Outcome", "Plan", "Source", "compete"]

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


@dataclass
class Outcome:
    """A contestant's runs; `wrong` says what was wrong with the content of one, `failed` why there are no runs."""

    contestant: Contestant
    records: int
    runs: list[Run] = field(default_factory=list)
    wrong: str = ""
    failed: str = ""


class Source:
    """A served source and what it holds."""

    def __init__(self, stack: ExitStack, cache: Path, records: int, page_size: int) -> None:
        self.records, self.page_size = records, page_size
        self.url, self.pool = stack.enter_context(served(cache, records, page_size))
        self.truth = truth(self.pool, records)

    def run(self, contestant: Contestant, python: Path, folder: Path, timeout: float) -> tuple[Run, str]:
        """Run the contestant in the emptied `folder`; tell what it took and what is wrong with what it landed."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        job = contestant.job(self.url, self.page_size)
        run = run_module(python, f"benchmarks.contestants.{contestant.script}", job, folder, timeout)
        try:
            wrong = landed(folder / contestant.warehouse, contestant.table, self.pool).against(self.truth)
        except RuntimeError as error:
            wrong = str(error)
        shutil.rmtree(folder)
        return run, wrong


def compete(contestants: Sequence[Contestant], plan: Plan) -> list[Outcome]:
    """Run all in turns, so that what the machine does meanwhile is shared fairly.

    Each first rehearses, unmeasured, with few records: that compiles what is imported, and shows early who cannot run.
    """
    plan.cache.mkdir(parents=True, exist_ok=True)
    outcomes = [
        Outcome(one, min(plan.scaled_records, plan.records) if one.scaled else plan.records) for one in contestants
    ]
    with ExitStack() as stack:
        counts = {outcome.records for outcome in outcomes} | ({REHEARSED} if plan.rehearse else set())
        sources = {count: Source(stack, plan.cache.resolve(), count, plan.page_size) for count in sorted(counts)}
        pythons = {}
        for outcome in outcomes:
            pythons[outcome.contestant.name] = _prepared(outcome, sources[REHEARSED] if plan.rehearse else None, plan)
        for number in range(1, plan.rounds + 1):
            for outcome in outcomes:
                if not outcome.failed:
                    _measure(outcome, sources[outcome.records], pythons[outcome.contestant.name], plan)
                    _tell(number, outcome, plan)
    return outcomes


def _prepared(outcome: Outcome, rehearsal: Source | None, plan: Plan) -> Path:
    contestant, python = outcome.contestant, Path(sys.executable)
    try:
        if contestant.requirements:
            python = interpreter(plan.cache.resolve(), contestant.script, contestant.requirements)
        if rehearsal is not None:
            rehearsal.run(contestant, python, _folder(plan), plan.timeout)
    except Failed as failure:
        outcome.failed = str(failure)
        _tell(0, outcome, plan)
    return python


def _measure(outcome: Outcome, source: Source, python: Path, plan: Plan) -> None:
    try:
        run, wrong = source.run(outcome.contestant, python, _folder(plan), plan.timeout)
    except Failed as failure:
        outcome.failed = str(failure)
        return
    outcome.runs.append(run.scaled(plan.records / outcome.records))
    outcome.wrong = outcome.wrong or wrong


def _folder(plan: Plan) -> Path:
    return plan.cache.resolve() / "run"


def _tell(number: int, outcome: Outcome, plan: Plan) -> None:
    said = outcome.failed or outcome.wrong or f"{outcome.runs[-1].wall:.2f} s"
    print(f"round {number}/{plan.rounds}  {outcome.contestant.name}: {said}", file=sys.stderr, flush=True)
