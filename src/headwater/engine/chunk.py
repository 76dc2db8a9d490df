"""Some rows of one table, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine.columns import Column, Form
from headwater.engine.sqltypes import SqlType, wider

__all__ = ["Chunk", "Kind", "joined"]

_Kept = tuple[Form, pa.DataType]
_NOTHING: _Kept = (Form.TEXT, pa.string())


class Kind(IntEnum):
    """What a row asks for. An upsert replaces the whole row; an update and a delete change the columns they name."""

    UPSERT = 0
    UPDATE = 1
    DELETE = 2


@dataclass(frozen=True)
class Chunk:
    """Some rows of one table, column by column. `kinds` is one for all rows, or an int8 array with one for each."""

    length: int
    kinds: Kind | pa.Array
    columns: Mapping[str, Column]

    @property
    def only_upserts(self) -> bool:
        """Whether no row depends on what is in the destination."""
        return self.kinds is Kind.UPSERT

    @property
    def some_upserts(self) -> bool:
        """Whether there is a row that may be new."""
        if isinstance(self.kinds, Kind):
            return self.only_upserts
        return bool(pc.any(pc.equal(self.kinds, int(Kind.UPSERT))).as_py())

    @property
    def size(self) -> int:
        """The bytes its values take."""
        return sum(column.array.nbytes for column in self.columns.values())


def joined(chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the same rows in as few chunks as can be: pages of upserts whose columns agree in form become one."""
    found: list[Chunk] = []
    run: list[Chunk] = []
    forms: dict[str, _Kept] = {}
    for chunk in chunks:
        mine = _forms(chunk)
        if mine is None or any(forms.get(name, form) != form for name, form in mine.items()):
            found += _one(run, forms)
            run, forms = [], {}
        if mine is None:
            found.append(chunk)
        else:
            run.append(chunk)
            forms |= mine
    return found + _one(run, forms)


def _forms(chunk: Chunk) -> dict[str, _Kept] | None:
    """Return the form and array type of each column that holds a value; None if the chunk has to stay as it is."""
    if not chunk.only_upserts:
        return None
    return {name: (column.form, column.array.type) for name, column in chunk.columns.items() if not _blank(column)}


def _blank(column: Column) -> bool:
    return column.type is None and column.form == Form.TEXT and column.array.null_count == len(column.array)


def _one(run: Sequence[Chunk], forms: Mapping[str, _Kept]) -> list[Chunk]:
    if len(run) <= 1:
        return list(run)
    names = dict.fromkeys(name for chunk in run for name in chunk.columns)
    columns = {name: _column(run, name, *forms.get(name, _NOTHING)) for name in names}
    return [Chunk(sum(chunk.length for chunk in run), Kind.UPSERT, columns)]


def _column(run: Sequence[Chunk], name: str, form: Form, kind: pa.DataType) -> Column:
    parts = [chunk.columns.get(name) for chunk in run]
    arrays, start, first = [], 0, None
    asked: SqlType | None = None
    for chunk, part in zip(run, parts, strict=True):
        if part is None or (part.form != form):
            arrays.append(pa.nulls(chunk.length, kind))
        else:
            arrays.append(part.array)
        if part is not None and part.type is not None:
            first = start + part.first if first is None else first
            asked = wider(asked, part.type) or part.type
        start += chunk.length
    return Column(form, pa.concat_arrays(arrays), asked, start if first is None else first)
