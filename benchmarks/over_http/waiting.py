"""A source with latency: requests side by side, and reading ahead while rows are emitted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from benchmarks.measure import Run
from benchmarks.over_http.stage import OFFSET, RUNTIME, Plan, Stage, staged, tell
from benchmarks.report import shown, table

__all__ = ["Ahead", "Flight", "aheads", "flight_section", "flights", "prefetch_section"]

IN_FLIGHT = (1, 2, 4, 8)
EMITS = {"sleeping": "waits, once a page", "busy": "computes, at every row"}


@dataclass
class Flight:
    """The syncs with so many requests in flight; `wrong` says what was wrong with what reached the stub."""

    width: int
    seconds: list[float] = field(default_factory=list)
    wrong: str = ""


@dataclass
class Ahead:
    """Fetching alone, emitting alone and the sync of both, for one way to emit."""

    emit: str
    fetch: list[float] = field(default_factory=list)
    emitting: list[float] = field(default_factory=list)
    both: list[float] = field(default_factory=list)
    wrong: str = ""


def flights(plan: Plan) -> list[Flight]:
    """Read by offset with a total, in turns."""
    found = [Flight(width) for width in IN_FLIGHT]
    with _waiting(plan) as stage:
        for one in found:
            one.wrong = stage.checked(OFFSET, {"in_flight": str(one.width)})
        for number in range(plan.rounds):
            for one in found:
                run = stage.run(OFFSET, "nothing", {"in_flight": str(one.width)})
                one.seconds.append(run.sync)
                tell(f"in flight, round {number + 1}/{plan.rounds}  {one.width}: {one.wrong or f'{run.sync:.2f} s'}")
    return found


def aheads(plan: Plan) -> list[Ahead]:
    """Read by token, in turns, with an emit that takes for a page as long as fetching one."""
    found = [Ahead(emit) for emit in EMITS]
    with _waiting(plan) as stage:
        fetched = _fetched(stage)
        each = fetched.sync / -(-stage.records // stage.page_size)
        wrong = stage.checked(RUNTIME)
        for number in range(plan.rounds):
            for one in found:
                one.wrong = wrong
                one.fetch.append(_fetched(stage).sync)
                one.emitting.append(stage.run("", one.emit, emit=each).sync)
                one.both.append(stage.run(RUNTIME, one.emit, emit=each).sync)
                told = f"{one.fetch[-1]:.2f} s, {one.emitting[-1]:.2f} s, both {one.both[-1]:.2f} s"
                tell(f"prefetch, round {number + 1}/{plan.rounds}  {one.emit}: {one.wrong or told}")
    return found


def _waiting(plan: Plan) -> AbstractContextManager[Stage]:
    return staged(plan, plan.waited, plan.waited_page_size, plan.latency)


def _fetched(stage: Stage) -> Run:
    return stage.run(RUNTIME, "nothing")


def flight_section(found: Sequence[Flight], plan: Plan) -> str:
    """Return the part of the section."""
    rows = []
    for one in found:
        times = [alone / took for alone, took in zip(found[0].seconds, one.seconds, strict=True)]
        rows.append((str(one.width), shown(one.seconds), f"{shown(times, 1)}×", _content(one.wrong)))
    said = (
        f"**Requests in flight.** An API by offset that tells its total and answers after {plan.latency * 1000:.0f} ms: {plan.waited:,} records in "
        f"pages of {plan.waited_page_size:,}, in turns, {plan.rounds} rounds; operations do nothing."
    )
    return f"{said}\n\n{table(('in flight', 'wall s', 'times faster', 'content'), rows)}"


def prefetch_section(found: Sequence[Ahead], plan: Plan) -> str:
    """Return the part of the section."""
    rows = []
    for one in found:
        over = [
            both / max(alone) for both, alone in zip(one.both, zip(one.fetch, one.emitting, strict=True), strict=True)
        ]
        sums = statistics.median(one.fetch) + statistics.median(one.emitting)
        rows.append(
            (
                EMITS[one.emit],
                *(shown(seconds) for seconds in (one.fetch, one.emitting)),
                f"{sums:.2f}",
                shown(one.both),
                f"{shown(over)}×",
                _content(one.wrong),
            )
        )
    head = (
        "an upsert",
        "fetch alone s",
        "emit alone s",
        "one after the other s",
        "sync s",
        "beside the larger",
        "content",
    )
    said = (
        f"**Reading ahead.** An API by token with the same latency, and upserts that take as long as the fetching: {plan.waited:,} records in pages "
        f"of {plan.waited_page_size:,}, in turns, {plan.rounds} rounds. An upsert that computes holds Python's one lock as decoding a page does, and "
        "that share of the fetching cannot be hidden."
    )
    return f"{said}\n\n{table(head, rows)}"


def _content(wrong: str) -> str:
    return f"**wrong: {wrong}**" if wrong else "verified"
