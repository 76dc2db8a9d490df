"""Ordered: the order a vendor shows its records in, also the one that nobody promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

__all__ = ["Order", "Ordered"]

Order = Literal["oldest", "newest", "mixed"]
RUN, MIX = (
    0b1111,
    0b1101,
)  # places within runs of 16 are swapped: the same at every request, and across the ends of pages


class Ordered(Sequence[int]):
    """Indices shown "oldest" or "newest" first, or "mixed". Only the first `settled` are mixed: growth must move none."""

    def __init__(self, indices: Sequence[int], order: Order, settled: int) -> None:
        self._indices = indices
        self._settled = settled
        self._order = order

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> list[int]: ...
    def __getitem__(self, at: int | slice) -> int | list[int]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        at = at + len(self) if at < 0 else at
        if not 0 <= at < len(self):
            raise IndexError(at)
        if self._order == "newest":
            return self._indices[len(self) - 1 - at]
        return self._indices[at ^ MIX if self._order == "mixed" and at | RUN < self._settled else at]
