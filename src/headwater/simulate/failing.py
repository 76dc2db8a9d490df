"""Queries that fail by what they ask for: records no query survives, selections too large, pages too large for now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from headwater.simulate.message import Reply

__all__ = ["Asked", "Failing", "Heavy", "Poisoned", "Unwell", "failed"]

Refuse = Callable[[int, str], Reply]


class Asked(NamedTuple):
    """What a query asks for: the size of its page, everything it selects, and what of that its page would show."""

    size: int
    found: Sequence[int]
    shown: Sequence[int]


class Failing(Protocol):
    """One way to fail."""

    @property
    def status(self) -> int:
        """What the client gets: a status, or 0 for no reply until it gives up."""

    def strikes(self, asked: Asked) -> bool:
        """Tell whether this query fails, and remember that it did."""


@dataclass(frozen=True)
class Poisoned:
    """Every page that holds one of `indices`, or one of every `step`-th record, fails: only a page without it succeeds."""

    indices: Collection[int] = ()
    step: int = 0
    status: int = 500

    def holds(self, index: int) -> bool:
        """Tell whether record `index` is poisoned."""
        return index in self.indices or (self.step > 0 and index % self.step == self.step - 1)

    def strikes(self, asked: Asked) -> bool:
        """Tell whether the page holds a poisoned record."""
        return any(map(self.holds, asked.shown))


@dataclass(frozen=True)
class Heavy:
    """A query that selects more than `most` records fails, whatever its page: it must ask for less, by halves of a window."""

    most: int
    status: int = 0

    def strikes(self, asked: Asked) -> bool:
        """Tell whether too much is selected."""
        return len(asked.found) > self.most


@dataclass
class Unwell:
    """Pages of more than `largest` records fail until `times` have failed: then the database has healed."""

    largest: int
    times: int
    status: int = 500
    failures: int = 0

    def strikes(self, asked: Asked) -> bool:
        """Tell whether the page is too large for now."""
        struck = asked.size > self.largest and self.failures < self.times
        self.failures += struck
        return struck

    def forget(self) -> None:
        """Fall ill again."""
        self.failures = 0


def failed(ways: Sequence[Failing], asked: Asked, refuse: Refuse = Reply.error) -> Reply | None:
    """Return how the first of `ways` that strikes makes a query fail; None when none does."""
    for way in ways:
        if way.strikes(asked):
            return refuse(way.status, "The query failed.") if way.status else Reply(held=True)
    return None
