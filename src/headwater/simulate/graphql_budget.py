"""Budgets that GraphQL queries cost a share of, and the three ways vendors tell of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    SelectionSetNode,
    value_from_ast_untyped,
)
from graphql.language import InlineFragmentNode, OperationDefinitionNode

from headwater.simulate.message import Reply

__all__ = ["Bucket", "Budget", "Window", "cost_of"]

SIZES = ("first", "last", "limit", "perPage")
Fragments = Mapping[str, FragmentDefinitionNode]


class Budget(Protocol):
    """A vendor's budget of points, by the server's clock."""

    def refused(self, cost: int, now: datetime) -> Reply | None:
        """Spend `cost`, or return the refusal of a query there are not enough points for."""

    def extensions(self, cost: int, now: datetime) -> dict[str, Any]:
        """Return what stands beside the data of an answer."""

    def headers(self, now: datetime) -> dict[str, str]:
        """Return the headers of an answer."""

    def forget(self) -> None:
        """Be whole again."""


@dataclass
class Bucket:
    """Shopify's: `most` points that come back by `rate` a second, told in `extensions.cost`. `exceeded` counts refusals."""

    most: float
    rate: float
    exceeded: int = field(default=0, init=False)
    _level: float = field(default=0.0, init=False)
    _at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be whole again."""
        self._level, self._at, self.exceeded = self.most, None, 0

    def refused(self, cost: int, now: datetime) -> Reply | None:
        """Spend, or answer THROTTLED."""
        level = self._now(now)
        if cost > level:
            self.exceeded += 1
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return Reply.json({"errors": [error], **self.extensions(cost, now)})
        self._level = level - cost
        return None

    def extensions(self, cost: int, now: datetime) -> dict[str, Any]:
        """Return the cost and the status of the bucket."""
        available = math.floor(self._now(now))
        status = {"maximumAvailable": self.most, "currentlyAvailable": available, "restoreRate": self.rate}
        return {"extensions": {"cost": {"requestedQueryCost": cost, "throttleStatus": status}}}

    def headers(self, _now: datetime) -> dict[str, str]:
        """Return none."""
        return {}

    def _now(self, now: datetime) -> float:
        passed = (now - self._at).total_seconds() if self._at is not None else 0.0
        self._level, self._at = min(self.most, self._level + self.rate * passed), now
        return self._level


@dataclass
class Window:
    """So many points in each window of `seconds`, told in the fields `rateLimit` (GitHub) and `complexity` (Monday) and in headers.

    The schema has the fields; their values are `rate_limit` and `complexity`. A refusal has GitHub's type, or with `monday`
    Monday's code and the seconds to wait.
    """

    most: int
    seconds: float
    monday: bool = False
    exceeded: int = field(default=0, init=False)
    _left: int = field(default=0, init=False)
    _cost: int = field(default=0, init=False)
    _ends: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be whole again."""
        self._left, self._ends, self._cost, self.exceeded = self.most, None, 0, 0

    def refused(self, cost: int, now: datetime) -> Reply | None:
        """Spend, or answer that the limit is reached."""
        self._turn(now)
        if cost > self._left:
            self.exceeded += 1
            wait = math.ceil((self._end - now).total_seconds())
            error: dict[str, Any] = {"type": "RATE_LIMITED", "message": "API rate limit exceeded"}
            if self.monday:
                extensions = {"code": "COMPLEXITY_BUDGET_EXHAUSTED", "retry_in_seconds": wait}
                error = {"message": "Complexity budget exhausted", "extensions": extensions}
            return Reply.json({"data": None, "errors": [error]}, headers=self.headers(now))
        self._left -= cost
        self._cost = cost
        return None

    def extensions(self, _cost: int, _now: datetime) -> dict[str, Any]:
        """Return nothing: a query asks for it."""
        return {}

    def headers(self, now: datetime) -> dict[str, str]:
        """Return what is left and when it is whole again, as GitHub's headers say it."""
        self._turn(now)
        return {"X-RateLimit-Remaining": str(self._left), "X-RateLimit-Reset": str(math.ceil(self._end.timestamp()))}

    def rate_limit(self, info: Any) -> dict[str, Any]:
        """Return the field `rateLimit`."""
        self._turn(info.context["asked"].request.at)
        reset = self._end.isoformat().replace("+00:00", "Z")
        return {"cost": self._cost, "remaining": self._left, "resetAt": reset, "limit": self.most}

    def complexity(self, info: Any) -> dict[str, Any]:
        """Return the field `complexity`."""
        now = info.context["asked"].request.at
        self._turn(now)
        wait = math.ceil((self._end - now).total_seconds())
        return {"query": self._cost, "before": self._left + self._cost, "after": self._left, "reset_in_x_seconds": wait}

    @property
    def _end(self) -> datetime:
        if self._ends is None:
            raise AssertionError("asked before the first query")
        return self._ends

    def _turn(self, now: datetime) -> None:
        if self._ends is None or now >= self._ends:
            self._left, self._ends = self.most, now + timedelta(seconds=self.seconds)


def cost_of(document: DocumentNode, variables: Mapping[str, Any]) -> int:
    """Return what a query is reckoned at before it is executed: a point for each object it can give."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    queries = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return sum(_cost(one.selection_set, fragments, variables) for one in queries)


def _cost(chosen: SelectionSetNode | None, fragments: Fragments, variables: Mapping[str, Any]) -> int:
    cost = 0
    for node in chosen.selections if chosen else ():
        if isinstance(node, FragmentSpreadNode):
            cost += _cost(fragments[node.name.value].selection_set, fragments, variables)
        elif isinstance(node, InlineFragmentNode):
            cost += _cost(node.selection_set, fragments, variables)
        elif (
            isinstance(node, FieldNode)
            and node.selection_set
            and node.name.value not in {"pageInfo", "nodes", "edges", "node"}
        ):
            given = {one.name.value: value_from_ast_untyped(one.value, dict(variables)) for one in node.arguments or ()}
            size = next((given[name] for name in SIZES if isinstance(given.get(name), int)), 1)
            cost += size * (1 + _cost(node.selection_set, fragments, variables))
        elif isinstance(node, FieldNode):
            cost += _cost(node.selection_set, fragments, variables)
    return cost
