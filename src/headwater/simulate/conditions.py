"""Conditions: the weather a vendor is served in, as frozen data."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headwater.errors import SimulatorError
from headwater.simulate.fault import FaultPlan
from headwater.simulate.rate_limit import RateLimit

if TYPE_CHECKING:
    from headwater.simulate.simulation import Simulation

__all__ = ["Conditions", "Event"]


@dataclass(frozen=True)
class Event:
    """A change of the vendor's data just before request `on_request` (from 1) is answered: rows inserted while paging."""

    on_request: int
    change: Callable[[Simulation], None]


@dataclass(frozen=True)
class Conditions:
    """The weather a vendor is served in. `latency` is seconds a request waits, by the server's clock.

    More than `at_once` requests at the same time are refused with 429. It and `rate_limit` are HTTP's: another server has none.
    """

    faults: FaultPlan = field(default_factory=FaultPlan)
    rate_limit: RateLimit | None = None
    latency: float = 0.0
    events: tuple[Event, ...] = ()
    at_once: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.latency < math.inf:
            raise SimulatorError(f"A latency of {self.latency} seconds cannot be", hint="Give 0 or more.")
        if self.rate_limit is not None and (self.rate_limit.requests < 1 or self.rate_limit.seconds <= 0):
            raise SimulatorError(f"Nothing can pass {self.rate_limit}", hint="Allow at least one request in some time.")
