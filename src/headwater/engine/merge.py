"""Writing a section of changes into a DuckDB table: one or two statements, however many rows."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine.buffer import Chunk, Kind
from headwater.engine.catalog import Existing, quoted, sql_name
from headwater.engine.columns import Column
from headwater.engine.key_filter import KeyFilters, hash_of
from headwater.engine.key_spans import Span, as_numbers, in_order, span_of
from headwater.engine.landing import land
from headwater.engine.shape import TableName
from headwater.engine.spelling import array_of
from headwater.engine.statements import Statements
from headwater.errors import WarehouseError

__all__ = ["Target", "batches", "merge", "truncate"]

STAGE = "headwater_stage"
ROWS_A_STATEMENT, BYTES_A_STATEMENT = 61_440, 16_000_000  # whatever is reached first


@dataclass(frozen=True)
class Target:
    """The table to write to, as it already is, and the moment to stamp its rows with, as an SQL value."""

    name: TableName
    table: Existing
    key: tuple[str, ...]
    moment: str


def truncate(statements: Statements, target: Target) -> None:
    """Mark every row as deleted."""
    statements.execute(
        f"UPDATE {sql_name(target.name)} SET _fivetran_deleted = TRUE, _fivetran_synced = {target.moment} "
        "WHERE _fivetran_deleted IS DISTINCT FROM TRUE"
    )


def batches(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Yield the chunks, some at a time: applied one after the other they come to the same, and memory stays bounded."""
    batch: list[Chunk] = []
    rows = size = 0
    for chunk in chunks:
        batch.append(chunk)
        rows += chunk.length
        size += chunk.size
        if rows >= ROWS_A_STATEMENT or size >= BYTES_A_STATEMENT:
            yield batch
            batch, rows, size = [], 0, 0
    if batch:
        yield batch


def merge(statements: Statements, target: Target, chunks: Sequence[Chunk], filters: KeyFilters, *, empty: bool) -> None:
    """Apply the rows of `chunks` in order; of several of one key the last counts. `empty`: the table has no rows yet.

    Raises WarehouseError if an upsert has no key.
    """
    columns = _touched(chunks, target)
    only_upserts = all(chunk.only_upserts for chunk in chunks)
    arrays, selected = _landed(chunks, columns, target)
    if not only_upserts:
        how = _how(chunks, columns)
        arrays, selected = {**arrays, **how}, [*selected, *how]
    with statements.source(pa.table(arrays)) as source:
        if only_upserts:
            plain, span = _plain_key(arrays, columns, selected, target)
            rows = _Rows(columns, selected, source, plain, span)
            _upsert(statements, target, rows, filters, empty=empty)
        else:
            everything = _Rows(columns, selected, source)
            statements.execute(f"CREATE OR REPLACE TEMP TABLE {STAGE} AS {everything.staged(target.key)}")
            if any(chunk.some_upserts for chunk in chunks):
                upserts = _Rows(columns, [*map(quoted, columns), "seq"], f"{STAGE} WHERE seq = base")
                _upsert(statements, target, upserts, filters, empty=empty)
            _change(statements, target, columns)
            statements.execute(f"DROP TABLE {STAGE}")


def _touched(chunks: Sequence[Chunk], target: Target) -> list[str]:
    named = {name for chunk in chunks for name in chunk.columns}
    return [name for name in target.table.columns if name in named]


def _landed(chunks: Sequence[Chunk], columns: Sequence[str], target: Target) -> tuple[dict[str, Any], list[str]]:
    arrays: dict[str, Any] = {}
    selected = []
    for index, name in enumerate(columns):
        parts: list[Column | int] = [chunk.columns.get(name, chunk.length) for chunk in chunks]
        landed = land(parts, target.table.columns[name])
        arrays[f"c{index}"] = landed.array
        selected.append(f"{landed.expression.format(f'c{index}')} AS {quoted(name)}")
    length = sum(chunk.length for chunk in chunks)
    arrays["seq"] = array_of(np.arange(length))
    return arrays, [*selected, "seq"]


def _plain_key(
    arrays: Mapping[str, Any], columns: Sequence[str], selected: Sequence[str], target: Target
) -> tuple[bool, Span | None]:
    """Tell, without a query, whether surely no two rows have one key and none has no key: one column that lands as it is.

    Where keys are numbers, and come in order, also tell the span they lie in.
    """
    if len(target.key) != 1 or target.key[0] not in columns:
        return False, None
    index = columns.index(target.key[0])
    values = arrays[f"c{index}"]
    if values.null_count or selected[index] != f"c{index} AS {quoted(columns[index])}":
        return False, None
    numbers = as_numbers(values)
    if numbers is not None and in_order(numbers):
        return True, span_of(numbers)
    return pc.count_distinct(values, mode="all").as_py() == len(values), None


def _how(chunks: Sequence[Chunk], columns: Sequence[str]) -> dict[str, Any]:
    """Return what each row does, and which columns it names."""
    arrays: dict[str, Any] = {"kind": _joined([_kinds(chunk) for chunk in chunks], pa.int8())}
    for index, name in enumerate(columns):
        arrays[f"p{index}"] = _joined([_presence(chunk, name) for chunk in chunks], pa.bool_())
    return arrays


def _joined(arrays: list[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array(arrays, kind)


def _kinds(chunk: Chunk) -> pa.Array:
    return (
        pa.repeat(pa.scalar(int(chunk.kinds), pa.int8()), chunk.length)
        if isinstance(chunk.kinds, Kind)
        else chunk.kinds
    )


def _presence(chunk: Chunk, name: str) -> pa.Array:
    column = chunk.columns.get(name)
    if column is not None and column.present is not None:
        return column.present
    return pa.repeat(pa.scalar(column is not None), chunk.length)


@dataclass(frozen=True)
class _Rows:
    """A query in parts: the table's `columns`, the expressions `selected` for them (and "seq", the order), and `source`."""

    columns: Sequence[str]
    selected: Sequence[str]
    source: str
    plain_key: bool = False  # surely every row has a key of its own
    span: Span | None = None  # where surely all keys lie

    def only(self, names: Sequence[str]) -> str:
        """Return the query for some of the columns, and the order: to plan all of them takes longer than to read few."""
        wanted = [self.selected[self.columns.index(name)] for name in names]
        return f"SELECT {', '.join(wanted)}, seq FROM {self.source}"

    def all(self) -> str:
        """Return the whole query."""
        return f"SELECT {', '.join(self.selected)} FROM {self.source}"

    def last(self, key: Sequence[str]) -> str:
        """Return the query for the last row of each key: what it replaces is not cast, so it need not fit its column."""
        rows = f"SELECT * FROM {self.source} QUALIFY row_number() OVER (PARTITION BY {self._of(key)} ORDER BY seq DESC) = 1"
        return f"SELECT {', '.join(self.selected)} FROM ({rows})"

    def staged(self, key: Sequence[str]) -> str:
        """Return the query for each key's last upsert (`base` is its place in the order) and what comes after it."""
        base = f"max(seq) FILTER (kind = {Kind.UPSERT:d}) OVER (PARTITION BY {self._of(key)})"
        rows = f"SELECT *, {base} AS base FROM {self.source} QUALIFY seq >= coalesce(base, 0)"
        return f"SELECT {', '.join(self.selected)}, base FROM ({rows})"

    def _of(self, key: Sequence[str]) -> str:
        """Return the expressions of the key, without their names."""
        found = [self.selected[self.columns.index(name)] for name in key]
        return ", ".join(one.removesuffix(f" AS {quoted(name)}") for one, name in zip(found, key, strict=True))


def _upsert(statements: Statements, target: Target, rows: _Rows, filters: KeyFilters, *, empty: bool) -> None:
    """Insert the rows in place of those of the same keys."""
    keys, names = _list(target.key), _list(rows.columns)
    query = rows.all()
    if not rows.plain_key:
        _check_values(statements, target, rows)
        if _some(statements, f"SELECT 1 FROM ({rows.only(target.key)}) GROUP BY {keys} HAVING count(*) > 1"):
            query = rows.last(target.key)
    _make_way(statements, target, rows, filters, empty=empty)
    insert = (
        f"INSERT INTO {sql_name(target.name)} ({names}, _fivetran_deleted, _fivetran_synced) "
        f"SELECT {names}, FALSE, CAST($1 AS TIMESTAMPTZ) FROM ({query})"
    )
    if rows.plain_key:
        statements.execute_again(insert, target.moment)
    else:
        statements.execute(insert.replace("$1", target.moment))


def _check_values(statements: Statements, target: Target, rows: _Rows) -> None:
    """Raise WarehouseError if a key is null in its column's type, as the empty text is in a column of numbers."""
    for key in target.key:
        if _some(statements, f"SELECT 1 FROM ({rows.only([key])}) WHERE {quoted(key)} IS NULL"):
            raise WarehouseError(
                f"a row has no usable value in its key {key}",
                where=str(target.name),
                hint="give every row a key, or declare another key",
            )


def _make_way(statements: Statements, target: Target, rows: _Rows, filters: KeyFilters, *, empty: bool) -> None:
    """Delete the rows that have a key of `rows`. Their keys are taken for being there from now on."""
    key = tuple((column, target.table.columns[column]) for column in target.key)
    if filters.are_new(statements.connection, target.name, key, rows.span, empty=empty):
        return
    known = filters.of(statements.connection, target.name, key, empty=empty)
    found = rows.only(target.key)
    matches = " AND ".join(f"t.{quoted(column)} = s.{quoted(column)}" for column in target.key)
    delete = f"DELETE FROM {sql_name(target.name)} AS t USING ({{}}) AS s WHERE {matches}"
    if known is None:
        if not empty:
            statements.execute(delete.format(found))
        return
    query = f"SELECT seq, {hash_of(key)} AS hash FROM ({found})"
    hashed = (statements.execute_again(query) if rows.plain_key else statements.execute(query)).fetchnumpy()
    seen = known.seen(hashed["hash"])
    known.add(hashed["hash"][~seen])
    if seen.all():
        statements.execute(delete.format(found))
    elif seen.any():
        with statements.source(pa.table({"seq": array_of(hashed["seq"][seen])})) as some:
            statements.execute(delete.format(f"SELECT * FROM ({found}) SEMI JOIN {some} USING (seq)"))


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))


def _some(statements: Statements, query: str) -> bool:
    return statements.execute(f"{query} LIMIT 1").fetchone() is not None


def _change(statements: Statements, target: Target, columns: Sequence[str]) -> None:
    """Apply what came after the last upsert of each key, folded into one change: each column's last named value, and what the last row did."""
    keys = _list(target.key)
    folded, assigned = [], []
    for index, name in enumerate(columns):
        if name in target.key:
            continue
        folded.append(f"arg_max({{'v': {quoted(name)}}}, seq) FILTER (p{index}) AS v{index}")
        assigned.append(f"{quoted(name)} = CASE WHEN s.v{index} IS NULL THEN t.{quoted(name)} ELSE s.v{index}.v END")
    changes = ", ".join([keys, f"arg_max(kind, seq) = {Kind.DELETE:d} AS deleted", *folded])
    assigned += ["_fivetran_deleted = s.deleted", f"_fivetran_synced = {target.moment}"]
    matches = " AND ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in target.key)
    statements.execute(
        f"UPDATE {sql_name(target.name)} AS t SET {', '.join(assigned)} FROM "
        f"(SELECT {changes} FROM {STAGE} WHERE kind <> {Kind.UPSERT:d} AND seq > coalesce(base, -1) GROUP BY {keys}) AS s "
        f"WHERE {matches}"
    )
