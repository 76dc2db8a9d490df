"""How a request is authorised, and how a credential that ends is obtained. The client applies auth on the configured host only."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, runtime_checkable
from urllib.parse import unquote_plus, urlencode

from headwater_runtime import json_text
from headwater_runtime.call import Call, Header, Place, Query
from headwater_runtime.errors import ContractError, require
from headwater_runtime.records import value_at
from headwater_runtime.retry import seconds_until
from headwater_runtime.seal import coded, opened, sealed
from headwater_runtime.transport import Request, Response

__all__ = ["ApiKey", "Auth", "Basic", "Bearer", "Grant", "Granting", "Jwt", "Login", "OAuth2"]

Send = Callable[[Request], Response]
DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


class Applied(Protocol):
    """Turns a bare request into an authorised one."""

    def apply(self, request: Request, granted: str = "") -> Request:
        """Return `request` with the credential on it; `granted` is the one obtained, for those that must sign in."""


Auth = Applied | Callable[[Request], Request]


class Grant(NamedTuple):
    """What signing in gave: the credential, when it ends (None: unknown), and what the next run needs to sign in again.

    `secrets` are other values that came with it and nobody may see.
    """

    value: str
    expires: datetime | None = None
    keep: str = ""
    secrets: tuple[str, ...] = ()


@runtime_checkable
class Granting(Applied, Protocol):
    """An auth that must sign in first."""

    def obtain(self, send: Send, now: datetime, kept: str) -> Grant:
        """Return a new grant. `kept` is the `keep` of the last one, "" if there is none; it is part of the state."""


@dataclass(frozen=True)
class ApiKey:
    """A key in the header `name`, or in another place: `Query("api_key")`."""

    name: str | Place
    value: str = field(repr=False)

    def __post_init__(self) -> None:
        _given("ApiKey(…)", name=self.name, value=self.value)

    def apply(self, request: Request, granted: str = "") -> Request:  # noqa: ARG002
        """Return `request` with the key; a link that has it already does not get it twice."""
        place = _place(self.name)
        address, mark, query = request.url.partition("?")
        if isinstance(place, Query) and mark:
            kept = [pair for pair in query.split("&") if unquote_plus(pair.partition("=")[0]) != place.name]
            request = replace(request, url=address + "?" * bool(kept) + "&".join(kept))
        return place.put(request, self.value)


class _Bearing:
    token = ""

    def apply(self, request: Request, granted: str = "") -> Request:
        """Return `request` with the token."""
        return Header("Authorization").put(request, f"Bearer {granted or self.token}")


@dataclass(frozen=True)
class Bearer(_Bearing):
    """`Authorization: Bearer …`."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        _given("Bearer(…)", token=self.token)


@dataclass(frozen=True)
class Basic:
    """`Authorization: Basic …` of a user and a password, as UTF-8."""

    user: str
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        _given("Basic(…)", user=self.user)
        require(":" not in self.user, "the user of basic auth holds a colon", "Basic(…)", "put it into the password")

    def apply(self, request: Request, granted: str = "") -> Request:  # noqa: ARG002
        """Return `request` with both."""
        return Header("Authorization").put(request, _basic(self.user, self.password))


@dataclass(frozen=True)
class OAuth2(_Bearing):
    """Access tokens of `token_url`: by `refresh_token` if one is given, else as the client itself.

    `fields` go into the token form too, their values as they are or as functions of the moment: `grant_type` and `assertion`
    for a signed JWT. `client` says where the client names itself. `rotates`: each refresh token is good once, and the answer
    brings the next. That one is kept in the state, sealed under `client_secret` and `refresh_token`; should a sync be killed
    between the answer and its checkpoint, consent has to be given anew. A sealed token that does not open, because another
    refresh token was configured since, is passed over.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False, kw_only=True)
    scope: str = field(default="", kw_only=True)
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False, kw_only=True, hash=False)
    client: str = field(default="form", kw_only=True)
    rotates: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        own = {} if "grant_type" in self.fields else {"client_id": self.client_id, "client_secret": self.client_secret}
        _given("OAuth2(…)", token_url=self.token_url, **own)
        where, rotating = "OAuth2(…)", self.refresh_token or not self.rotates
        require(self.client in {"form", "basic"}, "`client` says where the client names itself", where, "form or basic")
        require(rotating, "there is no refresh token that rotates", where, "give refresh_token=")

    def obtain(self, send: Send, now: datetime, kept: str) -> Grant:
        """Ask for an access token. Raises ConfigError if the source does not give one to this client any more."""
        configured = self.refresh_token or ""
        secrets = (self.client_secret, configured)
        refresh = (self.rotates and opened(kept, secrets)) or configured
        form: dict[str, str] = {"grant_type": "refresh_token" if refresh else "client_credentials"}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.client == "basic":
            headers["Authorization"] = _basic(self.client_id, self.client_secret)
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        form |= {"refresh_token": refresh, "scope": self.scope}
        form |= {name: str(value(now) if callable(value) else value) for name, value in self.fields.items()}
        body = urlencode({name: value for name, value in form.items() if value}).encode()
        request = Request("POST", self.token_url, headers=headers, body=body)
        answer = _body(send(request))
        token = _text_at(answer, "access_token", request)
        following = str(value_at(answer, "refresh_token") or refresh)
        keep = sealed(following, secrets) if self.rotates and following != configured else ""
        return Grant(token, _end(value_at(answer, "expires_in"), now), keep, (following,))


@dataclass(frozen=True)
class Login:
    """A session: `call` gives a token at the path `token` of its body (`Header(…)`: in that header), shown at `place`.

    It ends `lifetime` seconds later, or when the path `expires` says (seconds, a moment), or when the source answers 401.
    """

    call: Call = field(repr=False)
    token: str | Header = field(kw_only=True)
    place: str | Place = field(default="Authorization", kw_only=True)
    prefix: str = field(default="", kw_only=True)
    lifetime: float | None = field(default=None, kw_only=True)
    expires: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        _given("Login(…)", token=self.token, place=self.place)

    def apply(self, request: Request, granted: str = "") -> Request:
        """Return `request` with the session."""
        return _place(self.place).put(request, self.prefix + granted)

    def obtain(self, send: Send, now: datetime, kept: str) -> Grant:  # noqa: ARG002
        """Log in."""
        request = self.call.at("")
        response = send(request)
        answer = _body(response)
        if isinstance(self.token, Header):
            token = _text_at(response.headers, self.token.name.lower(), request)
        else:
            token = _text_at(answer, self.token, request)
        end = value_at(answer, self.expires) if self.expires else self.lifetime
        return Grant(token, _end(end, now))


@dataclass(frozen=True)
class Jwt(_Bearing):
    """A signed token as `Authorization: Bearer …`, made anew every `lifetime` seconds.

    `claims` is a function of the moment; `iat` and `exp` are added to what it gives. HS256, HS384 and HS512 are signed here,
    anything else by `sign`: a function from the bytes to sign to the signature.
    """

    key: str = field(repr=False)
    claims: Callable[[datetime], Mapping[str, Any]] = field(repr=False)
    algorithm: str = field(default="HS256", kw_only=True)
    sign: Callable[[bytes], bytes] | None = field(default=None, repr=False, kw_only=True)
    lifetime: float = field(default=300.0, kw_only=True)
    header: Mapping[str, Any] = field(default_factory=dict, kw_only=True, hash=False)

    def __post_init__(self) -> None:
        if self.sign is None:
            _given("Jwt(…)", key=self.key)
            hint = "give sign=, a function that signs with a library the connector requires"
            known = self.algorithm in DIGESTS
            require(known, f"{self.algorithm} is not one of {', '.join(DIGESTS)}", "Jwt(…)", hint)

    def obtain(self, send: Send, now: datetime, kept: str) -> Grant:  # noqa: ARG002
        """Sign a token."""
        return Grant(self.at(now), now + timedelta(seconds=self.lifetime))

    def at(self, now: datetime) -> str:
        """Return the token of this moment: also an assertion among the `fields` of OAuth2."""
        issued = int(now.timestamp())
        head = {"alg": self.algorithm, "typ": "JWT", **self.header}
        claims = {"iat": issued, "exp": issued + int(self.lifetime), **self.claims(now)}
        signed = ".".join(coded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
        sign = self.sign or (lambda text: hmac.digest(self.key.encode(), text, DIGESTS[self.algorithm]))
        return f"{signed}.{coded(sign(signed.encode()))}"


def _given(where: str, **values: Any) -> None:
    for name, value in values.items():
        empty = "" in (value, getattr(value, "name", None), getattr(value, "path", None))
        require(not empty, f"`{name}` is empty", where, "give it, or require the setting it is from")


def _place(name: str | Place) -> Place:
    return Header(name) if isinstance(name, str) else name


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _body(response: Response) -> Any:
    return json_text.loads(response.body) if response.body else None


def _text_at(answer: Any, path: str, request: Request) -> str:
    value = value_at(answer, path)
    if value is None or value == "" or isinstance(value, (dict, list)):
        hint = "compare the auth in api.py with the vendor's documentation"
        raise ContractError(f"signing in gave no '{path}'", where=request.where, hint=hint)
    return str(value)


def _end(value: Any, now: datetime) -> datetime | None:
    """Return the moment a grant ends: `value` is a number of seconds or a moment, None where it says neither.

    None also for an end that is past: some say 0 for never, and clocks differ. It is good until the source refuses it.
    """
    seconds = seconds_until(str(value), now) if isinstance(value, (str, int, float)) else None
    return now + timedelta(seconds=min(seconds, 1e9)) if seconds else None
