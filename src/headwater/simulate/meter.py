"""Meter: a vendor's own budget of requests, for each caller, told in the headers the vendor spells it with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime

from headwater.simulate.message import Handler, Reply, Request
from headwater.simulate.rate_limit import RateLimit, Window

__all__ = [
    "Announce",
    "Budget",
    "Meter",
    "rate_limit_draft",
    "reset_epoch",
    "reset_iso",
    "reset_seconds",
    "retry_after",
    "retry_after_date",
]


@dataclass(frozen=True)
class Budget:
    """What one caller has left at a moment. `wait` is 0 for a request that passed, else seconds until one will."""

    limit: int
    remaining: int
    now: datetime
    frees: datetime
    wait: int = 0

    @property
    def seconds(self) -> int:
        """Whole seconds until the budget frees up."""
        return max(0, math.ceil((self.frees - self.now).total_seconds()))


Announce = Callable[[Budget], Mapping[str, str]]


def retry_after(budget: Budget) -> dict[str, str]:
    """`Retry-After` in seconds, on refusals only."""
    return {"Retry-After": str(budget.wait)} if budget.wait else {}


def retry_after_date(budget: Budget) -> dict[str, str]:
    """`Retry-After` as an HTTP date, never earlier than the moment meant, on refusals only."""
    moment = datetime.fromtimestamp(math.ceil(budget.frees.timestamp()), tz=budget.frees.tzinfo)
    return {"Retry-After": format_datetime(moment, usegmt=True)} if budget.wait else {}


def reset_epoch(budget: Budget) -> dict[str, str]:
    """`X-RateLimit-*`, the reset as a Unix time, on every reply."""
    return {**_counts(budget), "X-RateLimit-Reset": str(math.ceil(budget.frees.timestamp()))}


def reset_seconds(budget: Budget) -> dict[str, str]:
    """`X-RateLimit-*`, the reset as seconds from now, on every reply."""
    return {**_counts(budget), "X-RateLimit-Reset": str(budget.seconds)}


def reset_iso(budget: Budget) -> dict[str, str]:
    """`X-RateLimit-*`, the reset as an ISO 8601 moment, on every reply."""
    return {**_counts(budget), "X-RateLimit-Reset": budget.frees.isoformat().replace("+00:00", "Z")}


def rate_limit_draft(budget: Budget) -> dict[str, str]:
    """`RateLimit-*` as the IETF draft has them, the reset as seconds from now, on every reply."""
    return {
        "RateLimit-Limit": str(budget.limit),
        "RateLimit-Remaining": str(budget.remaining),
        "RateLimit-Reset": str(budget.seconds),
    }


def _counts(budget: Budget) -> dict[str, str]:
    return {"X-RateLimit-Limit": str(budget.limit), "X-RateLimit-Remaining": str(budget.remaining)}


def _anyone(_request: Request) -> str:
    return ""


def _too_many(budget: Budget) -> Reply:
    return Reply.error(429, f"Too many requests: {budget.limit} are allowed.")


class Meter:
    """Wraps handlers that share budgets: `meter(handler)`. A request must fit into every limit; refused ones cost nothing.

    `caller` tells whose budget it is, `announce` writes headers, `refuse` the reply: 429, another status, or a 200 with an error
    in it. `forget` makes every budget whole.
    """

    def __init__(
        self,
        *limits: RateLimit,
        caller: Callable[[Request], str] = _anyone,
        announce: Sequence[Announce] = (retry_after,),
        refuse: Callable[[Budget], Reply] = _too_many,
    ) -> None:
        self._limits = limits
        self._caller = caller
        self._announce = tuple(announce)
        self._refuse = refuse
        self._windows: dict[str, list[Window]] = {}

    def forget(self) -> None:
        """Give every caller the whole budget again."""
        self._windows.clear()

    def __call__(self, handler: Handler) -> Handler:
        """Return `handler` behind this meter; as it is, when there is no limit."""
        if not self._limits:
            return handler

        def metered(request: Request) -> Reply:
            budget = self._spend(self._caller(request), request.at)
            reply = self._refuse(budget) if budget.wait else handler(request)
            headers = {name: text for announce in self._announce for name, text in announce(budget).items()}
            return replace(reply, headers={**reply.headers, **headers})

        return metered

    def _spend(self, caller: str, now: datetime) -> Budget:
        windows = self._windows.setdefault(caller, [Window(limit) for limit in self._limits])
        full = [window for window in windows if not window.remaining(now)]
        if full:
            wait, frees, window = max(
                ((one.admit(now), one.frees(now), one) for one in full), key=lambda found: found[0]
            )
            return Budget(window.limit.requests, 0, now, frees, wait)
        for window in windows:
            window.admit(now)
        tight = min(windows, key=lambda window: window.remaining(now))
        return Budget(tight.limit.requests, tight.remaining(now), now, tight.frees(now))
