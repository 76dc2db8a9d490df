"""Ordered: the order a vendor shows its records in, also the one that nobody promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from headwater.simulate.indices import Indices

__all__ = ["Order", "Ordered"]

Order = Literal["oldest", "newest", "mixed"]
RUN, MIX = (
    0b1111,
    0b1101,
)  # places within runs of 16 are swapped: the same at every request, and across the ends of pages


class Ordered(Indices):
    """Indices shown "oldest" or "newest" first, or "mixed". Only the first `settled` are mixed: growth must move none."""

    def __init__(self, indices: Sequence[int], order: Order, settled: int) -> None:
        self._indices = indices
        self._settled = settled
        self._order = order

    def __len__(self) -> int:
        return len(self._indices)

    def number(self, at: int) -> int:
        """Return the index shown at place `at`."""
        if self._order == "newest":
            return self._indices[len(self) - 1 - at]
        return self._indices[at ^ MIX if self._order == "mixed" and at | RUN < self._settled else at]
