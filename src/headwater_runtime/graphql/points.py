"""Points: a budget that queries cost different shares of, as a vendor's own answers tell it; shared by all threads of a run."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from typing import Any

from headwater_runtime.clock import Clock
from headwater_runtime.records import lookup
from headwater_runtime.retry import seconds_until

__all__ = ["Points", "Share", "Told", "told"]

LARGEST = 1e12  # of points, or of seconds: what is beyond it means nothing
SAME = 2.0  # seconds by which the end of one window may be told apart
TICK = 1000  # a wait ends on a whole thousandth of a second: the vendor's clock and ours round in different ways


@dataclass(frozen=True)
class Told:
    """What an answer tells: what is left, what the query was reckoned to cost, and how the budget comes back.

    By `rate` points a second up to `most`, or wholly in `reset` seconds.
    """

    left: float
    cost: float
    rate: float = 0.0
    most: float = math.inf
    reset: float | None = None


@dataclass(frozen=True)
class Share:
    """What a query under way has taken. `known`: of how many answers was known when it was asked."""

    points: float
    known: int


def told(body: Any, clock: Clock) -> Told | None:
    """Return what a body tells of the budget, in one of the ways in use; None if nothing.

    Shopify's `extensions.cost` always; GitHub's `rateLimit { cost remaining resetAt }` and Monday's
    `complexity { query after reset_in_x_seconds }` where the query asks for it.
    """
    status = lookup(body, "extensions.cost.throttleStatus")
    if isinstance(status, dict):
        cost = _number(lookup(body, "extensions.cost.requestedQueryCost")) or 0.0
        left, most = _number(status.get("currentlyAvailable")), _number(status.get("maximumAvailable"))
        return None if left is None else Told(left, cost, _number(status.get("restoreRate")) or 0.0, most or math.inf)
    limit = lookup(body, "data.rateLimit")
    if isinstance(limit, dict) and (left := _number(limit.get("remaining"))) is not None:
        reset = seconds_until(str(limit.get("resetAt") or ""), clock.now())
        return Told(left, _number(limit.get("cost")) or 1.0, most=_number(limit.get("limit")) or math.inf, reset=reset)
    spent = lookup(body, "data.complexity")
    if isinstance(spent, dict) and (left := _number(spent.get("after"))) is not None:
        return Told(left, _number(spent.get("query")) or 1.0, reset=_number(spent.get("reset_in_x_seconds")))
    return None


class Points:
    """Thread-safe. Who asks takes what its query cost last time, or learns how long to wait; then it gives the answer's word."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told: Told | None = None
        self._known = 0  # answers that told of it
        self._at = 0.0  # when it was told
        self._taken = 0.0  # by queries under way, of which the source may not have told yet
        self._costs: dict[str, float] = {}  # by query

    def wait(self, query: str) -> float:
        """Return the seconds until there are points enough for `query`, 0 if there are."""
        with self._lock:
            return self._wait(self._cost(query))

    def beyond(self, query: str) -> bool:
        """Say whether `query` costs more than there can ever be."""
        with self._lock:
            return self._told is not None and self._costs.get(query, 0.0) > self._told.most

    def enter(self, query: str) -> tuple[Share, float]:
        """Take the points of `query`; return them and 0, or none and the seconds to wait before asking again."""
        with self._lock:
            cost = self._cost(query)
            wait = self._wait(cost)
            share = Share(0.0 if wait else cost, self._known)
            self._taken += share.points
            return share, wait

    def leave(self, query: str, share: Share, found: Told | None) -> None:
        """Give `share` back and go by what the answer told, None if it told nothing."""
        with self._lock:
            self._taken -= share.points
            if found is not None:
                self._costs[query] = found.cost
                if self._known > share.known:  # answered before this one, perhaps of a later moment
                    found = replace(found, left=min(found.left, self._left(found)))
                self._told, self._at = found, self._clock.monotonic()
                self._known += 1

    def _cost(self, query: str) -> float:
        return min(self._costs.get(query, 0.0), self._told.most if self._told else math.inf)

    def _left(self, found: Told) -> float:
        """Return what was told last of the budget that `found` tells of, as it is now."""
        last, passed = self._told, self._clock.monotonic() - self._at
        if last is None or abs((last.reset or passed) - passed - (found.reset or 0.0)) > SAME:  # of another window
            return math.inf
        return min(last.most, last.left + last.rate * passed)

    def _wait(self, cost: float) -> float:
        found = self._told
        if found is None or not cost:
            return 0.0
        passed = self._clock.monotonic() - self._at
        short = cost - (min(found.most, found.left + found.rate * passed) - self._taken)
        if short <= 0:
            return 0.0
        wait = short / found.rate if found.rate > 0 else (found.reset or 0.0) - passed
        return max(0.0, math.ceil(min(wait, LARGEST) * TICK) / TICK)


def _number(value: Any) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST
    return float(value) if known else None
