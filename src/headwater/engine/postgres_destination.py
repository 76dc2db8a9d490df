"""A PostgreSQL database as the destination, with the meaning of the DuckDB one, one transaction a checkpoint.

Rows are merged by the DuckDB destination, in memory, which holds the shape of every table and, during a checkpoint, the rows a change
needs: none for upserts, those of the changed keys for updates and deletes, all of them for a table whose columns widen or whose
key changes. What comes out is loaded with COPY and inserted over what is there.

The shapes are kept in a table of the schema, `_headwater_tables`: types have no exact counterpart in PostgreSQL's own catalog, and
only tables written down there are ever changed.
"""

# ruff: noqa: S608  (names in statements are quoted identifiers, values are never the connector's)

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.engine.buffer import Change
from headwater.engine.catalog import Existing, evolve, quoted, sql_name
from headwater.engine.duckdb_destination import DuckDbDestination
from headwater.engine.kept import as_json, from_json
from headwater.engine.landing import land
from headwater.engine.naming import DEFAULT_SCHEMA, FIVETRAN_NAMING
from headwater.engine.postgres_server import BATCH, Server, inward, outward, server_type
from headwater.engine.shape import TableName, TableShape
from headwater.engine.sqltypes import widest

__all__ = ["PostgresDestination"]

CATALOG, STAGE, KEYS = "_headwater_tables", "headwater_stage", "headwater_keys"
INCOMING, SIDE = "headwater_incoming", "headwater_side"


class PostgresDestination:
    """Tables in `schema` of the database that a libpq connection string or its parameters name (`host=…`, `password=…`).

    `schema` takes the place of `tester`, also in `tester_orders`: several warehouses can share a database.
    """

    def __init__(self, conninfo: str = "", *, schema: str = DEFAULT_SCHEMA, **parameters: Any) -> None:
        self.schema = schema
        self.folder: Path | None = None  # files that a connector uploads have no place in a database
        self._asked = conninfo, parameters
        self._server: Server | None = None
        self._merging: _Merging | None = None

    def open(self, naming: str = FIVETRAN_NAMING) -> str:
        """Connect, take the schema for this run, making it if need be. Raises WarehouseError."""
        self.close()
        server = Server(*self._asked)
        try:
            server.lock(self.schema)
            merging = _Merging(server, self.schema)
            kept = merging.open(naming)
        except BaseException:
            server.close()
            raise
        self._server, self._merging = server, merging
        return kept

    def commit(self, changes: Sequence[Change], moment: datetime) -> None:
        """Apply `changes` in one transaction."""
        server, merging = self._ready()
        with server.transaction():
            merging.commit(changes, moment)

    def counts(self) -> Mapping[str, int]:
        """Return the number of live rows of every table."""
        return self._ready()[1].counts()

    def close(self) -> None:
        """Disconnect, and let others have the schema."""
        if self._merging is not None:
            self._merging.connect().close()
        if self._server is not None:
            self._server.close()
        self._server = self._merging = None

    def _ready(self) -> tuple[Server, _Merging]:
        assert self._server is not None  # noqa: S101  (a run opens before it commits)
        assert self._merging is not None  # noqa: S101
        return self._server, self._merging


class _Merging(DuckDbDestination):
    """Merges in memory and writes each table's outcome through to the server, inside the server's transaction."""

    def __init__(self, server: Server, schema: str) -> None:
        super().__init__()
        self._server = server
        self._schema = schema
        self._catalog = f"{quoted(schema)}.{quoted(CATALOG)}"

    def open(self, naming: str = FIVETRAN_NAMING) -> str:
        """Read what shapes the tables have. Returns the naming in force."""
        with self._server.transaction():
            self._make_schema(self._schema)
            if not self._server.all("SELECT 1 WHERE to_regclass(%s) IS NOT NULL", [self._catalog]):
                self._server.execute(
                    f"CREATE TABLE {self._catalog} "
                    "(schema_name text, table_name text, kept text NOT NULL, PRIMARY KEY (schema_name, table_name))"
                )
                self._server.execute(f"INSERT INTO {self._catalog} VALUES ('', '', %s)", [json.dumps(naming)])
            kept = self._server.all(f"SELECT schema_name, table_name, kept FROM {self._catalog}")
        for schema, table, text in kept:
            if table:
                evolve(self.connect(), TableName(schema, table), None, from_json(json.loads(text)))
            else:
                naming = json.loads(text)
        return super().open(naming)

    def counts(self) -> Mapping[str, int]:
        """Return the number of live rows of every table on the server."""
        counts = {}
        for name, table in sorted(self._tables.items()):
            live = "WHERE _fivetran_deleted IS DISTINCT FROM TRUE" if "_fivetran_deleted" in table.columns else ""
            counts[name.shown] = int(self._server.all(f"SELECT count(*) FROM {self._name(name)} {live}")[0][0])
        return counts

    def _declare(self, shape: TableShape) -> None:
        before = self._tables.get(shape.name)
        super()._declare(shape)
        self._write_through(shape.name, before, whole=False)

    def _apply(self, change: Change, moment: str) -> None:
        name = change.shape.name
        before = self._tables.get(name)
        whole = before is not None and self._bring(change, before, moment)
        super()._apply(change, moment)
        self._write_through(name, before, whole=whole)

    def _bring(self, change: Change, before: Existing, moment: str) -> bool:
        """Load the rows that the change needs to see. Returns whether these are all rows of the table."""
        name = change.shape.name
        if any(section.truncates for section in change.sections) and "_fivetran_deleted" in before.columns:
            self._server.execute(  # the rows that the change names are settled in memory, whatever this makes of them
                f"UPDATE {self._name(name)} SET _fivetran_deleted = TRUE, _fivetran_synced = {moment} "
                "WHERE _fivetran_deleted IS DISTINCT FROM TRUE"
            )
        if all(chunk.only_upserts for section in change.sections for chunk in section.chunks):
            return False
        if not _keys_fit(change, before):
            self._load(name, before, self._name(name))
            return True
        self._send_keys(change, before)
        matches = " AND ".join(f"t.{quoted(key)} = k.{quoted(key)}" for key in before.key)
        found = (
            f"(SELECT t.* FROM {self._name(name)} AS t JOIN (SELECT DISTINCT * FROM {KEYS}) AS k ON {matches}) AS found"
        )
        self._load(name, before, found)
        self._server.execute(f"DROP TABLE {KEYS}")
        return False

    def _send_keys(self, change: Change, before: Existing) -> None:
        """Make a table on the server of the keys that the change names."""
        keys = Existing({key: before.columns[key] for key in before.key}, before.key)
        self._server.execute(f"CREATE TEMP TABLE {KEYS} ({self._columns(keys)}) ON COMMIT DROP")
        for chunk in (chunk for section in change.sections for chunk in section.chunks):
            arrays, values = {}, []
            for number, (key, kind) in enumerate(keys.columns.items()):
                landed = land([chunk.columns.get(key, chunk.length)], kind)
                arrays[f"k{number}"] = landed.array
                values.append(f"CAST({landed.expression.format(f'k{number}')} AS {kind}) AS {quoted(key)}")
            with self._incoming(pa.table(arrays)):
                self._send(f"(SELECT DISTINCT {', '.join(values)} FROM {INCOMING})", keys, KEYS)

    @contextmanager
    def _incoming(self, rows: pa.Table) -> Iterator[None]:
        """Let statements in memory select from `rows`."""
        self.connect().register(INCOMING, rows)
        try:
            yield
        finally:
            self.connect().unregister(INCOMING)

    def _load(self, name: TableName, shape: Existing, source: str) -> None:
        """Insert what the server has in `source` into the table in memory."""
        columns = ", ".join(map(quoted, shape.columns))
        values = ", ".join(inward(column, kind) for column, kind in shape.columns.items())
        with self._incoming(self._server.rows(source, shape)):
            self.connect().execute(f"INSERT INTO {sql_name(name)} ({columns}) SELECT {values} FROM {INCOMING}")
        self._filters.forget(name)

    def _write_through(self, name: TableName, before: Existing | None, *, whole: bool) -> None:
        """Make the server's table have the shape and the rows of the one in memory, and empty that."""
        after = self._tables.get(name)
        if after is None:
            return
        anew = before is None or _reshaped(before, after)
        if before is not None and anew:
            if not whole:
                self._complete(name, before, after)
            self._server.execute(f"DROP TABLE {self._name(name)}")
        if anew:
            self._create(name, after)
        elif before is not None:
            for column, kind in after.columns.items():
                if column not in before.columns:
                    added = f"{quoted(column)} {server_type(kind, key=False)}"
                    self._server.execute(f"ALTER TABLE {self._name(name)} ADD COLUMN {added}")
        if before != after:
            self._remember(name, after)
        self._insert(name, after, empty=anew)
        self.connect().execute(f"DELETE FROM {sql_name(name)}")
        self._filters.forget(name)

    def _complete(self, name: TableName, before: Existing, after: Existing) -> None:
        """Bring all rows into the table in memory, in their new shape, under those that are there already."""
        connection, table = self.connect(), sql_name(name)
        connection.execute(f"CREATE TEMP TABLE {SIDE} AS SELECT * FROM {table}")
        connection.execute(f"DROP TABLE {table}")
        evolve(connection, name, None, before)
        self._load(name, before, self._name(name))
        evolve(connection, name, before, after)
        if after.key:
            matches = " AND ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in after.key)
            connection.execute(f"DELETE FROM {table} AS t USING {SIDE} AS s WHERE {matches}")
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {SIDE}")
        connection.execute(f"DROP TABLE {SIDE}")

    def _insert(self, name: TableName, shape: Existing, *, empty: bool) -> None:
        source = sql_name(name)
        if self.connect().execute(f"SELECT 1 FROM {source} LIMIT 1").fetchone() is None:
            return
        if empty or not shape.key:
            self._send(source, shape, self._name(name))
            return
        self._server.execute(f"CREATE TEMP TABLE {STAGE} ({self._columns(shape)}) ON COMMIT DROP")
        self._send(source, shape, STAGE)
        names, keys = ", ".join(map(quoted, shape.columns)), ", ".join(map(quoted, shape.key))
        values = ", ".join(f"{quoted(c)} = EXCLUDED.{quoted(c)}" for c in shape.columns if c not in shape.key)
        self._server.execute(
            f"INSERT INTO {self._name(name)} ({names}) SELECT {names} FROM {STAGE} "
            f"ON CONFLICT ({keys}) DO UPDATE SET {values}"
        )
        self._server.execute(f"DROP TABLE {STAGE}")

    def _send(self, source: str, shape: Existing, target: str) -> None:
        texts = ", ".join(f"{outward(column, kind)} AS {quoted(column)}" for column, kind in shape.columns.items())
        answer = self.connect().execute(f"SELECT {texts} FROM {source}")
        reader = getattr(answer, "to_arrow_reader", None) or answer.fetch_record_batch  # its name until DuckDB 1.4
        self._server.write(target, list(shape.columns), reader(BATCH))

    def _create(self, name: TableName, shape: Existing) -> None:
        self._make_schema(self._schema_of(name))
        key = f", PRIMARY KEY ({', '.join(map(quoted, shape.key))})" if shape.key else ""
        self._server.execute(f"CREATE TABLE {self._name(name)} ({self._columns(shape)}{key})")

    def _make_schema(self, schema: str) -> None:
        if not self._server.all("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]):
            self._server.execute(f"CREATE SCHEMA {quoted(schema)}")

    def _remember(self, name: TableName, shape: Existing) -> None:
        self._server.execute(
            f"INSERT INTO {self._catalog} VALUES (%s, %s, %s) "
            "ON CONFLICT (schema_name, table_name) DO UPDATE SET kept = EXCLUDED.kept",
            [name.schema, name.table, json.dumps(as_json(shape))],
        )

    def _columns(self, shape: Existing) -> str:
        return ", ".join(
            f"{quoted(column)} {server_type(kind, key=column in shape.key)}" for column, kind in shape.columns.items()
        )

    def _schema_of(self, name: TableName) -> str:
        if name.schema == DEFAULT_SCHEMA or name.schema.startswith(f"{DEFAULT_SCHEMA}_"):
            return self._schema + name.schema[len(DEFAULT_SCHEMA) :]
        return name.schema

    def _name(self, name: TableName) -> str:
        return f"{quoted(self._schema_of(name))}.{quoted(name.table)}"


def _reshaped(before: Existing, after: Existing) -> bool:
    widened = any(after.columns[column] != kind for column, kind in before.columns.items())
    return widened or set(before.key) != set(after.key)


def _keys_fit(change: Change, before: Existing) -> bool:
    """Return whether the rows can be looked up by the key that the table has: it stays, and in its types."""
    if set(change.shape.row_key) != set(before.key):
        return False
    return all(
        widest([kind, change.shape.columns.get(key), change.asked.get(key)]) == kind
        for key, kind in ((key, before.columns[key]) for key in before.key)
    )
