"""RequestLog: what was asked of a simulated vendor, for laws and tests to inspect. It holds no credential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

__all__ = ["Exchange", "masked"]

MASK = "***"


@dataclass(frozen=True)
class Exchange:
    """One request and its fate. `status` is 0 when no reply was sent. Headers and bodies are never kept.

    `records` is how many records the page held; None for a reply that is no page, or that a fault spoiled.
    """

    number: int
    at: datetime
    method: str
    path: str
    params: Mapping[str, str]
    status: int
    fault: str = ""
    records: int | None = None

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.params.items())
        fault = f"  [{self.fault}]" if self.fault else ""
        return f"{self.number} {self.method} {self.path}{'?' if query else ''}{query} {self.status}{fault}"


def masked(params: Mapping[str, str], secrets: frozenset[str], secret_params: frozenset[str]) -> dict[str, str]:
    """Return `params` without secrets: a parameter that carries a credential is masked even when its value is wrong."""
    return {
        name: MASK if name in secret_params or any(secret in value for secret in secrets) else value
        for name, value in params.items()
    }
