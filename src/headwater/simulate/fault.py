"""FaultPlan: which request goes wrong and how, as frozen data. A plan and its seed replay the same faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Literal

__all__ = ["CONTRACT_BREAKS", "REQUEST_FAULTS", "Fault", "FaultKind", "FaultPlan", "FaultRule"]

FaultKind = Literal[
    # the request fails; asking again would give the true reply
    "status",
    "reset",
    "timeout",
    "cut_body",
    "refuse",
    "restart",
    "error",
    "invalid_json",
    "html",
    "empty_body",
    # the request is refused, in words that quote the request, credentials and all
    "echo",
    # the reply comes but breaks the shape the vendor had
    "repeated_token",
    "endless_pages",
    "missing_records",
    "null_key",
    "duplicate_key",
]
RetryAfter = Literal["absent", "seconds", "date"]


@dataclass(frozen=True)
class Fault:
    """One way to go wrong. `status` and `retry_after` belong to kind "status"; `seconds` is what Retry-After asks for.

    "refuse" (the connection ends, the next ones are refused), "restart" (all of them end) and "error" (the server's own error
    `code`) are a database server's; over HTTP they are resets.
    """

    kind: FaultKind
    status: int = 0
    retry_after: RetryAfter = "absent"
    seconds: int = 2
    code: str = ""

    def __str__(self) -> str:
        if self.kind == "error":
            return f"error {self.code}"
        if self.kind != "status":
            return self.kind.replace("_", " ")
        asked = {
            "absent": "",
            "seconds": f" Retry-After {self.seconds} s",
            "date": f" Retry-After a date in {self.seconds} s",
        }
        return f"{self.status}{asked[self.retry_after]}"


REQUEST_FAULTS: tuple[Fault, ...] = (
    Fault("status", 429),
    Fault("status", 429, "seconds"),
    Fault("status", 429, "date"),
    Fault("status", 500),
    Fault("status", 502),
    Fault("status", 503),
    Fault("status", 503, "seconds"),
    Fault("status", 504),
    Fault("reset"),
    Fault("timeout"),
    Fault("cut_body"),
    Fault("invalid_json"),
    Fault("html"),
    Fault("empty_body"),
)
"""Every failure that asking again mends."""

CONTRACT_BREAKS: tuple[Fault, ...] = (
    Fault("repeated_token"),
    Fault("endless_pages"),
    Fault("missing_records"),
    Fault("null_key"),
    Fault("duplicate_key"),
)
"""Every reply that must stop a connector, because asking again gives the same."""


@dataclass(frozen=True)
class FaultRule:
    """When faults strike. Only requests whose path matches the glob `path` count.

    `nth` (from 1) strikes that one request; without it each matching request from the `since`-th on is struck with
    probability `rate`. Of several `faults` one is drawn.
    """

    faults: tuple[Fault, ...]
    nth: int | None = None
    path: str = "*"
    rate: float = 1.0
    since: int = 1

    def __str__(self) -> str:
        where = "" if self.path == "*" else f" to {self.path}"
        share = "every request" if self.rate >= 1 else f"{self.rate:.0%} of requests"
        share += f" from the {self.since}. on" if self.since > 1 else ""
        when = f"{share}{where}" if self.nth is None else f"request {self.nth}{where}"
        return f"{when}: {' or '.join(map(str, self.faults))}"

    def matches(self, path: str) -> bool:
        """Tell whether requests to `path` count for this rule."""
        return fnmatchcase(path, self.path)


@dataclass(frozen=True)
class FaultPlan:
    """Rules in order, the first that strikes wins. Draws depend on the seed, the rule and the request's number alone."""

    rules: tuple[FaultRule, ...] = ()
    seed: int = 0

    @classmethod
    def once(cls, fault: Fault, nth: int, *, path: str = "*") -> FaultPlan:
        """Return the plan that strikes the `nth` request (from 1) to `path` and no other."""
        return cls((FaultRule((fault,), nth=nth, path=path),))

    @classmethod
    def every(cls, fault: Fault, *, path: str = "*") -> FaultPlan:
        """Return the plan that strikes every request to `path`."""
        return cls((FaultRule((fault,), path=path),))

    @classmethod
    def lasting(cls, fault: Fault, since: int, *, path: str = "*") -> FaultPlan:
        """Return the plan that strikes the `since`-th request (from 1) to `path` and every later one."""
        return cls((FaultRule((fault,), path=path, since=since),))

    @classmethod
    def drawn(cls, seed: int, rate: float, *, faults: Sequence[Fault] = REQUEST_FAULTS, path: str = "*") -> FaultPlan:
        """Return the plan that strikes a share `rate` of the requests to `path`, each with a fault drawn from `faults`."""
        return cls((FaultRule(tuple(faults), path=path, rate=rate),), seed)

    def __str__(self) -> str:
        if not self.rules:
            return "no faults"
        seed = f" (seed {self.seed})" if any(rule.nth is None and rule.rate < 1 for rule in self.rules) else ""
        return "; ".join(map(str, self.rules)) + seed

    def strike(self, path: str, counts: Sequence[int]) -> Fault | None:
        """Return the fault of this request. `counts[i]` is how many requests rule i has matched, this one included."""
        for index, (rule, number) in enumerate(zip(self.rules, counts, strict=True)):
            if rule.matches(path) and self._struck(index, rule, number):
                return rule.faults[int(self._draw(index, number, "which") * len(rule.faults))]
        return None

    def _struck(self, index: int, rule: FaultRule, number: int) -> bool:
        if rule.nth is not None:
            return number == rule.nth
        return number >= rule.since and self._draw(index, number, "whether") < rule.rate

    def _draw(self, index: int, number: int, purpose: str) -> float:
        """Return a number in [0, 1) that is a pure function of its arguments and the seed."""
        digest = blake2b(f"{self.seed}:{index}:{number}:{purpose}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
