"""When a request is tried again, and how long to wait first."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from headwater_runtime.transport import Response

__all__ = ["Retry", "retry_after"]

# 408, 425, 429 and the gateway errors are the statuses RFC 9110, 8470 and 6585 call repeatable.
REPEATABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Retry:
    """Exponential backoff with jitter: wait `base` × 2ⁿ seconds, at most `cap`, times a drawn factor of 0.5 to 1.

    A `Retry-After` of the source wins when it is longer. `attempts` counts the first try. `deadline` bounds the whole of
    one request in seconds: a wait that would pass it is not begun.
    """

    attempts: int = 6
    base: float = 1.0
    cap: float = 60.0
    deadline: float = 600.0
    statuses: frozenset[int] = REPEATABLE
    draw: Callable[[], float] = field(default=random.random, repr=False)

    def wait(self, failures: int, response: Response | None, now: datetime) -> float:
        """Return the seconds to wait after the `failures`-th failure in a row; `response` is None if none came."""
        backoff = min(self.cap, self.base * 2.0 ** (failures - 1)) * (0.5 + self.draw() / 2)
        asked = retry_after(response, now) if response is not None else None
        return backoff if asked is None else max(asked, backoff)


def retry_after(response: Response, now: datetime) -> float | None:
    """Return the seconds `Retry-After` asks for, given as seconds or as an HTTP date; None if absent or unreadable."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - now).total_seconds())
