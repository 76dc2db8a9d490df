"""Rows of a plain driver, fetched as many at a time as weigh about the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from headwater_runtime.sql.columns import tabled
from headwater_runtime.sql.server import BYTES, Column

__all__ = ["fetched"]

FIRST, GROWS = 1_000, 8


def fetched(
    fetch: Callable[[int], Sequence[Sequence[Any]]], columns: Sequence[Column], size: int
) -> Iterator[pa.Table]:
    """Yield what `fetch` gives until it gives nothing: few rows first, for nobody knows yet how wide they are."""
    count = min(size, FIRST)
    while rows := fetch(count):
        table = tabled(rows, columns)
        yield table
        weight = max(1, table.nbytes // len(rows))
        count = max(1, min(size, count * GROWS, BYTES // weight))
