"""`rest`: a REST API on loopback into DuckDB, everyone in turns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.measure import Run
from benchmarks.roster import Contestant
from benchmarks.server import served
from benchmarks.turns import REHEARSED, Outcome, Plan, run_fresh, take_turns
from benchmarks.verify import landed, truth

__all__ = ["Source", "compete"]


class Source:
    """A served source and what it holds."""

    def __init__(self, stack: ExitStack, cache: Path, records: int, page_size: int) -> None:
        self.records, self.page_size = records, page_size
        self.url, self.pool = stack.enter_context(served(cache, records, page_size))
        self.truth = truth(self.pool, records)

    def run(self, contestant: Contestant, python: Path, folder: Path, timeout: float) -> tuple[Run, str]:
        """Run the contestant in the emptied `folder`; tell what it took and what is wrong with what it landed."""
        configuration = {"api_key": "benchmark", "base_url": self.url, "page_size": str(self.page_size)}
        job = contestant.job({"url": self.url, "page_size": self.page_size}, configuration)
        return run_fresh(
            contestant,
            python,
            job,
            (folder, timeout),
            lambda warehouse, table: landed(warehouse, table, self.pool).against(self.truth),
        )


def compete(contestants: Sequence[Contestant], plan: Plan) -> list[Outcome]:
    """Run all in turns."""
    plan.cache.mkdir(parents=True, exist_ok=True)
    outcomes = [
        Outcome(one, min(plan.scaled_records, plan.records) if one.scaled else plan.records) for one in contestants
    ]
    with ExitStack() as stack:
        counts = {outcome.records for outcome in outcomes} | ({REHEARSED} if plan.rehearse else set())
        sources = {count: Source(stack, plan.cache.resolve(), count, plan.page_size) for count in sorted(counts)}
        take_turns(outcomes, sources, plan)
    return outcomes
