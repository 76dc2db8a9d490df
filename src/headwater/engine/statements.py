"""Statements over Arrow rows on one DuckDB connection. What is run again and again is planned once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
import pyarrow as pa

__all__ = ["ROW_GROUP", "Statements"]

MOST = 256  # sources and prepared statements to keep
# Rows of a group, a quarter of what DuckDB would take. A statement's rows are shown to it in batches of as many: each is put by
# one thread into a group of its own, and a full group is written to the tables at once, half a one to the log first, and later again.
ROW_GROUP = 30_720


class Statements:
    """To be told to `forget` when a transaction is rolled back: what was registered or prepared in it is gone with it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._sources: dict[pa.Schema, tuple[str, _Held]] = {}
        self._prepared: dict[str, str] = {}  # "" for what ran only once
        self._made = 0

    def execute(self, sql: str) -> Any:
        """Run a statement."""
        return self.connection.execute(sql)

    def execute_again(self, sql: str, *values: str) -> Any:
        """Run a statement that will come again, with other `values` (SQL literals) for its parameters $1, $2 and so on."""
        name = self._prepared.get(sql)
        if name is None:  # to prepare what may not come again would be in vain
            self._prepared[sql] = ""
            for number, value in enumerate(values, 1):
                sql = sql.replace(f"${number}", value)
            return self.connection.execute(sql)
        if not name:
            name = self._name("statement")
            self.connection.execute(f"PREPARE {name} AS {sql}")
            self._prepared[sql] = name
        return self.connection.execute(f"EXECUTE {name}({', '.join(values)})" if values else f"EXECUTE {name}")

    @contextmanager
    def source(self, rows: pa.Table) -> Iterator[str]:
        """Let statements read `rows` under the name this gives; rows of the same columns always have the same name."""
        if len(self._sources) >= MOST or len(self._prepared) >= MOST:
            self.forget()
        name, held = self._sources.get(rows.schema, ("", None))
        if held is None:
            name, held = self._name("source"), _Held()
            held.rows = rows  # looked at when it is registered
            self.connection.register(name, held)
            self._sources[rows.schema] = (name, held)
        held.rows = rows if _in_groups(rows) else rows.combine_chunks()
        try:
            yield name
        finally:
            held.rows = None

    def forget(self) -> None:
        """Know no source and no prepared statement any more."""
        for name in filter(None, self._prepared.values()):
            with suppress(duckdb.Error):
                self.connection.execute(f"DEALLOCATE {name}")
        for name, _ in self._sources.values():
            with suppress(duckdb.Error):
                self.connection.unregister(name)
        self._sources, self._prepared = {}, {}

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"headwater_{kind}_{self._made}"


def _in_groups(rows: pa.Table) -> bool:
    return all(batch.num_rows == ROW_GROUP for batch in rows.to_batches(ROW_GROUP)[:-1])


class _Held:
    """Rows for DuckDB to read, which can be let go of: it keeps what is registered."""

    def __init__(self) -> None:
        self.rows: pa.Table | None = None

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Show the rows: Arrow's own protocol."""
        assert self.rows is not None  # noqa: S101  (nothing reads outside `source`)
        return self.rows.to_reader(ROW_GROUP).__arrow_c_stream__(requested_schema)
