"""Writing a section of changes into a DuckDB table: one or two statements, however many rows."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from headwater.engine.buffer import Chunk, Kind
from headwater.engine.catalog import Existing, quoted, sql_name
from headwater.engine.columns import Column
from headwater.engine.landing import land
from headwater.engine.shape import SYSTEM_COLUMNS, TableName

__all__ = ["Target", "merge", "truncate"]

SOURCE = "headwater_source"
STAGE = "headwater_stage"


@dataclass(frozen=True)
class Target:
    """The table to write to, as it already is, and the moment to stamp its rows with, as an SQL value."""

    name: TableName
    table: Existing
    key: tuple[str, ...]
    moment: str

    @property
    def others(self) -> list[str]:
        """The columns that are neither key nor the system's."""
        return [c for c in self.table.columns if c not in self.key and c not in SYSTEM_COLUMNS]


def truncate(connection: Any, target: Target) -> None:
    """Mark every row as deleted."""
    connection.execute(
        f"UPDATE {sql_name(target.name)} SET _fivetran_deleted = TRUE, _fivetran_synced = {target.moment} "
        "WHERE _fivetran_deleted IS DISTINCT FROM TRUE"
    )


def merge(connection: Any, target: Target, chunks: Sequence[Chunk], *, empty: bool) -> None:
    """Apply the rows of `chunks` in order; of several of one key the last counts. `empty`: the table has no rows yet."""
    columns = _touched(chunks, target)
    only_upserts = all(chunk.only_upserts for chunk in chunks)
    arrays, selected = _landed(chunks, columns, target)
    if not only_upserts:
        how = _how(chunks, columns)
        arrays, selected = {**arrays, **how}, [*selected, *how]
    connection.register(
        SOURCE, pa.table(arrays).combine_chunks()
    )  # DuckDB reads few large chunks faster than many small
    try:
        if only_upserts:
            _upsert(connection, target, _Rows(columns, selected, SOURCE), empty=empty)
        else:
            _apply_mixed(connection, target, columns, f"SELECT {', '.join(selected)} FROM {SOURCE}")
    finally:
        connection.unregister(SOURCE)


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
    arrays["seq"] = pa.array(range(length), pa.int64())
    return arrays, [*selected, "seq"]


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

    def only(self, names: Sequence[str]) -> str:
        """Return the query for some of the columns: to plan all of them takes longer than to read few."""
        wanted = [self.selected[self.columns.index(name)] for name in names]
        return f"SELECT {', '.join(wanted)} FROM {self.source}"

    def all(self) -> str:
        """Return the whole query."""
        return f"SELECT {', '.join(self.selected)} FROM {self.source}"


def _upsert(connection: Any, target: Target, rows: _Rows, *, empty: bool) -> None:
    keys, names = _list(target.key), _list(rows.columns)
    query = rows.all()
    if _some(connection, f"SELECT 1 FROM ({rows.only(target.key)}) GROUP BY {keys} HAVING count(*) > 1"):
        query = f"SELECT * FROM ({query}) QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY seq DESC) = 1"
    statement = (
        f"INSERT INTO {sql_name(target.name)} ({names}, _fivetran_deleted, _fivetran_synced) "
        f"SELECT {names}, FALSE, {target.moment} FROM ({query})"
    )
    # Rows that are all new are inserted several times faster by a statement that does not provide for others.
    there = f"SELECT 1 FROM ({rows.only(target.key)}) SEMI JOIN {sql_name(target.name)} USING ({keys})"
    if not empty and _some(connection, there):
        replaced = {*rows.columns, *SYSTEM_COLUMNS}
        values = [
            f"{quoted(name)} = {f'EXCLUDED.{quoted(name)}' if name in replaced else 'NULL'}"
            for name in (*target.others, *SYSTEM_COLUMNS)
        ]
        statement += f" ON CONFLICT ({keys}) DO UPDATE SET {', '.join(values)}"
    connection.execute(statement)


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))


def _some(connection: Any, query: str) -> bool:
    return connection.execute(f"{query} LIMIT 1").fetchone() is not None


def _apply_mixed(connection: Any, target: Target, columns: Sequence[str], query: str) -> None:
    """Apply upserts, updates and deletes of any order: for each key the last upsert, then what came after it.

    What follows the upsert is folded into one change a key: each column's last named value, and what the last row did.
    """
    keys = _list(target.key)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {STAGE} AS SELECT *, "
        f"max(seq) FILTER (kind = {Kind.UPSERT:d}) OVER (PARTITION BY {keys}) AS base FROM ({query})"
    )
    upserts = _Rows(columns, [*map(quoted, columns), "seq"], f"{STAGE} WHERE seq = base")
    _upsert(connection, target, upserts, empty=False)
    folded, assigned = [], []
    for index, name in enumerate(columns):
        if name in target.key:
            continue
        folded.append(f"arg_max({{'v': {quoted(name)}}}, seq) FILTER (p{index}) AS v{index}")
        assigned.append(f"{quoted(name)} = CASE WHEN s.v{index} IS NULL THEN t.{quoted(name)} ELSE s.v{index}.v END")
    changes = ", ".join([keys, f"arg_max(kind, seq) = {Kind.DELETE:d} AS deleted", *folded])
    assigned += ["_fivetran_deleted = s.deleted", f"_fivetran_synced = {target.moment}"]
    matches = " AND ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in target.key)
    connection.execute(
        f"UPDATE {sql_name(target.name)} AS t SET {', '.join(assigned)} FROM "
        f"(SELECT {changes} FROM {STAGE} WHERE kind <> {Kind.UPSERT:d} AND seq > coalesce(base, -1) GROUP BY {keys}) AS s "
        f"WHERE {matches}"
    )
    connection.execute(f"DROP TABLE {STAGE}")
