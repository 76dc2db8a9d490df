"""Course: the requests of a served vendor since the last reset — their count, which of them goes wrong, and the log.

It knows no protocol: whoever listens (HTTP's routes, a database's proxy) tells it what was asked, and is told its fate.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from headwater.simulate.conditions import Conditions
from headwater.simulate.fault import Fault
from headwater.simulate.request_log import Exchange
from headwater_runtime.clock import Clock

if TYPE_CHECKING:
    from headwater.simulate.simulation import Simulation

__all__ = ["Course"]


class Course:
    """What happens to a simulation's requests, in order of arrival. `lock` is held while the fate of one is decided.

    `failures` are bugs of the simulator's own: closing its server raises the first. `rounds` counts the resets.
    """

    def __init__(self, simulation: Simulation, clock: Clock, conditions: Conditions) -> None:
        self.simulation = simulation
        self.clock = clock
        self.lock = threading.Lock()
        self.failures: list[BaseException] = []
        self.busiest = self.rounds = 0
        self._open = 0
        for population in simulation.populations.values():
            if population.timeline:
                population.timeline.clock = clock
        self.reset(conditions)

    def reset(self, conditions: Conditions) -> None:
        """Begin again at request 1 under `conditions`, with an empty log. The vendor's data stays as it is."""
        with self.lock:
            self.conditions = conditions
            self.rounds += 1
            self._counts = [0] * len(conditions.faults.rules)
            self._log: list[Exchange] = []
            self.busiest = 0
            self.simulation.forget()

    @property
    def log(self) -> tuple[Exchange, ...]:
        """The requests since the last reset, in order of arrival."""
        with self.lock:
            return tuple(self._log)

    @contextmanager
    def asked(self) -> Iterator[bool]:
        """Have one more request under way for the time of a `with` block; say whether it is one too many at once."""
        most = self.conditions.at_once
        with self.lock:
            self._open += 1
            self.busiest = max(self.busiest, self._open)
            crowded = most is not None and self._open > most
        try:
            if self.conditions.latency:
                self.clock.sleep(self.conditions.latency)
            yield crowded
        finally:
            with self.lock:
                self._open -= 1

    def fate(self, path: str) -> tuple[int, Fault | None]:
        """Return the number of the next request, one to `path`, and its fault; what was to happen before it happens. Under `lock`."""
        number = len(self._log) + 1
        for event in self.conditions.events:
            if event.on_request == number:
                event.change(self.simulation)
        plan = self.conditions.faults
        for index, rule in enumerate(plan.rules):
            self._counts[index] += rule.matches(path)
        return number, plan.strike(path, self._counts)

    def note(self, exchange: Exchange) -> None:
        """Put the request into the log. Under `lock`."""
        self._log.append(exchange)

    def arrived(self, method: str, path: str, params: Mapping[str, str]) -> tuple[Exchange, Fault | None]:
        """Decide and log a request whose answer comes from elsewhere: `answered` says later what came of it."""
        with self.asked(), self.lock:
            number, fault = self.fate(path)
            told = "" if fault is None else str(fault)
            exchange = Exchange(number, self.clock.now(), method, path, params, 0, told)
            self.note(exchange)
            return exchange, fault

    def answered(self, exchange: Exchange, status: int, records: int | None) -> None:
        """Complete the log's entry, if the log still is the one it is in."""
        with self.lock:
            at = exchange.number - 1
            if at < len(self._log) and self._log[at] is exchange:
                self._log[at] = replace(exchange, status=status, records=None if exchange.fault else records)
