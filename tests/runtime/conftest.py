"""A scripted source: the transport seam answered by a function, and an emit that keeps what it was given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from headwater_runtime import Client, Retry
from headwater_runtime.clock import FakeClock
from headwater_runtime.errors import TransportError
from headwater_runtime.transport import Request, Response

HOME = "https://api.test"


class Script:
    """Transport over a function from request to answer: a Response, a JSON value, or an exception to raise."""

    def __init__(self, answer: Callable[[Request], Any]) -> None:
        self._answer = answer
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        answer = self._answer(request)
        if isinstance(answer, TransportError):
            raise answer
        return answer if isinstance(answer, Response) else Response(200, {}, json.dumps(answer).encode())

    def close(self) -> None:
        pass


class Kept:
    """An emit that keeps operations in order, one entry a row."""

    def __init__(self) -> None:
        self.operations: list[tuple[str, Any]] = []
        self.urgent: list[Any] = []  # states that were to be saved before anything else happens

    def upsert(self, table, rows):
        self.operations += [("upsert", (table.name, dict(row))) for row in rows]

    update = delete = upsert

    def truncate(self, table):
        self.operations.append(("truncate", table.name))

    def checkpoint(self, state, *, urgent=False):
        self.operations.append(("checkpoint", state))
        if urgent:
            self.urgent.append(state)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [row for kind, (name, row) in (op for op in self.operations if op[0] == "upsert") if name == table]

    @property
    def states(self) -> list[dict[str, Any]]:
        return [value for kind, value in self.operations if kind == "checkpoint"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def scripted(clock):
    """Return a maker of (client, script): the client speaks to the given function and waits on the fake clock."""

    def make(answer: Callable[[Request], Any], **options: Any) -> tuple[Client, Script]:
        script = Script(answer)
        options.setdefault("retry", Retry(draw=lambda: 1.0))
        return Client(HOME, transport=script, clock=clock, **options), script

    return make


@pytest.fixture
def sequence():
    """Return a maker of an answer function that gives the values in turn and fails the test when asked for more."""

    def make(*answers: Any) -> Callable[[Request], Any]:
        left = list(answers)

        def answer(request: Request) -> Any:
            assert left, f"unexpected request: {request.where} {dict(request.params)}"
            return left.pop(0)

        return answer

    return make
