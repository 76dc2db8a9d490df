"""What a connector declares about its tables, in the destination's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fivetran_connector_sdk_cli import schema_processing
from fivetran_connector_sdk_core import DataType

from headwater.engine.naming import DEFAULT_SCHEMA, Naming
from headwater.engine.sqltypes import SqlType, declared_type, wider

__all__ = ["ROW_ID", "SYSTEM_COLUMNS", "Shapes", "TableName", "TableShape", "declared_shapes"]

ROW_ID = "_fivetran_id"
SYSTEM_COLUMNS = ("_fivetran_deleted", "_fivetran_synced")


@dataclass(frozen=True, order=True)
class TableName:
    """A table in the destination."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def shown(self) -> str:
        """The name in counts and reports: the schema is left out where it is the usual one."""
        return self.table if self.schema == DEFAULT_SCHEMA else str(self)


@dataclass(frozen=True)
class TableShape:
    """A table as declared. `columns` are the destination's names, None where the type is left to the values.

    `key` is empty for a table without a primary key; its rows are told apart by a hash, in the column `ROW_ID`.
    `data_types` are the SDK's types under the source's column names.
    """

    name: TableName
    key: tuple[str, ...] = ()
    columns: Mapping[str, SqlType | None] = field(default_factory=dict)
    data_types: Mapping[str, DataType] = field(default_factory=dict)

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that tell rows apart."""
        return self.key or (ROW_ID,)


class Shapes:
    """All tables of one sync by the source's names; an undeclared one has no key and no types."""

    def __init__(self, declared: Mapping[tuple[str | None, str], TableShape], naming: Naming) -> None:
        self.naming = naming
        self.rename = naming.name
        self.declared = dict(declared)
        self._by_source = dict(declared)
        self._by_name: dict[TableName, TableShape] = {}
        for shape in declared.values():
            self._by_name[shape.name] = _merged(self._by_name.get(shape.name), shape)

    def of(self, schema: str | None, table: str) -> TableShape:
        """Return the shape of the table the source calls `table`."""
        known = self._by_source.get((schema, table))
        if known is None:
            name = TableName(self.naming.schema(schema), self.naming.table(table))
            known = self._by_name.setdefault(name, TableShape(name))
            self._by_source[schema, table] = known
        return self._by_name.get(known.name, known)

    def all_declared(self) -> list[TableShape]:
        """Return the declared tables, one for each destination table."""
        return [self._by_name[name] for name in dict.fromkeys(shape.name for shape in self.declared.values())]


def declared_shapes(schema_method: Any, configuration: Mapping[str, Any], naming: Naming) -> Shapes:
    """Call the connector's `schema` and return what it declares. Raises what the SDK raises for a bad declaration.

    The SDK's operations look up column types in a registry of theirs, which this fills as a side effect.
    """
    schema_processing.reset()
    if schema_method is not None:
        schema_processing.process_tables(schema_method(dict(configuration)), {})
    declared = {}
    for (schema, table), entry in schema_processing.TABLES.items():
        columns: dict[str, SqlType | None] = {}
        for column in entry.columns:
            columns.setdefault(naming.name(column.name), declared_type(column))
        for reserved in SYSTEM_COLUMNS:
            columns.pop(reserved, None)
        declared[schema, table] = TableShape(
            name=TableName(naming.schema(schema), naming.table(table)),
            key=tuple(dict.fromkeys(naming.name(column.name) for column in entry.columns if column.primary_key)),
            columns=columns,
            data_types={c.name: c.type for c in entry.columns if c.type != DataType.UNSPECIFIED},
        )
    return Shapes(declared, naming)


def _merged(one: TableShape | None, other: TableShape) -> TableShape:
    """Join two declarations whose names the destination cannot tell apart."""
    if one is None:
        return other
    columns = dict(one.columns)
    for name, kind in other.columns.items():
        columns[name] = wider(columns.get(name), kind)
    return TableShape(one.name, other.key or one.key, columns, {**other.data_types, **one.data_types})
