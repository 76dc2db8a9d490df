"""What a DuckDB warehouse holds, and the statements that make its tables hold more.

A table has no PRIMARY KEY: DuckDB's index of it is half of what a load costs, and grows with the table. The key is written in the
table's comment instead, where it goes the table's ways: transactions, names, drops.
"""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.engine.shape import ROW_ID, SYSTEM_COLUMNS, TableName, TableShape
from headwater.engine.sqltypes import BOOLEAN, DOUBLE, FLOAT, JSON, TIMESTAMPTZ, VARCHAR, SqlType, parse_type, wider
from headwater.errors import WarehouseError

__all__ = ["Existing", "count_live", "evolve", "literal", "planned_columns", "quoted", "read_tables", "sql_name"]

KEY = "primary_key"  # in the comment: {"primary_key": ["id"]}
_SYSTEM_TYPES = {"_fivetran_deleted": BOOLEAN, "_fivetran_synced": TIMESTAMPTZ}


@dataclass(frozen=True)
class Existing:
    """A table in the warehouse: its columns in order, and its primary key.

    `constrained`: the key is a constraint, as the SDK's runner makes it; the first change makes such a table anew.
    """

    columns: Mapping[str, SqlType]
    key: tuple[str, ...]
    constrained: bool = False


def quoted(name: str) -> str:
    """Return `name` as an SQL identifier."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def literal(text: str) -> str:
    """Return `text` as an SQL literal."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def sql_name(name: TableName) -> str:
    """Return the table's qualified SQL name."""
    return f"{quoted(name.schema)}.{quoted(name.table)}"


def read_tables(connection: Any) -> dict[TableName, Existing]:
    """Return every table but the warehouse's own, which are in schema main."""
    columns: dict[TableName, dict[str, SqlType]] = {}
    for schema, table, column, kind in connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE NOT internal AND database_name = current_database() AND schema_name <> 'main' "
        "ORDER BY schema_name, table_name, column_index"
    ).fetchall():
        columns.setdefault(TableName(schema, table), {})[column] = parse_type(kind)
    keys = {
        TableName(schema, table): (_key_in(comment), False)
        for schema, table, comment in connection.execute(
            "SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE database_name = current_database()"
        ).fetchall()
    }
    for schema, table, names in connection.execute(
        "SELECT schema_name, table_name, constraint_column_names FROM duckdb_constraints() "
        "WHERE constraint_type = 'PRIMARY KEY' AND database_name = current_database()"
    ).fetchall():
        keys[TableName(schema, table)] = tuple(names), True
    return {name: Existing(found, *keys.get(name, ((), False))) for name, found in columns.items()}


def _key_in(comment: str | None) -> tuple[str, ...]:
    """Return the key that a table's comment names; none if somebody has written another: the next sync names it again."""
    try:
        kept = json.loads(comment or "{}")
        return tuple(map(str, kept[KEY])) if isinstance(kept, dict) else ()
    except (ValueError, KeyError, TypeError):
        return ()


def count_live(connection: Any) -> dict[str, int]:
    """Return the number of rows that are not deleted of every table, under the name it is shown by."""
    counts = {}
    for name, table in sorted(read_tables(connection).items()):
        live = "WHERE _fivetran_deleted IS DISTINCT FROM TRUE" if "_fivetran_deleted" in table.columns else ""
        counts[name.shown] = int(connection.execute(f"SELECT count(*) FROM {sql_name(name)} {live}").fetchone()[0])
    return counts


def planned_columns(
    existing: Existing | None, shape: TableShape, asked: Mapping[str, SqlType], *, rows: bool
) -> dict[str, SqlType]:
    """Return the columns the table needs, in order: what is there, then what is declared, then what the rows ask for.

    `asked` are the types the rows ask for, by column in order of appearance; `rows`: there are rows to insert.
    """
    planned: dict[str, SqlType] = dict(existing.columns) if existing else {}
    system = {name: kind for name, kind in _SYSTEM_TYPES.items() if rows or name == "_fivetran_synced"}
    if existing:
        planned.update({name: kind for name, kind in system.items() if name not in planned})
    if rows and not shape.key and ROW_ID not in planned:
        planned = {ROW_ID: VARCHAR, **planned}
    for wanted in (shape.columns, asked):
        for name, kind in wanted.items():
            joined = wider(planned.get(name), kind)
            if joined is not None and name not in SYSTEM_COLUMNS:
                planned[name] = joined
    if not existing:
        planned.update(system)
    return planned


def evolve(connection: Any, name: TableName, existing: Existing | None, planned: Existing) -> None:
    """Make the table `name` have the columns and the key of `planned`. Raises WarehouseError if its rows do not allow it.

    Columns have to change before the transaction updates or deletes rows of the table: DuckDB does not alter it after that.
    """
    if existing is None:
        _create(connection, name, planned)
    elif existing != planned:
        _check_key(connection, name, existing, planned)
        if existing.constrained:
            _rebuild(connection, name, existing, planned)
        else:
            _alter(connection, name, existing, planned)


def _create(connection: Any, name: TableName, planned: Existing) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name.schema)}")
    columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in planned.columns.items())
    connection.execute(f"CREATE TABLE {sql_name(name)} ({columns})")
    _note_key(connection, name, planned)


def _note_key(connection: Any, name: TableName, planned: Existing) -> None:
    said = literal(json.dumps({KEY: list(planned.key)}, ensure_ascii=False)) if planned.key else "NULL"
    connection.execute(f"COMMENT ON TABLE {sql_name(name)} IS {said}")


def _alter(connection: Any, name: TableName, existing: Existing, planned: Existing) -> None:
    table = f"ALTER TABLE {sql_name(name)}"
    for column, kind in planned.columns.items():
        old = existing.columns.get(column)
        if old is None:
            connection.execute(f"{table} ADD COLUMN {quoted(column)} {kind}")
        elif old != kind:
            value = _widened(column, old, kind)
            connection.execute(f"{table} ALTER COLUMN {quoted(column)} SET DATA TYPE {kind} USING {value}")
    if existing.key != planned.key:
        _note_key(connection, name, planned)


def _rebuild(connection: Any, name: TableName, existing: Existing, planned: Existing) -> None:
    copy = TableName(name.schema, f"{name.table}__headwater_copy")
    _create(connection, copy, planned)
    kept = list(existing.columns)
    values = [_widened(column, existing.columns[column], planned.columns[column]) for column in kept]
    connection.execute(
        f"INSERT INTO {sql_name(copy)} ({', '.join(map(quoted, kept))}) SELECT {', '.join(values)} FROM {sql_name(name)}"
    )
    connection.execute(f"DROP TABLE {sql_name(name)}")
    connection.execute(f"ALTER TABLE {sql_name(copy)} RENAME TO {quoted(name.table)}")


def _widened(column: str, old: SqlType, new: SqlType) -> str:
    value = quoted(column)
    if old == new:
        return value
    if old.name == "BLOB":
        value = f"base64({value})"
    if new == JSON:
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE to_json({value}) END"
    return f"CAST({value} AS {new})"


def _check_key(connection: Any, name: TableName, existing: Existing, planned: Existing) -> None:
    """Raise WarehouseError if the rows do not fit the planned key, or are not told apart any more by its wider columns."""
    changed = set(existing.key) != set(planned.key)
    rounded = [
        c
        for c in planned.key
        if planned.columns[c] in (FLOAT, DOUBLE) and existing.columns.get(c) != planned.columns[c]
    ]
    if not planned.key or not (changed or rounded) or not _any(connection, f"SELECT 1 FROM {sql_name(name)}"):
        return
    missing = [column for column in planned.key if column not in existing.columns]
    nulls = " OR ".join(f"{quoted(column)} IS NULL" for column in planned.key)
    if missing or _any(connection, f"SELECT 1 FROM {sql_name(name)} WHERE {nulls}"):
        raise _key_error(name, planned, "has rows without a value in the new key")
    keys = ", ".join(_widened(column, existing.columns[column], planned.columns[column]) for column in planned.key)
    if _any(connection, f"SELECT 1 FROM {sql_name(name)} GROUP BY {keys} HAVING count(*) > 1"):
        raise _key_error(name, planned, "would hold several rows of one key")


def _any(connection: Any, query: str) -> bool:
    return connection.execute(f"{query} LIMIT 1").fetchone() is not None


def _key_error(name: TableName, planned: Existing, why: str) -> WarehouseError:
    keys = ", ".join(f"{column} ({planned.columns[column]})" for column in planned.key)
    return WarehouseError(
        f"the primary key of {name} becomes {keys}, and the table {why}",
        where=str(name),
        hint="keep the key, or reset the warehouse and sync again",
    )
