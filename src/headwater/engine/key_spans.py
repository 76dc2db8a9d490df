"""Which keys a table surely does not have, where they are numbers that mostly come in order: those outside the spans they came in."""

from __future__ import annotations

from bisect import bisect_left, insort

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["KeySpans", "Span", "as_numbers", "in_order", "span_of"]

MOST = 64  # spans that are told apart: as many ranges can be read side by side
Span = tuple[int, int]  # the first and the last number of it


class KeySpans:
    """Spans that hold every key of a table, and more the longer it is kept: nearby ones become one."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._spans: list[Span] = []  # in order, none touches the next

    def misses(self, span: Span) -> bool:
        """Tell whether surely no key lies in `span`."""
        place = bisect_left(self._spans, span[0], key=_last)
        return place == len(self._spans) or self._spans[place][0] > span[1]

    def add(self, span: Span) -> None:
        """Take in keys, all of which lie in `span`."""
        first, last = span
        start = bisect_left(self._spans, first - 1, key=_last)
        end = start
        while end < len(self._spans) and self._spans[end][0] <= last + 1:
            end += 1
        touched = self._spans[start:end]
        del self._spans[start:end]
        insort(self._spans, (min([first, *(one[0] for one in touched)]), max([last, *(one[1] for one in touched)])))
        if len(self._spans) > self._most:
            gaps = [after[0] - before[1] for before, after in zip(self._spans, self._spans[1:], strict=False)]
            near = gaps.index(min(gaps))
            self._spans[near : near + 2] = [(self._spans[near][0], self._spans[near + 1][1])]


def _last(span: Span) -> int:
    return span[1]


def as_numbers(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray | None:
    """Return keys as integers of the same order; None if they are of a type that has none."""
    kind = values.type
    if pa.types.is_signed_integer(kind):
        return values
    if pa.types.is_date32(kind):
        return pc.cast(values, pa.int32())
    return pc.cast(values, pa.int64()) if pa.types.is_timestamp(kind) else None


def in_order(numbers: pa.ChunkedArray) -> bool:
    """Tell whether each number is greater than the one before, or each is less. There must be no nulls."""
    found = numbers.to_numpy()
    return bool((found[1:] > found[:-1]).all() or (found[1:] < found[:-1]).all())


def span_of(numbers: pa.Array | pa.ChunkedArray) -> Span | None:
    """Return the span the numbers lie in; None if there are none."""
    bounds = pc.min_max(numbers)
    least, most = bounds["min"].as_py(), bounds["max"].as_py()
    return None if least is None else (least, most)
