"""`rest`: a REST API on loopback into DuckDB, everyone in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Run
from benchmarks.roster import Contestant
from benchmarks.server import served
from benchmarks.turns import Outcome, Plan, run_fresh, take_turns
from benchmarks.verify import Content, landed, truth

__all__ = ["Source", "compete", "sources"]


@dataclass(frozen=True)
class Source:
    """A served source and what it holds."""

    url: str
    pool: Path
    page_size: int
    truth: Content

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


@contextmanager
def sources(cache: Path, counts: Sequence[int], page_size: int) -> Iterator[dict[int, Source]]:
    """Serve sources of so many records."""
    with ExitStack() as stack:
        found = {}
        for records in counts:
            url, pool = stack.enter_context(served(cache, records, page_size))
            found[records] = Source(url, pool, page_size, truth(pool, records))
        yield found


def compete(contestants: Sequence[Contestant], plan: Plan) -> list[Outcome]:
    """Run all in turns."""
    return take_turns(contestants, plan, lambda cache, counts: sources(cache, counts, plan.page_size))
