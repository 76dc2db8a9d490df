"""The table, from PostgreSQL or from a file, into DuckDB: everyone in turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.columnar import postgres
from benchmarks.columnar.content import landed, truth
from benchmarks.columnar.population import population
from benchmarks.measure import Run
from benchmarks.roster import Contestant
from benchmarks.turns import Outcome, Plan, run_fresh, take_turns
from benchmarks.verify import Content

__all__ = ["Rows", "compete", "opened", "sql"]


@dataclass(frozen=True)
class Rows:
    """A source of so many rows: what a script is told of it, what a connector is, and what it holds."""

    source: Mapping[str, Any]
    configuration: Mapping[str, str]
    truth: Content

    def run(self, contestant: Contestant, python: Path, folder: Path, timeout: float) -> tuple[Run, str]:
        """Run the contestant in the emptied `folder`; tell what it took and what is wrong with what it landed."""
        job = contestant.job(self.source, self.configuration)
        return run_fresh(
            contestant, python, job, (folder, timeout), lambda db, table: landed(db, table).against(self.truth)
        )


@contextmanager
def sql(cache: Path, counts: Sequence[int]) -> Iterator[dict[int, Rows]]:
    """Serve tables of so many rows from a PostgreSQL server of our own."""
    with postgres.url() as url:
        found = {}
        for rows in sorted(set(counts)):
            postgres.filled(url, population(cache, rows, "csv"), rows)
            source = {"url": url, "table": postgres.table(rows), "rows": rows}
            configuration = {"url": url, "table": postgres.table(rows)}
            found[rows] = Rows(source, configuration, truth(population(cache, rows, "parquet")))
        yield found


def opened(cache: Path, counts: Sequence[int], form: str) -> AbstractContextManager[dict[int, Rows]]:
    """Give sources of so many rows: files of the form, or ("") tables of PostgreSQL."""
    return _files(cache, counts, form) if form else sql(cache, counts)


@contextmanager
def _files(cache: Path, counts: Sequence[int], form: str) -> Iterator[dict[int, Rows]]:
    """Give a file of that form for each number of rows."""
    found = {}
    for rows in sorted(set(counts)):
        path = population(cache, rows, form)
        source = {"path": str(path), "form": form, "rows": rows}
        configuration = {"place": path.parent.as_uri(), "pattern": path.name}
        found[rows] = Rows(source, configuration, truth(population(cache, rows, "parquet")))
    yield found


def compete(contestants: Sequence[Contestant], plan: Plan, form: str = "") -> list[Outcome]:
    """Run all in turns; the source is a file of the form, or PostgreSQL."""
    return take_turns(contestants, plan, lambda cache, counts: opened(cache, counts, form))
