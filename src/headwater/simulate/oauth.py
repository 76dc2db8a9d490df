"""OAuth: a token endpoint, and the access tokens it gave — which expire, and whose refresh tokens may be good once only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from headwater.simulate.access import basic_of, bearer_of
from headwater.simulate.jwt import Jwt
from headwater.simulate.message import Reply, Request
from headwater.simulate.place import asked
from headwater.simulate.simulation import Route

__all__ = ["OAuth"]

ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass
class _Given:
    until: datetime
    uses: int = 0


@dataclass
class OAuth:
    """A client and its tokens. An access token lives `lifetime` seconds by the server's clock, and `uses` requests if given.

    With a `refresh_token` the grant `refresh_token` is taken, with `single_use` each one once: the reply brings the next, and
    one used twice is refused, as is every token since (`strict`). Without one the grant is `client_credentials`; with an
    `assertion` also a signed JWT. `client_in` says where the client names itself.
    """

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    lifetime: float = 3600.0
    uses: int | None = None
    single_use: bool = False
    strict: bool = False
    assertion: Jwt | None = None
    client_in: Literal["body", "basic"] = "body"
    path: str = "/oauth/token"

    def __post_init__(self) -> None:
        self._given: dict[str, _Given] = {}
        self._refresh = self.refresh_token
        self._spent: set[str] = set()
        self.grants = 0

    @property
    def secrets(self) -> frozenset[str]:
        """Every value so far that nobody may see."""
        return frozenset({self.client_secret, self._refresh, *self._spent, *self._given} - {""})

    def route(self) -> Route:
        """Return the token endpoint."""
        return Route("POST", self.path, self.grant)

    def allows(self, request: Request) -> bool:
        """Tell whether the request bears an access token that is good now."""
        given = self._given.get(bearer_of(request) or "")
        if given is None or request.at >= given.until or given.uses == self.uses:
            return False
        given.uses += 1
        return True

    def revoke(self) -> None:
        """Make every access token void, whatever its time."""
        self._given.clear()

    def grant(self, request: Request) -> Reply:
        """Answer the token endpoint as RFC 6749 has it."""
        form = asked(request, "form")
        takes = GRANTS.get(form.get("grant_type", ""))
        if takes is None:
            return _refused("unsupported_grant_type")
        return takes(self, request, form)

    def _by_client(self, request: Request, form: Mapping[str, str]) -> Reply:
        if self.refresh_token:
            return _refused("unauthorized_client")
        return self._give(request.at) if self._is_client(request, form) else _refused("invalid_client", 401)

    def _by_refresh(self, request: Request, form: Mapping[str, str]) -> Reply:
        if not self._is_client(request, form):
            return _refused("invalid_client", 401)
        token = form.get("refresh_token", "")
        if token in self._spent and self.strict:
            self.revoke()
            self._refresh = ""
        if not token or token != self._refresh:
            return _refused("invalid_grant")
        if self.single_use:
            self._spent.add(token)
            self._refresh = f"{self.refresh_token}-{len(self._spent) + 1}"
        return self._give(request.at, self._refresh)

    def _by_assertion(self, request: Request, form: Mapping[str, str]) -> Reply:
        if self.assertion is None or not self.assertion.verifies(form.get("assertion", ""), request.at):
            return _refused("invalid_grant")
        return self._give(request.at)

    def _is_client(self, request: Request, form: Mapping[str, str]) -> bool:
        shown = (form.get("client_id"), form.get("client_secret")) if self.client_in == "body" else basic_of(request)
        return shown == (self.client_id, self.client_secret)

    def _give(self, now: datetime, refresh: str = "") -> Reply:
        self.grants += 1
        token = f"access-{self.client_id}-{self.grants}"
        self._given[token] = _Given(now + timedelta(seconds=self.lifetime))
        body: dict[str, object] = {"access_token": token, "token_type": "Bearer", "expires_in": int(self.lifetime)}
        return Reply.json({**body, "refresh_token": refresh} if refresh else body)


GRANTS: Mapping[str, Callable[[OAuth, Request, Mapping[str, str]], Reply]] = {
    "client_credentials": OAuth._by_client,  # noqa: SLF001  (the table of the class's own ways)
    "refresh_token": OAuth._by_refresh,  # noqa: SLF001
    ASSERTION: OAuth._by_assertion,  # noqa: SLF001
}


def _refused(error: str, status: int = 400) -> Reply:
    return Reply.json({"error": error}, status=status)
