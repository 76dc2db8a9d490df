"""A vendor that checks who asks, served over real HTTP: a token endpoint, a login, and things behind them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from headwater.simulate import Reply, Request, Route, Simulation
from headwater_runtime.clock import Clock


class TokenDesk:
    """OAuth 2. Access tokens live `lifetime` seconds; with `rotating` each refresh token is good once, and spent ones void all."""

    def __init__(self, clock: Clock, *, lifetime: float = 3600, refresh: str = "", rotating: bool = False) -> None:
        self.clock, self.lifetime, self.refresh, self.rotating = clock, lifetime, refresh, rotating
        self.grants = 0
        self.given: dict[str, datetime] = {}
        self.spent: set[str] = set()
        self.asked: list[dict[str, str]] = []

    def token(self, request: Request) -> Reply:
        form = dict(parse_qsl(request.body.decode()))
        self.asked.append({**form, "authorization": request.headers.get("authorization", "")})
        if form["grant_type"] == "refresh_token":
            if form.get("refresh_token") in self.spent:
                self.given.clear()
                self.refresh = "void"
            if form.get("refresh_token") != self.refresh:
                words = f"the refresh token {form.get('refresh_token')} is no good"
                return Reply.json({"error": "invalid_grant", "error_description": words}, status=400)
        self.grants += 1
        access = f"access-token-{self.grants:04d}"
        self.given[access] = self.clock.now() + timedelta(seconds=self.lifetime)
        answer = {"access_token": access, "expires_in": int(self.lifetime)}
        if self.rotating and self.refresh:
            self.spent.add(self.refresh)
            self.refresh = answer["refresh_token"] = f"refresh-token-{self.grants:04d}"
        return Reply.json(answer)

    def allows(self, request: Request) -> bool:
        until = self.given.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        return until is not None and self.clock.now() < until


def guarded(allows: Callable[[Request], bool], *others: Route) -> Simulation:
    """Return a vendor with `/things` (and `/loop`, which redirects to it) for those it allows."""

    def things(request: Request) -> Reply:
        if not allows(request):
            return Reply.error(401, f"{request.headers.get('authorization')} is not known")
        return Reply.json({"ok": True, "params": dict(request.params)})

    moved = Reply(307, headers={"Location": "/things"})
    routes = (Route("GET", "/things", things), Route("POST", "/things", things), Route("GET", "/old", lambda _: moved))
    return Simulation((*routes, *others), {}, {})
