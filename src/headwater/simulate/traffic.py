"""Traffic: decides the fate of each request — events, faults, limits, then the vendor's own route — and logs it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime

from headwater.errors import SimulatorError
from headwater.simulate.fault import CONTRACT_BREAKS, Fault, FaultPlan
from headwater.simulate.message import Reply, Request
from headwater.simulate.rate_limit import RateLimit, Window
from headwater.simulate.request_log import Exchange, masked
from headwater.simulate.simulation import Simulation
from headwater_runtime.clock import Clock

__all__ = ["Conditions", "Event", "Outcome", "Traffic"]

HTML = b"<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>\n"
HELD = Fault("timeout")  # what a vendor's own route does to a request it never answers


@dataclass(frozen=True)
class Event:
    """A change of the vendor's data just before request `on_request` (from 1) is answered: rows inserted while paging."""

    on_request: int
    change: Callable[[Simulation], None]


@dataclass(frozen=True)
class Conditions:
    """The weather a vendor is served in. `latency` is seconds a request waits, by the server's clock.

    More than `at_once` requests at the same time are refused with 429.
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


@dataclass(frozen=True)
class Outcome:
    """What the server must do: send `reply` whole, or break it off as `fault` says (reset, timeout, cut_body)."""

    reply: Reply
    fault: Fault | None = None


def _echo(request: Request) -> Reply:
    """Return a refusal that quotes what the client sent, as careless vendors' error messages do."""
    sent = [f"{name}: {value}" for name, value in request.headers.items()]
    sent += [f"{name}={value}" for name, value in request.params.items()]
    return Reply.error(400, f"Bad request with {'; '.join(sorted(sent))}")


class Traffic:
    """Counts and answers requests under given conditions. Routes run one at a time, so a vendor needs no locks."""

    def __init__(self, simulation: Simulation, clock: Clock, conditions: Conditions) -> None:
        self._simulation = simulation
        self._clock = clock
        self._lock = threading.Lock()
        self.failures: list[BaseException] = []
        self.busiest = 0
        self._open = 0
        for population in simulation.populations.values():
            if population.timeline:
                population.timeline.clock = clock
        self.reset(conditions)

    def reset(self, conditions: Conditions) -> None:
        """Begin again at request 1 under `conditions`, with an empty log. The vendor's data stays as it is."""
        with self._lock:
            self._conditions = conditions
            self._window = Window(conditions.rate_limit) if conditions.rate_limit else None
            self._counts = [0] * len(conditions.faults.rules)
            self._log: list[Exchange] = []
            self.busiest = 0
            self._simulation.forget()

    @property
    def log(self) -> tuple[Exchange, ...]:
        """The requests since the last reset, in order of arrival."""
        with self._lock:
            return tuple(self._log)

    def answer(self, request: Request) -> Outcome:
        """Return what happens to `request`."""
        with self._lock:
            self._open += 1
            self.busiest = max(self.busiest, self._open)
            crowded = self._conditions.at_once is not None and self._open > self._conditions.at_once
        try:
            if self._conditions.latency:
                self._clock.sleep(self._conditions.latency)
            return self._answer(request, crowded=crowded)
        finally:
            with self._lock:
                self._open -= 1

    def _answer(self, request: Request, *, crowded: bool) -> Outcome:
        with self._lock:
            number = len(self._log) + 1
            for event in self._conditions.events:
                if event.on_request == number:
                    event.change(self._simulation)
            fault = self._strike(request.path)
            if crowded:
                outcome = Outcome(self._simulation.refuse(429, "Too many requests at the same time."))
            else:
                outcome = self._decide(request, fault, number)
            self._record(request, outcome, fault, number)
        return outcome

    def _strike(self, path: str) -> Fault | None:
        plan = self._conditions.faults
        for index, rule in enumerate(plan.rules):
            self._counts[index] += rule.matches(path)
        return plan.strike(path, self._counts)

    def _decide(self, request: Request, fault: Fault | None, number: int) -> Outcome:
        if fault is not None and fault.kind == "status":
            return Outcome(self._refuse(fault))
        if fault is not None and fault.kind in {"reset", "timeout"}:
            return Outcome(Reply(), fault)
        if fault is not None and fault.kind == "echo":
            return Outcome(_echo(request))
        wait = self._window.admit(self._clock.now()) if self._window else 0
        if wait:
            return Outcome(self._simulation.refuse(429, "Too many requests.").with_headers(Retry_After=str(wait)))
        reply = self._ask(replace(request, at=self._clock.now()), fault, number)
        return Outcome(Reply(), HELD) if reply.held else self._spoiled(reply, fault)

    def _refuse(self, fault: Fault) -> Reply:
        headers: dict[str, str] = {}
        if fault.retry_after == "seconds":
            headers["Retry-After"] = str(fault.seconds)
        elif fault.retry_after == "date":
            # An HTTP date has whole seconds: one is added so that the date is never earlier than what is asked.
            moment = (self._clock.now() + timedelta(seconds=fault.seconds + 1)).replace(microsecond=0)
            headers["Retry-After"] = format_datetime(moment, usegmt=True)
        reply = self._simulation.refuse(fault.status, "The simulator was told to fail this request.")
        return replace(reply, headers={**reply.headers, **headers})

    def _ask(self, request: Request, fault: Fault | None, number: int) -> Reply:
        found = self._simulation.find(request)
        if isinstance(found, Reply):
            return found
        route, request = found
        try:
            if fault in CONTRACT_BREAKS and fault is not None and route.envelope is not None:
                return route.envelope.broken(fault.kind, request, route.handler, number)
            return route.handler(request)
        except Exception as error:  # noqa: BLE001  (a bug in a vendor's route must reach the test, not die in a thread)
            self.failures.append(error)
            return Reply.error(500, "The simulator itself failed; see the server's failures.")

    def _spoiled(self, reply: Reply, fault: Fault | None) -> Outcome:
        kind = fault.kind if fault else None
        if kind is None:
            return Outcome(reply)
        if kind == "cut_body":
            return Outcome(reply, fault)
        headers = {name: text for name, text in reply.headers.items() if name != "Content-Length"}
        whole = replace(reply, chunks=None, headers=headers)
        if kind == "invalid_json":
            return Outcome(replace(whole, body=reply.body[: len(reply.body) * 2 // 3] + b"\x00}"))
        if kind == "html":
            return Outcome(Reply(200, HTML, {"Content-Type": "text/html; charset=utf-8"}))
        if kind == "empty_body":
            return Outcome(replace(whole, body=b""))
        return Outcome(reply)

    def _record(self, request: Request, outcome: Outcome, fault: Fault | None, number: int) -> None:
        silent = outcome.fault is not None and outcome.fault.kind in {"reset", "timeout"}
        params = masked(request.params, self._simulation.secrets, self._simulation.secret_params)
        status = 0 if silent else outcome.reply.status
        self._log.append(
            Exchange(
                number,
                self._clock.now(),
                request.method,
                request.path,
                params,
                status,
                fault=str(fault) if fault else "",
                records=None if fault else outcome.reply.records,
            )
        )
