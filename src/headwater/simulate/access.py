"""Who may ask: credentials a vendor checks before a route answers."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from headwater.simulate.message import Handler, Reply, Request
from headwater.simulate.place import Place, parameter

__all__ = ["Access", "Basic", "Bearer", "Key", "guarded"]


class Access(Protocol):
    """One way of telling who asks."""

    def allows(self, request: Request) -> bool:
        """Tell whether the credential of `request` is good now."""


@dataclass(frozen=True)
class Key:
    """A key under `name` in a header, the query, a JSON body or a form; `before` is what precedes it ("Token token=")."""

    name: str
    value: str = field(repr=False)
    place: Place = "header"
    before: str = ""

    def allows(self, request: Request) -> bool:
        """Tell whether the key is there and right."""
        return parameter(request, self.place, self.name) == self.before + self.value


@dataclass(frozen=True)
class Bearer:
    """`Authorization: Bearer …`."""

    token: str = field(repr=False)

    def allows(self, request: Request) -> bool:
        """Tell whether the token is right."""
        return bearer_of(request) == self.token


@dataclass(frozen=True)
class Basic:
    """`Authorization: Basic …` with a user name and a password."""

    user: str
    password: str = field(repr=False)

    def allows(self, request: Request) -> bool:
        """Tell whether both are right."""
        return basic_of(request) == (self.user, self.password)


def guarded(handler: Handler, access: Access, *, refuse: Callable[[int, str], Reply] = Reply.error) -> Handler:
    """Return `handler` behind a check: what `access` does not allow is 401, in the words of `refuse`."""

    def checked(request: Request) -> Reply:
        if access.allows(request):
            return handler(request)
        return refuse(401, "The credential is missing, wrong or no longer valid.").with_headers(
            WWW_Authenticate="Bearer"
        )

    return checked


def bearer_of(request: Request) -> str | None:
    """Return the bearer token of a request, None when it has none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" and token else None


def basic_of(request: Request) -> tuple[str, str] | None:
    """Return user name and password of a request, None when it has none."""
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if scheme != "Basic":
        return None
    try:
        user, colon, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None
