"""Which keys a table surely does not have, told from hashes in memory: most rows of a load are new, and need no look at it."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headwater.engine.catalog import quoted, sql_name
from headwater.engine.key_spans import KeySpans, Span, as_numbers, span_of
from headwater.engine.shape import TableName
from headwater.engine.sqltypes import SqlType

__all__ = ["Hashes", "KeyFilter", "KeyFilters", "hash_of"]

Hashes = npt.NDArray[np.uint64]
Key = tuple[tuple[str, SqlType], ...]

FEW_ROWS = 50_000  # so many can be looked through for every statement
PATIENCE = 16  # so often a bigger one is looked through before it gets a filter, which costs as much as twenty looks
LEAST_KEYS = 1 << 18
MOST_KEYS = 1 << 27  # so that a position is less than 2^32
BITS_A_KEY, PROBES = 32, 12  # of a million keys that are new, about one is said to be seen
BLOCK = 1 << 14  # hashes at a time: what is worked out on the way stays in the cache
HALF = np.uint64(32)


class KeyFilter:
    """A Bloom filter that grows: it never denies a key that was added, and hardly ever claims one that was not."""

    def __init__(self, expected: int = LEAST_KEYS) -> None:
        self._layers = [_Layer(max(expected, LEAST_KEYS))]

    def add(self, hashes: Hashes) -> None:
        """Take keys in, by their hashes."""
        for start in range(0, len(hashes), BLOCK):
            block = hashes[start : start + BLOCK]
            if self._layers[-1].room < len(block):
                self._layers.append(_Layer(max(LEAST_KEYS, sum(layer.keys for layer in self._layers) // 4)))
            self._layers[-1].add(block)

    def seen(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Tell of each key whether it may have been added; where this says no, it surely was not."""
        found = np.zeros(len(hashes), np.bool_)
        for layer in self._layers:
            found[layer.find(hashes)] = True
        return found


class _Layer:
    """A Bloom filter for up to `keys` keys."""

    def __init__(self, keys: int) -> None:
        self.keys = min(keys, MOST_KEYS)
        self.room = self.keys
        self._size = np.uint64(self.keys * BITS_A_KEY)
        self._bits = np.zeros(self.keys * BITS_A_KEY // 8, np.uint8)

    def add(self, hashes: Hashes) -> None:
        self.room -= len(hashes)
        step = _step(hashes)
        places = np.concatenate([self._places(hashes + np.uint64(probe) * step) for probe in range(PROBES)])
        byte, bit = places >> np.uint64(3), (places & np.uint64(7)).astype(np.uint8)
        for number in range(8):  # each by itself: of several bits of one byte at once only the last would be set
            self._bits[byte[bit == number]] |= np.uint8(1 << number)

    def find(self, hashes: Hashes) -> npt.NDArray[np.intp]:
        """Return the indexes of the hashes all of whose bits are set."""
        left = np.arange(len(hashes))
        step = _step(hashes)
        for _ in range(PROBES):
            places = self._places(hashes)
            set_here = (self._bits[places >> np.uint64(3)] >> (places & np.uint64(7)).astype(np.uint8)) & 1 == 1
            left, hashes, step = left[set_here], hashes[set_here], step[set_here]
            if not len(left):
                break
            hashes = hashes + step
        return left

    def _places(self, hashes: Hashes) -> Hashes:
        places: Hashes = ((hashes >> HALF) * self._size) >> HALF
        return places


def _step(hashes: Hashes) -> Hashes:
    """Return how far apart the places of a key are: its halves exchanged, and odd, so that no two places are one."""
    step: Hashes = ((hashes >> HALF) | (hashes << HALF)) | np.uint64(1)
    return step


@dataclass
class _Known:
    """`spans` None: not known."""

    key: Key
    looks: int = 0
    filter: KeyFilter | None = None
    spans: KeySpans | None = None


class KeyFilters:
    """What is known of the keys of a connection's tables. What writes keys past it has to forget the table's.

    Keys that come in order need nothing but the `spans` they come in. Else a table of more than `few_rows` is looked through
    `patience` times, then gets a filter.
    """

    def __init__(self, few_rows: int = FEW_ROWS, patience: int = PATIENCE, *, spans: bool = True) -> None:
        self._few_rows, self._patience, self._spans = few_rows, patience, spans
        self._known: dict[TableName, _Known] = {}

    def forget(self, name: TableName | None = None) -> None:
        """Know nothing of the table (None: of any) any more. That is always safe."""
        if name is None:
            self._known.clear()
        else:
            self._known.pop(name, None)

    def are_new(self, connection: Any, name: TableName, key: Key, span: Span | None, *, empty: bool) -> bool:
        """Tell whether the table surely has no key in `span`, where all keys that are about to be written lie (None: not known).

        They are taken for being there from now on.
        """
        known = self._of(name, key, empty=empty)
        if span is None or not self._spans or known.filter is not None:
            known.spans = None
            return False
        if known.spans is None:
            known.spans = KeySpans() if empty else _spans_in(connection, name, key)
        new = known.spans.misses(span)
        known.spans.add(span)
        return new

    def of(self, connection: Any, name: TableName, key: Key, *, empty: bool) -> KeyFilter | None:
        """Return the filter with the keys of all rows of the table; None if it is better looked through.

        A table that is empty gets one at once: to keep it up to date takes less than to look.
        """
        known = self._of(name, key, empty=empty)
        if known.filter is None and empty:
            known.filter = KeyFilter()
        if known.filter is None:
            rows = connection.execute(f"SELECT count(*) FROM {sql_name(name)}").fetchone()[0]
            known.looks += rows > self._few_rows
            if not rows:
                known.filter = KeyFilter()
            elif known.looks > self._patience:
                known.filter = _filled(connection, name, key, rows)
        return known.filter

    def _of(self, name: TableName, key: Key, *, empty: bool) -> _Known:
        known = self._known.get(name)
        if empty or known is None or known.key != key:
            known = self._known[name] = _Known(key)
        return known


def _spans_in(connection: Any, name: TableName, key: Key) -> KeySpans:
    """Return the one span of the keys that are there."""
    spans, ((column, _),) = KeySpans(), key
    found = connection.execute(f"SELECT unnest([min({quoted(column)}), max({quoted(column)})]) FROM {sql_name(name)}")
    for batch in _batches(found):
        numbers = as_numbers(batch.column(0))
        there = None if numbers is None else span_of(numbers)
        if there is not None:
            spans.add(there)
    return spans


def hash_of(key: Key) -> str:
    """Return the SQL expression for the hash of a key, which is one for equal keys: it is taken in the column's type."""
    return f"hash({', '.join(f'CAST({quoted(column)} AS {kind})' for column, kind in key)})"


def _filled(connection: Any, name: TableName, key: Key, rows: int) -> KeyFilter:
    made = KeyFilter(rows + rows // 4)
    answer = connection.execute(f"SELECT {hash_of(key)} AS hash FROM {sql_name(name)}")
    for batch in _batches(answer):
        made.add(batch.column(0).to_numpy())
    return made


def _batches(answer: Any) -> Iterable[pa.RecordBatch]:
    reader = getattr(answer, "to_arrow_reader", None) or answer.fetch_record_batch  # its name until DuckDB 1.4
    found: Iterable[pa.RecordBatch] = reader(BLOCK)
    return found
