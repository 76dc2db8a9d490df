"""Remembered: what was made of a record is kept while nothing changes: a vendor is asked the same again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

__all__ = ["Remembered"]

Made = TypeVar("Made")
MOST = 4096


class Remembered(Generic[Made]):
    """`make(index)`, kept for the `most` indices last asked for until `revision()` is another."""

    def __init__(self, make: Callable[[int], Made], revision: Callable[[], object], *, most: int = MOST) -> None:
        self._make = make
        self._revision = revision
        self._most = most
        self._kept: OrderedDict[int, Made] = OrderedDict()
        self._as_of: object = None

    def __call__(self, index: int) -> Made:
        """Return what is made of `index` as things are now."""
        return self.many((index,))[0]

    def many(self, indices: Iterable[int]) -> list[Made]:
        """Return what is made of each of `indices`."""
        revision = self._revision()
        if revision != self._as_of:
            self._kept.clear()
            self._as_of = revision
        return [self._one(index) for index in indices]

    def _one(self, index: int) -> Made:
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        made = self._kept[index] = self._make(index)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return made
