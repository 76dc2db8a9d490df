"""A sync killed after every turn, with something having happened before each turn until then: nothing is lost.

What is drawn in test_cursor.py is tried here one by one: `event` at one turn, a checkpoint and a kill at a later one, and
then the sync goes on under another clock or another declaration. HEADWATER_DRAWN=1000 tries every such change at every
point; otherwise they take turns.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from headwater_runtime import ContractError, TransientError

from .cursor_cases import CASES
from .cursor_model import HOUR, MINUTE, NONE, Case, Pass

ALL = int(os.environ.get("HEADWATER_DRAWN", "0")) >= 1_000
MOST = 800  # points to try of a cursor
FOUND = [0.0, 0.2, 0.4, 0.5, 0.8, 0.95, 0.99, 1.0]  # of the three days before the first sync
Event = Callable[[Pass], Any]


def later(sync: Pass, minutes: int) -> None:
    sync.model.now += minutes * MINUTE


def fail(sync: Pass) -> None:
    if sync.lanes:
        sync.fail(len(sync.lanes) - 1, TransientError("the source is slow", heavy=True))


def forgets(sync: Pass) -> None:
    sync.case.source.behind = 2


EVENTS: dict[str, Event] = {
    "nothing": lambda sync: None,
    "a record shows as late as it may": lambda sync: sync.add(0.0),
    "a record shows as early as it may": lambda sync: sync.add(1.0),
    "a record shows below the others": lambda sync: sync.add(0.0, low=0),
    "a record shows at an edge": lambda sync: sync.add_at(0),
    "a record shows at another edge": lambda sync: sync.add_at(1),
    "the oldest record changes": lambda sync: sync.edit(0, 0.0, moves=False),
    "the youngest record changes and moves": lambda sync: sync.edit(7, 0.5, moves=True),
    "the first record goes": lambda sync: sync.remove(0),
    "the last record goes": lambda sync: sync.remove(-1),
    "a reading fails": fail,
    "an hour passes": lambda sync: later(sync, 60),
    "the newest is not known any more": forgets,
}


def begun(case: Case, cursor: Any, *, again: bool) -> Pass:
    """Return a sync that has not begun: the first one, or one after a day's growth."""
    sync = Pass(case)
    sync.cursor = cursor
    sync.found(FOUND)
    sync.model.highest += 2  # ids that are given out and may show below the others
    sync.add(0.5)
    if again:
        sync.complete()
        later(sync, 1_500)
        for back in (0.0, 0.3, 0.9):
            sync.add(back, gap=1)
        sync.edit(2, 0.5, moves=False)
    return sync


def turn(sync: Pass, number: int) -> None:
    while sync.open():
        pass
    if sync.lanes:
        sync.step(number)


def turns(make: Callable[[], Case], *, again: bool) -> int:
    """Return how many turns the sync takes if nothing happens."""
    case = make()
    sync = begun(case, case.cursor, again=again)
    for number in range(1_000):
        turn(sync, number)
        if not sync.lanes:
            return number + 1
    raise AssertionError("the pass does not end")


@dataclass(frozen=True)
class Change:
    """How the cursor is declared before and after the kill, how far the clock is off then, and how much later it is."""

    before: Any
    after: Any
    clock: timedelta
    minutes: int


def changes(case: Case) -> list[Change]:
    one, many = case.cursor, case.others
    plain = [(one, one, clock) for clock in case.clocks]
    plain += [(one, other, clock) for other in many for clock in (NONE, case.clocks[-1])]
    plain += [(other, one, NONE) for other in many]
    return [Change(*what, minutes) for minutes in (400, 0, 3_000) for what in plain]


def plans(make: Callable[[], Case]) -> Iterator[tuple[bool, str, int, int, int]]:
    """Yield each (second sync or first, event, its turn, the turn of the kill, the change that follows)."""
    many = len(changes(make()))
    last = {again: turns(make, again=again) for again in (False, True)}
    points = [
        (again, event, at, end)
        for again in (False, True)
        for event in EVENTS
        for at in range(last[again])
        for end in range(at, last[again] + 1)
    ]
    for number, point in enumerate(points):
        if ALL:
            yield from ((*point, change) for change in range(many))
        elif number % (1 + len(points) // MOST) == 0:
            yield (*point, number % many)


def lost(case: Case, again: bool, event: Event, at: int, end: int, change: Change) -> list[int]:  # noqa: FBT001
    """Run one plan and return what is missing at the end."""
    sync = begun(case, change.before, again=again)
    for number in range(end):
        if number == at:
            event(sync)
        turn(sync, number)
    if at == end:
        event(sync)
    sync.checkpoint()
    sync.kill()
    for back in (0.0, 0.0, 0.3, 0.6, 1.0):
        sync.add(back)
    sync.cursor, sync.clock = change.after, change.clock
    later(sync, change.minutes)
    sync.complete()
    sync.clock, case.source.behind = NONE, 0
    later(sync, 1)
    sync.complete()
    sync.model.now += case.lag + 2 * HOUR + timedelta(seconds=1)
    sync.complete()
    return sync.missing()


@pytest.mark.timeout(900 if ALL else 60)
@pytest.mark.parametrize("name", CASES)
def test_a_sync_killed_at_any_point_loses_nothing(name):
    make = CASES[name]
    for again, event, at, end, change in plans(make):
        case = make()
        try:
            missing = lost(case, again, EVENTS[event], at, end, changes(case)[change])
        except ContractError as error:  # too many records in one unit: the sync says so and stops
            assert "at most" in error.what
            continue
        assert missing == [], f"sync {1 + again}, turn {at}: {event}; killed at {end}; then {changes(case)[change]}"
