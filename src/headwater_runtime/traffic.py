"""Traffic: what all threads of a run share toward one source. Its limits, its pauses, and whether it is down."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from headwater_runtime.clock import Clock
from headwater_runtime.errors import TransientError, require
from headwater_runtime.retry import Retry, seconds_until
from headwater_runtime.rules import Rule
from headwater_runtime.transport import Response

__all__ = ["Limit", "Traffic"]

FINE = 10_000  # calls up to which the moment of each is kept; above, sixtieths of the window are counted
MARGIN = 0.05  # of the window, at most a second: two requests may come closer together than they were sent
NAP = 60.0  # seconds after which one that waits looks whether waiting still makes sense
INSTANT = 1e-6  # what rounding leaves of a wait


@dataclass(frozen=True)
class Limit:
    """At most `calls` requests in any `seconds`, over all threads.

    Where the source tells its budget in headers, `remaining` and `reset` name them, and they win: nobody sends with nothing
    left before the reset. Raises ConfigError for a limit that lets nothing pass.
    """

    calls: int
    seconds: float
    remaining: str = field(default="", kw_only=True)
    reset: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        passes = self.calls >= 1 and self.seconds > 0
        require(passes, "a limit lets nothing pass", "Limit(…)", "calls from 1, seconds above 0")
        what = "what remains means nothing without the moment it is made whole again"
        both = bool(self.remaining) == bool(self.reset)
        require(both, what, "Limit(…)", "name both headers, remaining= and reset=, or none")


class Traffic:
    """Thread-safe. Whoever sends enters first and leaves with the answer."""

    def __init__(self, limits: Sequence[Limit], clock: Clock, retry: Retry) -> None:
        self._clock, self._retry = clock, retry
        self._budgets = [_Budget(limit) for limit in limits]
        self._lock = threading.Lock()
        self._until = float("-inf")  # nobody sends before
        self._under_way = 0
        self._failures = 0  # in a row
        self._said: set[int] = set()

    @property
    def down(self) -> bool:
        """Whether so many requests failed in a row that trying again makes no sense. One success ends it."""
        return self._failures >= self._retry.breaker

    def enter(self, where: str, *, again: bool = False) -> float:
        """Wait until a request may be sent, count it, and return the seconds waited.

        Raises TransientError if that takes longer than the retry's patience, or (`again`) if the source went down.
        """
        begun = self._clock.monotonic()
        while True:
            with self._lock:
                now = self._clock.monotonic()
                wait = max([self._until - now, *(budget.wait(now) for budget in self._budgets)])
                if wait <= INSTANT:
                    self._under_way += 1
                    for budget in self._budgets:
                        budget.spend(now)
                    return now - begun
            if wait > self._retry.patience:
                hint = "let the next sync go on then, or raise `patience=` of Retry in api.py"
                what = f"the source's limit is used up for another {wait / 60:,.0f} minutes"
                raise TransientError(what, where=where, hint=hint)
            self.rest(wait, where, again=again)

    def leave(self, response: Response | None) -> None:
        """Take note of what an answer tells of the budget, None if there was none."""
        with self._lock:
            self._under_way -= 1
            if response is not None:
                for budget in self._budgets:
                    budget.told(response, self._under_way, self._clock)

    def rest(self, seconds: float, where: str, *, again: bool = True) -> None:
        """Wait `seconds`. Raises TransientError as soon as the source is known to be down."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > INSTANT:
            self._clock.sleep(min(left, NAP))
            if again and self.down:
                raise self.outage(where)

    def pause(self, seconds: float) -> None:
        """Let nobody send for `seconds`."""
        with self._lock:
            self._until = max(self._until, self._clock.monotonic() + seconds)

    def failed(self) -> None:
        """Count a failure."""
        with self._lock:
            self._failures += 1

    def answered(self) -> None:
        """Note that the source is up."""
        self._failures = 0

    def first(self, rule: Rule) -> bool:
        """Say whether it is the first time in this run that one asks this of `rule`."""
        with self._lock:
            known = id(rule) in self._said
            self._said.add(id(rule))
            return not known

    def outage(self, where: str) -> TransientError:
        """Return the error that ends every request while the source is down."""
        hint = "wait until the source is well again; the next sync goes on here"
        return TransientError(f"the source is down: {self._failures} requests in a row failed", where=where, hint=hint)


class _Budget:
    """One limit, and what was sent under it. Used under the lock of its Traffic."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._step = limit.seconds / 60 if limit.calls > FINE else 0.0
        self._window = limit.seconds + min(1.0, limit.seconds * MARGIN) + self._step
        self._sent: deque[list[float]] = deque()  # [moment, how many], oldest first
        self._count = 0
        self._left: int | None = None  # as the source tells it, less what was sent since; None: it did not
        self._reset = 0.0

    def wait(self, now: float) -> float:
        if self._left is not None:
            if now < self._reset:
                return self._reset - now if self._left <= 0 else 0.0
            self._left, self._count = None, 0  # the source has begun anew, and so do we
            self._sent.clear()
        while self._sent and self._sent[0][0] + self._window <= now:
            self._count -= int(self._sent.popleft()[1])
        return self._sent[0][0] + self._window - now if self._count >= self._limit.calls else 0.0

    def spend(self, now: float) -> None:
        if self._left is not None:
            self._left -= 1
        if self._sent and now - self._sent[-1][0] < self._step:
            self._sent[-1][1] += 1
        else:
            self._sent.append([now, 1])
        self._count += 1

    def told(self, response: Response, under_way: int, clock: Clock) -> None:
        """Believe the headers; `under_way` requests may not be counted in them yet."""
        headers, limit = response.headers, self._limit
        if not limit.remaining or limit.remaining.lower() not in headers:
            return
        seconds = seconds_until(headers.get(limit.reset.lower(), ""), clock.now())
        try:
            left = int(float(headers[limit.remaining.lower()])) - under_way
        except (ValueError, OverflowError):
            return
        if seconds is None:
            return
        now = clock.monotonic()
        reset = now + seconds
        anew = self._left is None or now >= self._reset
        self._left = left if anew else min(left, self._left or 0)
        self._reset = reset if anew else max(reset, self._reset)
