"""Simulation: one running vendor — its routes, the data behind them, and the truth a destination must come to hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from headwater.simulate.course import Course
from headwater.simulate.envelope import Envelope
from headwater.simulate.fault import CONTRACT_BREAKS, REQUEST_FAULTS, Fault
from headwater.simulate.listener import Listener
from headwater.simulate.message import Handler, Reply, Request
from headwater.simulate.population import Population

__all__ = ["Listen", "Overlap", "Refuse", "Route", "Simulation", "Truth"]

Truth = Callable[[], Iterator[dict[str, Any]]]
Overlap = Callable[[datetime], Iterator[dict[str, Any]]]
Refuse = Callable[[int, str], Reply]
Listen = Callable[[int, Course, float], Listener]


def _nothing() -> None:
    """Nothing is to be done."""


def _captured(name: str) -> str:
    return f"(?P<{name[:-1]}>.+)" if name.endswith("+") else f"(?P<{name}>[^/]+)"


@dataclass(frozen=True)
class Route:
    """One endpoint. `path` may hold `{placeholders}` of one segment, and `{such+}` of all that follow.

    `envelope` says how to break its pages on purpose.
    """

    method: str
    path: str
    handler: Handler
    envelope: Envelope | None = None
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pieces = re.split(r"\{(\w+\+?)\}", self.path)
        pattern = "".join(_captured(piece) if at % 2 else re.escape(piece) for at, piece in enumerate(pieces))
        object.__setattr__(self, "pattern", re.compile(pattern))


@dataclass(frozen=True)
class Simulation:
    """A vendor built with one seed. Populations change in place, by `grow` and `edit`; everything else is fixed.

    `truth` gives, for each destination table, the rows it must hold for the data as it is now. `overlap` gives of these the
    ones a sync may write when the last one began at a moment: what is new or changed since, and what must be read again
    lest something be missed, as the whole of the last day. A table that is not in it is read whole each time. None: the
    vendor gives tokens, and only the last page is read again. `edited` are the populations whose edits a later sync can see.
    `secrets` are values the
    request log masks, `secret_params` query parameters whose value it never shows. `refuse` writes an error the way the
    vendor does. `forget` is called when a server begins again at request 1: budgets are whole, grudges gone, data kept.

    A vendor that is a real server of its own kind has `listen`, which makes what stands before it instead of HTTP's routes.
    `begin` is called before it is served and `end` after: what is kept elsewhere than in this object is made and cleared away.
    `deleted` are the populations whose deletions a later sync can see. `faults` are the failures of a request that asking
    again mends, `breaks` the replies that must stop a connector: those that this vendor's protocol has. `struck` is the share
    of requests that fail in a proof's bad weather: small where one try takes many requests.
    """

    routes: tuple[Route, ...]
    populations: Mapping[str, Population]
    truth: Mapping[str, Truth]
    secrets: frozenset[str] = frozenset()
    secret_params: frozenset[str] = frozenset()
    refuse: Refuse = Reply.error
    forget: Callable[[], None] = _nothing
    overlap: Mapping[str, Overlap] | None = None
    edited: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = REQUEST_FAULTS
    breaks: tuple[Fault, ...] = CONTRACT_BREAKS
    struck: float = 0.25
    listen: Listen | None = None
    begin: Callable[[], None] = _nothing
    end: Callable[[], None] = _nothing

    def find(self, request: Request) -> tuple[Route, Request] | Reply:
        """Return the route and the request with its captures, or the 404 or 405 that says there is none."""
        others: list[str] = []
        for route in self.routes:
            found = route.pattern.fullmatch(request.path)
            if found and route.method == request.method:
                return route, replace(
                    request, captured={name: unquote(text) for name, text in found.groupdict().items()}
                )
            if found:
                others.append(route.method)
        if others:
            return self.refuse(405, "This path takes another method.").with_headers(Allow=", ".join(sorted(others)))
        return self.refuse(404, "There is no such path.")
