"""A served source, and connectors that read it with the SDK's operations replaced, each in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, Failed, Run, emptied, run_module, said
from benchmarks.server import served

__all__ = ["EXACT", "OFFSET", "PLAIN", "RUNTIME", "Plan", "Stage", "staged"]

CONNECTORS = ROOT / "benchmarks" / "connectors"
PLAIN, EXACT, RUNTIME, OFFSET = (str(CONNECTORS / name) for name in ("plain", "exact", "runtime", "offset"))


@dataclass(frozen=True)
class Plan:
    """What is measured, and how: `records` in the largest sync, `compared` for CPU, `waited` pages from a source with `latency`."""

    records: int = 1_000_000
    compared: int = 200_000
    page_size: int = 1_000
    waited: int = 100
    waited_page_sizes: tuple[int, ...] = (100, 1_000)
    latency: float = 0.05
    rounds: int = 5
    address_space: int = 1_000_000_000
    timeout: float = 900.0
    cache: Path = Path(".benchmarks")


@dataclass
class Stage:
    """The source at `url`. What it serves is told by a process of its own, so that this one stays small."""

    url: str
    pool: Path
    records: int
    page_size: int
    plan: Plan
    _truths: dict[str, list[int]] = field(default_factory=dict)

    def run(self, connector: str, stub: str, configuration: Mapping[str, str] | None = None, **options: Any) -> Run:
        """Run `connector` ("": the stub alone) with that stub for the operations. Raises Failed."""
        job = {
            "connector": connector,
            "stub": stub,
            "pool": str(self.pool),
            "records": self.records,
            "page_size": self.page_size,
            "configuration": {
                "api_key": "benchmark",
                "base_url": self.url,
                "page_size": str(self.page_size),
                **(configuration or {}),
            },
            **options,
        }
        with emptied(self.plan.cache.resolve() / "run") as folder:
            return run_module(Path(sys.executable), "benchmarks.contestants.stubbed", job, folder, self.plan.timeout)

    def wrong(self, run: Run, what: str) -> str:
        """Say what is wrong with what reached the stub in `run`, "" if nothing is."""
        if what not in self._truths:
            self._truths[what] = json.loads(said("benchmarks.contestants.tally", what, self.pool, self.records))
        count, digest = run.told["reached"]
        if count != self._truths[what][0]:
            return f"{count:,} rows instead of {self._truths[what][0]:,}"
        return "" if digest == self._truths[what][1] else "rows differ, or their order"

    def checked(self, connector: str, configuration: Mapping[str, str] | None = None, **options: Any) -> str:
        """Run once, unmeasured, and say what is wrong with the values that reached the stub."""
        try:
            return self.wrong(self.run(connector, "content", configuration, **options), "content")
        except Failed as failure:
            return str(failure)


@contextmanager
def staged(plan: Plan, records: int, page_size: int, latency: float = 0.0) -> Iterator[Stage]:
    """Serve `records`."""
    plan.cache.mkdir(parents=True, exist_ok=True)
    with served(plan.cache.resolve(), records, page_size, latency) as (url, pool):
        yield Stage(url, pool, records, page_size, plan)
