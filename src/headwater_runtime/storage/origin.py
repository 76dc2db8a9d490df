"""Columns put beside the data of a file: where each row comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater_runtime.batch import Batch
from headwater_runtime.errors import ContractError
from headwater_runtime.records import Row
from headwater_runtime.storage.format import FileChunk
from headwater_runtime.storage.landing import landed

if TYPE_CHECKING:
    from headwater_runtime.storage.reading import Columns

__all__ = ["Origin", "with_origin"]

UTC = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class Origin:
    """What is put beside the rows of one file."""

    names: Columns
    file: str
    modified: datetime | None
    values: Mapping[str, Any]

    @property
    def constant(self) -> dict[str, Any]:
        """What is the same for every row of the file."""
        own = {self.names.file: self.file, self.names.modified: self.modified}
        return {name: value for name, value in (*own.items(), *self.values.items()) if name}


def with_origin(chunk: FileChunk, origin: Origin, where: str) -> Batch | list[Row]:
    """Return the records of `chunk` with the columns. Raises ContractError where the data has one of that name."""
    constant, line, count = origin.constant, origin.names.line, len(chunk.records)
    if isinstance(chunk.records, Batch):
        table = chunk.records.table
        _check({*constant, line}, table.schema.names, where)
        for name, value in constant.items():
            table = table.append_column(name, _constant(value, count))
        if line:
            numbers = pa.array(chunk.lines, pa.int64()) if chunk.lines is not None else _numbers(chunk.first, count)
            table = table.append_column(line, numbers)
        return Batch(table)
    rows = []
    lines: Sequence[int] = chunk.lines if chunk.lines is not None else range(chunk.first, chunk.first + count)
    _check({*constant, line}, set[str]().union(*chunk.records), where)
    for record, number in zip(chunk.records, lines, strict=True):
        rows.append({**record, **constant, line: number} if line else {**record, **constant})
    return rows


def _check(ours: set[str], names: Iterable[str], where: str) -> None:
    wanted = set(map(landed, ours - {""}))
    both = [name for name in names if landed(name) in wanted]
    if both:
        hint = "rename ours: columns=Columns(file=…) of files(…), or the {…} of the path, in api.py"
        raise ContractError(f"the data has a column '{min(both)}' of its own", where=where, hint=hint)


def _constant(value: Any, count: int) -> pa.Array:
    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(_zeros(count), pa.array([value]))
    if value is None:
        return pa.nulls(count)
    kind = pa.timestamp("us") if isinstance(value, datetime) else pa.date32() if isinstance(value, date) else None
    if isinstance(value, datetime) and value.tzinfo is not None:
        kind = UTC
    return pa.repeat(pa.scalar(value, kind), count)


@lru_cache(maxsize=4)
def _zeros(count: int) -> pa.Array:
    return pa.repeat(pa.scalar(0, pa.int32()), count)


@lru_cache(maxsize=4)
def _upto(count: int) -> pa.Array:
    return pa.array(range(count), pa.int64())


def _numbers(first: int, count: int) -> pa.Array:
    return pc.add(_upto(count), first)
