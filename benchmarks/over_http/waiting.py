"""A source with latency: requests side by side, and reading ahead while rows are emitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.measure import Run, tell
from benchmarks.over_http.stage import OFFSET, RUNTIME, Plan, Stage, staged
from benchmarks.report import shown, table, verdict

__all__ = ["Ahead", "Flight", "aheads", "flight_section", "flights", "prefetch_section"]

IN_FLIGHT = (1, 2, 4, 8)
EMITS = {"sleeping": "waits, once a page", "busy": "computes, at every row"}


@dataclass
class Flight:
    """The syncs with so many requests in flight; `wrong` says what was wrong with what reached the stub."""

    page_size: int
    width: int
    seconds: list[float] = field(default_factory=list)
    wrong: str = ""


@dataclass
class Ahead:
    """Fetching alone, emitting alone and the sync of both, for one way to emit."""

    page_size: int
    emit: str
    fetch: list[float] = field(default_factory=list)
    emitting: list[float] = field(default_factory=list)
    both: list[float] = field(default_factory=list)
    wrong: str = ""


def flights(plan: Plan) -> list[Flight]:
    """Read by offset with a total, in turns, pages of each size."""
    return [one for page_size in plan.waited_page_sizes for one in _flights(plan, page_size)]


def _flights(plan: Plan, page_size: int) -> list[Flight]:
    found = [Flight(page_size, width) for width in IN_FLIGHT]
    with staged(plan, plan.waited * page_size, page_size, plan.latency) as stage:
        for one in found:
            one.wrong = stage.checked(OFFSET, {"in_flight": str(one.width)})
        for number in range(plan.rounds):
            for one in found:
                run = stage.run(OFFSET, "nothing", {"in_flight": str(one.width)})
                one.seconds.append(run.sync)
                told = one.wrong or f"{run.sync:.2f} s"
                tell(f"in flight, pages of {page_size}, round {number + 1}/{plan.rounds}  {one.width}: {told}")
    return found


def aheads(plan: Plan) -> list[Ahead]:
    """Read by token, in turns, pages of each size, with an emit that takes for a page as long as fetching one."""
    return [one for page_size in plan.waited_page_sizes for one in _aheads(plan, page_size)]


def _aheads(plan: Plan, page_size: int) -> list[Ahead]:
    found = [Ahead(page_size, emit) for emit in EMITS]
    with staged(plan, plan.waited * page_size, page_size, plan.latency) as stage:
        each = _fetched(stage).sync / plan.waited
        wrong = stage.checked(RUNTIME)
        for number in range(plan.rounds):
            for one in found:
                one.wrong = wrong
                one.fetch.append(_fetched(stage).sync)
                one.emitting.append(stage.run("", one.emit, emit=each).sync)
                one.both.append(stage.run(RUNTIME, one.emit, emit=each).sync)
                told = wrong or f"{one.fetch[-1]:.2f} s, {one.emitting[-1]:.2f} s, both {one.both[-1]:.2f} s"
                tell(f"prefetch, pages of {page_size}, round {number + 1}/{plan.rounds}  {one.emit}: {told}")
    return found


def _fetched(stage: Stage) -> Run:
    return stage.run(RUNTIME, "nothing")


def flight_section(found: Sequence[Flight], plan: Plan) -> str:
    """Return the part of the section."""
    alone = {one.page_size: one.seconds for one in found if one.width == 1}
    rows = []
    for one in found:
        times = [serial / took for serial, took in zip(alone[one.page_size], one.seconds, strict=True)]
        rows.append(
            (f"{one.page_size:,}", str(one.width), shown(one.seconds), f"{shown(times, 1)}×", verdict(one.wrong))
        )
    said = (
        f"**Requests in flight.** An API by offset that tells its total and answers after {plan.latency * 1000:.0f} ms: "
        f"{plan.waited:,} pages, in turns, {plan.rounds} rounds; operations do nothing. Decoding is Python's work, on one core: the "
        "larger the pages, the less of their time is latency."
    )
    return f"{said}\n\n{table(('records a page', 'in flight', 'wall s', 'times faster', 'content'), rows)}"


def prefetch_section(found: Sequence[Ahead], plan: Plan) -> str:
    """Return the part of the section."""
    rows = []
    for one in found:
        over = [both / max(fetch, emit) for both, fetch, emit in zip(one.both, one.fetch, one.emitting, strict=True)]
        rows.append(
            (
                f"{one.page_size:,}",
                EMITS[one.emit],
                *map(shown, (one.fetch, one.emitting, one.both)),
                f"{shown(over)}×",
                verdict(one.wrong),
            )
        )
    head = ("records a page", "an upsert", "fetch alone s", "emit alone s", "sync s", "beside the larger", "content")
    said = (
        f"**Reading ahead.** An API by token with the same latency, and upserts that take as long as the fetching: {plan.waited:,} pages, in "
        f"turns, {plan.rounds} rounds. Emitting alone is the stub without a connector. An upsert that computes holds Python's one lock, "
        "as decoding does: that share of the fetching cannot be hidden."
    )
    return f"{said}\n\n{table(head, rows)}"
