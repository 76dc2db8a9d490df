"""How a request is authorised. The client applies auth to requests for the configured host only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from headwater_runtime.transport import Request

__all__ = ["ApiKey", "Auth"]


class Auth(Protocol):
    """Turns a bare request into an authorised one."""

    def apply(self, request: Request) -> Request:
        """Return `request` with the credential on it."""


@dataclass(frozen=True)
class ApiKey:
    """A key sent as header `name`."""

    name: str
    value: str = field(repr=False)

    def apply(self, request: Request) -> Request:
        """Return `request` with the key header added."""
        return replace(request, headers={**request.headers, self.name: self.value})
