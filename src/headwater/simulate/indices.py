"""Indices: what a list of record numbers is, for one that is worked out instead of stored."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import overload

__all__ = ["Indices"]


class Indices(Sequence[int]):
    """Whole numbers by place; `number` is asked for places from 0 to one before the end only."""

    @abstractmethod
    def number(self, at: int) -> int:
        """Return the number at place `at`."""

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> list[int]: ...
    def __getitem__(self, at: int | slice) -> int | list[int]:
        if isinstance(at, slice):
            return [self.number(one) for one in range(*at.indices(len(self)))]
        at = at + len(self) if at < 0 else at
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self.number(at)
