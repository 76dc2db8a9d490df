"""What a destination holds, read without the destination's own code, in one form for all: the contents `differences` compares."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa

from headwater.engine import Content, DuckDbDestination, content
from headwater.engine.catalog import quoted
from headwater.engine.shape import TableName

POSTGRES_TYPES = {
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "bytea": "BLOB",
    "text": "VARCHAR",
    "timestamp without time zone": "TIMESTAMP",
    "numeric": "DECIMAL",
}
COLUMNS = """
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = ANY(i.indkey), FALSE)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> '_headwater_tables'
AND (n.nspname = %s OR starts_with(n.nspname, %s)) ORDER BY 1, 2, a.attnum"""


def held(kind: str, place: str) -> dict[str, Content]:
    """Return what the destination of this kind holds; it must not be in use."""
    if kind == "parquet":
        return parquet_content(Path(place))
    if kind == "postgres":
        return postgres_content(**json.loads(place))
    return content(Path(place)) if Path(place).exists() else {}


def parquet_content(folder: Path) -> dict[str, Content]:
    """Read every file the manifest names as any Parquet reader would; only keys are the manifest's word."""
    path = folder / "_headwater.json"
    if not path.exists():
        return {}
    scratch, keys = DuckDbDestination(), {}
    connection = scratch.connect()
    for table in json.loads(path.read_text())["tables"]:
        name = TableName(table["schema"], table["table"])
        keys[name.shown] = frozenset(table["key"])
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name.schema)}")
        files = [str(folder / file["name"]) for file in table["files"]]
        connection.execute(
            f"CREATE TABLE {quoted(name.schema)}.{quoted(name.table)} AS SELECT * FROM read_parquet({files})"
        )
    read = {name: dataclasses.replace(one, key=keys[name]) for name, one in content(scratch).items()}
    connection.close()
    return read


def postgres_content(conninfo: str, schema: str) -> dict[str, Content]:
    """Read every table of the schema by what PostgreSQL's own catalog says of it."""
    scratch, keys = DuckDbDestination(), {}
    duck = scratch.connect()
    with psycopg.connect(conninfo, options="-c timezone=UTC") as connection:
        tables = defaultdict(list)
        for found, name, *column in connection.execute(COLUMNS, [schema, f"{schema}_"]).fetchall():
            tables[TableName("tester" + found.removeprefix(schema), name)].append(column)
        for name, columns in tables.items():
            source = f"{quoted(schema + name.schema.removeprefix('tester'))}.{quoted(name.table)}"
            target = f"{quoted(name.schema)}.{quoted(name.table)}"
            keys[name.shown] = frozenset(column for column, _, key in columns if key)
            (kept,) = connection.execute(
                f"SELECT kept::json -> 'columns' FROM {quoted(schema)}._headwater_tables "
                "WHERE schema_name = %s AND table_name = %s",
                [name.schema, name.table],
            ).fetchone()
            kinds = [
                "JSON" if key and kept[column] == "JSON" else _duck_type(kind)  # which is text: json cannot be a key
                for column, kind, key in columns
            ]
            names = [quoted(column) for column, _, _ in columns]
            duck.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(name.schema)}")
            described = ", ".join(f"{column} {kind}" for column, kind in zip(names, kinds, strict=True))
            duck.execute(f"CREATE TABLE {target} ({described})")
            texts = [
                f"encode({c}, 'hex')" if kind == "BLOB" else f"{c}::text" for c, kind in zip(names, kinds, strict=True)
            ]
            rows = connection.execute(f"SELECT {', '.join(texts)} FROM {source}").fetchall()
            _insert(duck, target, kinds, [_duck_row(row, kinds) for row in rows])
    read = {name: dataclasses.replace(one, key=keys[name]) for name, one in content(scratch).items()}
    duck.close()
    return read


def _duck_type(kind: str) -> str:
    name, bracket, rest = kind.partition("(")
    return POSTGRES_TYPES.get(name, name).upper() + bracket + rest


def _duck_row(row: tuple[str | None, ...], kinds: list[str]) -> list[str | None]:
    """Return the texts as DuckDB reads them: it writes the years before our era in another place."""
    return [
        f"{text[:10]} (BC){text[10:-3]}"
        if text and text.endswith(" BC") and kind.startswith(("DATE", "TIME"))
        else text
        for text, kind in zip(row, kinds, strict=True)
    ]


def _insert(duck: Any, target: str, kinds: list[str], rows: list[list[str | None]]) -> None:
    """Insert texts as values of the kinds."""
    columns = [pa.array([row[number] for row in rows], pa.string()) for number in range(len(kinds))]
    duck.register("texts", pa.table(columns, [f"c{number}" for number in range(len(kinds))]))
    values = [f"unhex(c{n})" if kind == "BLOB" else f"CAST(c{n} AS {kind})" for n, kind in enumerate(kinds)]
    duck.execute(f"INSERT INTO {target} SELECT {', '.join(values)} FROM texts")
    duck.unregister("texts")
