"""From rows to chunks: the one place where rows turn into columns, for both ways in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import pyarrow as pa
from fivetran_connector_sdk_core.constants import CELL_SCALAR

from headwater.engine.buffer import Chunk, Kind
from headwater.engine.cells import Cells, Encoding
from headwater.engine.columns import Column, Form, column_of_array, column_of_cells, column_of_values
from headwater.engine.row_ids import renamed, row_id, row_ids
from headwater.engine.shape import ROW_ID, SYSTEM_COLUMNS, TableShape
from headwater.engine.sqltypes import VARCHAR
from headwater_runtime.batch import Batch

__all__ = ["ROWS_A_CHUNK", "batch_chunk", "rows_chunk"]

ROWS_A_CHUNK = 8192  # enough for Arrow to be quick, few enough to be small
MOSTLY = 0.75  # of a batch's bytes: when less of them is kept as it came, that is copied
_ABSENT = object()
_FLOATS = frozenset({Form.REAL, Form.FLOAT, Form.DOUBLE})
_SCALAR = bytes([CELL_SCALAR])


def rows_chunk(
    shape: TableShape,
    rename: Callable[[str], str],
    rows: Sequence[Mapping[str, Any]],
    kinds: Sequence[Kind],
    encoding: Encoding,
) -> Chunk:
    """Build the chunk of `rows`, under the source's column names; `kinds` says what each asks for. Raises like `encoding`."""
    kind = kinds[0] if kinds.count(kinds[0]) == len(kinds) else None
    if shape.key:
        columns = _columns_of_values(shape, rename, rows, kind, encoding)
    if not shape.key or columns is None:
        columns = _columns_of_cells(shape, rename, [encoding.row(row) for row in rows], kind)
    return Chunk(len(rows), kind if kind is not None else pa.array([int(k) for k in kinds], pa.int8()), columns)


def batch_chunk(
    shape: TableShape, rename: Callable[[str], str], batch: pa.RecordBatch, kind: Kind, encoding: Encoding
) -> Chunk | None:
    """Build the chunk of columns as they came; None if they have to become rows first. Raises like `encoding`."""
    sources = batch.schema.names
    names = {source: rename(source) for source in sources}
    if len(set(names.values())) < len(sources):
        return None
    whole = Batch(batch)
    columns: dict[str, Column] = {}
    kept: list[str] = []  # as they came
    for source, name in names.items():
        if shape.key and name in SYSTEM_COLUMNS:
            continue
        array, declared = batch.column(source), shape.columns.get(name)
        if source in whole.json:
            values = whole.column(source) or []
            columns[name] = column_of_values(values, source, encoding, declared)
        else:
            columns[name] = column_of_array(array, source, encoding, declared)
        kept += [name] if columns[name].array is array else []
        if not shape.key and columns[name].form in _FLOATS and columns[name].array.null_count != array.null_count:
            return None  # the hash tells a NaN from a null
    if not shape.key:
        ids = Column(Form.TEXT, row_ids(columns), VARCHAR, 0)
        columns = {ROW_ID: ids, **{n: c for n, c in columns.items() if n not in (ROW_ID, *SYSTEM_COLUMNS)}}
        kept = [name for name in kept if name in columns]
    if sum(columns[name].array.nbytes for name in kept) < MOSTLY * batch.nbytes:
        columns |= {name: _apart(columns[name]) for name in kept}
    return Chunk(batch.num_rows, kind, columns)


def _apart(column: Column) -> Column:
    """Return the column in memory of its own: a batch often lies in one piece, and all of it stays as long as any column."""
    return replace(column, array=pa.concat_arrays([column.array[:1], column.array[1:]]))


def _columns_of_values(
    shape: TableShape,
    rename: Callable[[str], str],
    rows: Sequence[Mapping[str, Any]],
    kind: Kind | None,
    encoding: Encoding,
) -> dict[str, Column] | None:
    """Return the columns by the destination's names; None if two of them land under one name (go through cells then)."""
    found = _transposed(rows)
    names = _names(rows[:1] if found else rows, rename)
    if names is None:
        return None
    columns: dict[str, Column] = {}
    for source, name in names.items():
        present = None
        if found:
            values: Sequence[Any] = found[source]
        elif kind is Kind.UPSERT:
            values = [row.get(source) for row in rows]
        else:
            given = [row.get(source, _ABSENT) for row in rows]
            present = _present(given, _ABSENT, kind)
            values = [None if value is _ABSENT else value for value in given]
        columns[name] = column_of_values(values, source, encoding, shape.columns.get(name), present)
    return columns


def _columns_of_cells(
    shape: TableShape, rename: Callable[[str], str], rows: Sequence[Cells], kind: Kind | None
) -> dict[str, Column]:
    names = _names(rows, rename)
    if names is None:
        rows = [renamed(row, rename) for row in rows]
        names = _names(rows, str) or {}
    columns = {}
    for source, name in names.items():
        cells = [row.get(source) for row in rows]
        columns[name] = column_of_cells(cells, shape.columns.get(name), _present(cells, None, kind))
    if not shape.key:
        ids = [_SCALAR + row_id(row, rename).encode() for row in rows]
        columns = {ROW_ID: column_of_cells(ids, None), **{n: c for n, c in columns.items() if n != ROW_ID}}
    return columns


def _transposed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]] | None:
    """Return the columns of `rows` at C speed if they all name the same ones in one order; None if they do not."""
    names = list(rows[0])
    width = len(names)
    if not names or set(map(type, rows)) != {dict} or list(chain.from_iterable(rows)) != names * len(rows):
        return None
    values: list[Any] = list(chain.from_iterable(row.values() for row in rows))
    return {name: values[place::width] for place, name in enumerate(names)}


def _names(rows: Sequence[Mapping[str, Any]], rename: Callable[[str], str]) -> dict[str, str] | None:
    """Return the columns of `rows` in order of appearance with the names they land under; None if two share one."""
    found = dict.fromkeys(chain.from_iterable(rows))
    names = {source: rename(source) for source in found}
    for source in [source for source, name in names.items() if name in SYSTEM_COLUMNS]:
        del names[source]
    return names if len(set(names.values())) == len(names) else None


def _present(found: Sequence[Any], absent: Any, kind: Kind | None) -> pa.Array | None:
    """Say which rows named a column, where that matters: an update leaves the others' values as they are."""
    if kind is Kind.UPSERT or not any(value is absent for value in found):
        return None
    return pa.array([value is not absent for value in found], pa.bool_())
