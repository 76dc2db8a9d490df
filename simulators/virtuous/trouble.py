"""Queries that fail: those whose result holds a poisoned record, and large ones for as long as the database is unwell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.simulate import Asked, Poisoned, Reply, Unwell, failed

from .answers import Refuse

__all__ = ["Trouble"]


class Trouble:
    """The options `poison`, `largest_healthy`, `heals_after` and `failing_status` at work."""

    def __init__(self, options: Mapping[str, Any], refuse: Refuse) -> None:
        status, largest = options["failing_status"], options["largest_healthy"]
        self._refuse = refuse
        self._poison = Poisoned(step=options["poison"], status=status)
        self._unwell = Unwell(largest, options["heals_after"] if largest else 0, status)

    def poisoned(self, index: int) -> bool:
        """Tell whether no query that returns record `index` ever succeeds."""
        return self._poison.holds(index)

    def with_page(self, take: int, found: Sequence[int], shown: Sequence[int]) -> Reply | None:
        """Return how a query for `take` of `found` fails, whose page would be `shown`; None when it does not."""
        return failed((self._unwell, self._poison), Asked(take, found, shown), self._refuse)

    def forget(self) -> None:
        """Fall ill again."""
        self._unwell.forget()
