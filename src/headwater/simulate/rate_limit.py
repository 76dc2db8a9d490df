"""RateLimit: so many requests in so many seconds, by the injected clock."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

__all__ = ["RateLimit", "Window"]


@dataclass(frozen=True)
class RateLimit:
    """`requests` are answered in any span of `seconds`; the next ones get 429 with Retry-After.

    An `aligned` limit counts from one whole multiple of `seconds` to the next: it starts anew with the minute.
    """

    requests: int
    seconds: float = 60.0
    aligned: bool = False


class Window:
    """The moments of the answered requests that still count. Refused requests do not count against the limit."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._answered: deque[datetime] = deque()

    def admit(self, now: datetime) -> int:
        """Return 0 when a request at `now` may pass (and count it), else the whole seconds until one may."""
        if self.remaining(now):
            self._answered.append(now)
            return 0
        return max(1, math.ceil((self.frees(now) - now).total_seconds()))

    def remaining(self, now: datetime) -> int:
        """Return how many more requests may pass at `now`."""
        while self._answered and self._end(self._answered[0]) <= now:
            self._answered.popleft()
        return max(0, self.limit.requests - len(self._answered))

    def frees(self, now: datetime) -> datetime:
        """Return when the oldest request that counts no longer will."""
        return self._end(self._answered[0] if self._answered else now)

    def _end(self, answered: datetime) -> datetime:
        seconds = self.limit.seconds
        if self.limit.aligned:
            return datetime.fromtimestamp((answered.timestamp() // seconds + 1) * seconds, tz=timezone.utc)
        return answered + timedelta(seconds=seconds)
