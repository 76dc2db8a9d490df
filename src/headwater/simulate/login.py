"""Login: a session begun with a user name and a password, which ends after a while or a number of requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headwater.simulate.message import Reply, Request
from headwater.simulate.place import asked, put
from headwater.simulate.simulation import Route

__all__ = ["Login"]


@dataclass
class Login:
    """`POST path` with user and password as JSON gives a session at `shown_at` in the body and as a cookie of the same name.

    Requests show it in the header `header`, or in the cookie. It ends after `lifetime` seconds or `uses` requests: 401, until
    someone logs in again.
    """

    user: str
    password: str = field(repr=False)
    path: str = "/login"
    shown_at: str = "session_token"
    header: str = "X-Session-Token"
    lifetime: float = 1800.0
    uses: int | None = None

    def __post_init__(self) -> None:
        self._until: dict[str, datetime] = {}
        self._used: dict[str, int] = {}
        self.logins = 0

    def route(self) -> Route:
        """Return the login endpoint."""
        return Route("POST", self.path, self._login)

    def allows(self, request: Request) -> bool:
        """Tell whether the request shows a session that has not ended."""
        session = request.headers.get(self.header.lower()) or self._cookie(request)
        if request.at >= self._until.get(session, request.at) or self._used[session] == self.uses:
            return False
        self._used[session] += 1
        return True

    def _login(self, request: Request) -> Reply:
        form = asked(request, "json")
        if (form.get("user"), form.get("password")) != (self.user, self.password):
            return Reply.error(401, "User name or password is wrong.")
        self.logins += 1
        session = f"session-{self.logins:04d}"
        self._until[session] = request.at + timedelta(seconds=self.lifetime)
        self._used[session] = 0
        body: dict[str, object] = {}
        put(body, self.shown_at, session)
        return Reply.json(body, headers={"Set-Cookie": f"{self._name}={session}; Path=/"})

    @property
    def _name(self) -> str:
        return self.shown_at.rpartition(".")[2]

    def _cookie(self, request: Request) -> str:
        pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
        return next((value for name, _, value in pairs if name == self._name), "")
