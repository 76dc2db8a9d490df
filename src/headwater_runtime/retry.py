"""When a request is tried again, and how long to wait first."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from headwater_runtime.errors import require
from headwater_runtime.times import iso
from headwater_runtime.transport import Response

__all__ = ["Retry", "retry_after", "seconds_until"]

# 408, 425, 429 and the gateway errors are the statuses RFC 9110, 8470 and 6585 call repeatable.
REPEATABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
EPOCH = 1e9  # a larger number is no number of seconds to wait but a moment, in seconds since 1970
EPOCH_MS = 1e11  # and a larger one that in milliseconds


@dataclass(frozen=True)
class Retry:
    """Exponential backoff with jitter: wait `base` × 2ⁿ seconds, at most `cap`, times a drawn factor of 0.5 to 1.

    A `Retry-After` of the source wins when it is longer. `attempts` counts the first try. `deadline` bounds the whole of
    one request in seconds, without what it waits for limits: a wait that would pass it is not begun. `also` are statuses
    tried again beside `statuses`. `patience` bounds the seconds one request waits for a source that limits it. After
    `breaker` failures in a row, over all threads, nothing is tried again: the source is down.
    """

    attempts: int = 6
    base: float = 1.0
    cap: float = 60.0
    deadline: float = 600.0
    statuses: Collection[int] = REPEATABLE
    draw: Callable[[], float] = field(default=random.random, repr=False)
    also: Collection[int] = field(default=(), kw_only=True)
    patience: float = field(default=3_900.0, kw_only=True)
    breaker: int = field(default=20, kw_only=True)

    def __post_init__(self) -> None:
        what, hint = "a request that may not be tried once can bring nothing", "attempts=1 and breaker=1 are the least"
        require(self.attempts >= 1 and self.breaker >= 1, what, "Retry(…)", hint)

    def repeats(self, status: int) -> bool:
        """Say whether an answer with this status is asked for again."""
        return status in self.statuses or status in self.also

    def wait(self, failures: int, response: Response | None, now: datetime) -> float:
        """Return the seconds to wait after the `failures`-th failure in a row; `response` is None if none came."""
        backoff = min(self.cap, self.base * 2.0 ** min(failures - 1, 64)) * (0.5 + self.draw() / 2)
        asked = retry_after(response, now) if response is not None else None
        return backoff if asked is None else max(min(asked, self.patience), backoff)


def retry_after(response: Response, now: datetime) -> float | None:
    """Return the seconds `Retry-After` asks for; None if absent or unreadable."""
    return seconds_until(response.headers.get("retry-after", ""), now)


def seconds_until(text: str, now: datetime) -> float | None:
    """Return the seconds from `now` that `text` means, never negative; None if it cannot be read.

    It may be a number of seconds ("7", "7s"), Unix seconds or milliseconds, an HTTP date, or ISO 8601.
    """
    text = text.strip()
    try:
        number = float(text.removesuffix("s"))
    except ValueError:
        moment = _moment(text)
        return None if moment is None else max(0.0, (moment - now).total_seconds())
    if number != number:  # noqa: PLR0124  (not a number)
        return None
    if number > EPOCH:
        number = (number / 1000 if number > EPOCH_MS else number) - now.timestamp()
    return max(0.0, number)


def _moment(text: str) -> datetime | None:
    try:
        try:
            moment = iso(text)
        except ValueError:
            moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):  # what older versions raise for what is no date
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
