"""Writing a section of changes into a DuckDB table: one or two statements, however many rows."""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine.buffer import Chunk, Kind
from headwater.engine.catalog import Existing, quoted, sql_name
from headwater.engine.columns import Column
from headwater.engine.landing import land
from headwater.engine.shape import SYSTEM_COLUMNS, TableName

__all__ = ["Target", "batches", "merge", "truncate"]

SOURCE = "headwater_source"
STAGE = "headwater_stage"
ROWS_A_STATEMENT = 32_768
FEW_ROWS = 200_000  # so many can be looked through for every statement


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


def batches(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Yield the chunks, some at a time: applied one after the other they come to the same, and memory stays bounded."""
    batch: list[Chunk] = []
    rows = 0
    for chunk in chunks:
        batch.append(chunk)
        rows += chunk.length
        if rows >= ROWS_A_STATEMENT:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def merge(connection: Any, target: Target, chunks: Sequence[Chunk], *, empty: bool) -> None:
    """Apply the rows of `chunks` in order; of several of one key the last counts. `empty`: the table has no rows yet."""
    columns = _touched(chunks, target)
    only_upserts = all(chunk.only_upserts for chunk in chunks)
    arrays, selected = _landed(chunks, columns, target)
    if not only_upserts:
        how = _how(chunks, columns)
        arrays, selected = {**arrays, **how}, [*selected, *how]
    held = _Held(pa.table(arrays))
    connection.register(SOURCE, held)
    try:
        if only_upserts:
            rows = _Rows(columns, selected, SOURCE, unique=_unique(arrays, columns, selected, target))
            _upsert(connection, target, rows, empty=empty)
        else:
            _apply_mixed(connection, target, columns, f"SELECT {', '.join(selected)} FROM {SOURCE}")
    finally:
        connection.unregister(SOURCE)
        held.rows = None


class _Held:
    """Rows for DuckDB to read, which can be let go of: it keeps what is registered until the transaction is over."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows: pa.Table | None = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Show the rows: Arrow's own protocol."""
        assert self.rows is not None  # noqa: S101  (nothing reads after `merge`)
        return self.rows.__arrow_c_stream__(requested_schema)


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


def _unique(arrays: Mapping[str, Any], columns: Sequence[str], selected: Sequence[str], target: Target) -> bool:
    """Tell, without a query, whether surely no two rows have one key: a key of one column that lands as it is."""
    if len(target.key) != 1 or target.key[0] not in columns:
        return False
    index = columns.index(target.key[0])
    values = arrays[f"c{index}"]
    as_it_is = selected[index] == f"c{index} AS {quoted(columns[index])}"
    return as_it_is and pc.count_distinct(values, mode="all").as_py() == len(values)


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
    unique: bool = False  # surely no two rows of one key

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
    if not rows.unique and _some(
        connection, f"SELECT 1 FROM ({rows.only(target.key)}) GROUP BY {keys} HAVING count(*) > 1"
    ):
        query = f"SELECT * FROM ({query}) QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY seq DESC) = 1"
    statement = (
        f"INSERT INTO {sql_name(target.name)} ({names}, _fivetran_deleted, _fivetran_synced) "
        f"SELECT {names}, FALSE, {target.moment} FROM ({query})"
    )
    if not empty and _conflicts(connection, target, rows):
        replaced = {*rows.columns, *SYSTEM_COLUMNS}
        values = [
            f"{quoted(name)} = {f'EXCLUDED.{quoted(name)}' if name in replaced else 'NULL'}"
            for name in (*target.others, *SYSTEM_COLUMNS)
        ]
        statement += f" ON CONFLICT ({keys}) DO UPDATE SET {', '.join(values)}"
    connection.execute(statement)


def _conflicts(connection: Any, target: Target, rows: _Rows) -> bool:
    """Tell whether rows may be there already: inserts of rows that are all new are faster if they need not provide for others.

    To find out takes a scan of the table, so it is not worth it for a big one.
    """
    table = sql_name(target.name)
    if connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > FEW_ROWS:
        return True
    return _some(connection, f"SELECT 1 FROM ({rows.only(target.key)}) SEMI JOIN {table} USING ({_list(target.key)})")


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
