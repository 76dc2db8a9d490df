"""RateLimit: so many requests in so many seconds, by the injected clock."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["RateLimit", "Window"]


@dataclass(frozen=True)
class RateLimit:
    """`requests` are answered in any span of `seconds`; the next ones get 429 with Retry-After."""

    requests: int
    seconds: float = 60.0


class Window:
    """The moments of the answered requests that still count. Refused requests do not count against the limit."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._answered: deque[datetime] = deque()

    def admit(self, now: datetime) -> int:
        """Return 0 when a request at `now` may pass (and count it), else the whole seconds until one may."""
        span = timedelta(seconds=self._limit.seconds)
        while self._answered and self._answered[0] + span <= now:
            self._answered.popleft()
        if len(self._answered) < self._limit.requests:
            self._answered.append(now)
            return 0
        oldest = self._answered[0] if self._answered else now
        return max(1, math.ceil((oldest + span - now).total_seconds()))
