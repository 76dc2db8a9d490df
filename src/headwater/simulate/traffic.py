"""Traffic: decides the fate of each HTTP request — events, faults, limits, then the vendor's own route — and logs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime

from headwater.simulate.course import Course
from headwater.simulate.fault import CONTRACT_BREAKS, Fault
from headwater.simulate.message import Reply, Request
from headwater.simulate.rate_limit import Window
from headwater.simulate.request_log import Exchange, masked

__all__ = ["Outcome", "Traffic"]

HTML = b"<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>\n"
SILENT = frozenset({"reset", "timeout", "refuse", "restart", "error"})  # of HTTP the last three are resets
HELD = Fault("timeout")  # what a vendor's own route does to a request it never answers


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
    """Answers requests by a simulation's routes. They run one at a time, so a vendor needs no locks."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._simulation = course.simulation
        self._clock = course.clock
        self._window: Window | None = None
        self._round = 0

    def answer(self, request: Request) -> Outcome:
        """Return what happens to `request`."""
        with self._course.asked() as crowded, self._course.lock:
            number, fault = self._course.fate(request.path)
            if crowded:
                outcome = Outcome(self._simulation.refuse(429, "Too many requests at the same time."))
            else:
                outcome = self._decide(request, fault, number)
            self._record(request, outcome, fault, number)
        return outcome

    def failed(self, error: BaseException) -> None:
        """Keep a bug of the vendor's: it must reach the test, not die in a thread."""
        self._course.failures.append(error)

    def _decide(self, request: Request, fault: Fault | None, number: int) -> Outcome:
        if fault is not None and fault.kind == "status":
            return Outcome(self._refuse(fault))
        if fault is not None and fault.kind in SILENT:
            return Outcome(Reply(), fault)
        if fault is not None and fault.kind == "echo":
            return Outcome(_echo(request))
        if wait := self._wait():
            return Outcome(self._simulation.refuse(429, "Too many requests.").with_headers(Retry_After=str(wait)))
        reply = self._ask(replace(request, at=self._clock.now()), fault, number)
        return Outcome(Reply(), HELD) if reply.held else self._spoiled(reply, fault)

    def _wait(self) -> int:
        """Return the seconds until the limit lets the next request pass, 0 if it passes; limits begin with each reset."""
        if self._round != self._course.rounds:
            limit = self._course.conditions.rate_limit
            self._window, self._round = Window(limit) if limit else None, self._course.rounds
        return self._window.admit(self._clock.now()) if self._window else 0

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
            self.failed(error)
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
        silent = outcome.fault is not None and outcome.fault.kind in SILENT
        params = masked(request.params, self._simulation.secrets, self._simulation.secret_params)
        status = 0 if silent else outcome.reply.status
        self._course.note(
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
