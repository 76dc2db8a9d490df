"""Relation: a table or view as the database describes it, and the Table that Fivetran is told about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater_runtime.tables import ColumnType, Table

__all__ = ["Relation"]


@dataclass(frozen=True)
class Relation:
    """A table or view. `types` has every column, in order: the type to force, None where the values tell it."""

    name: str
    schema: str | None
    key: tuple[str, ...]
    view: bool
    types: Mapping[str, ColumnType | None] = field(hash=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, in order; () if this user may not read it."""
        return tuple(self.types)

    def table(self, name: str = "", *, key: Sequence[str] | None = None, schema: str | None = None) -> Table:
        """Return the destination table: named like this one, with its key and types unless others are given."""
        forced = {column: kind for column, kind in self.types.items() if kind is not None}
        return Table(name or self.name, self.key if key is None else tuple(key), forced, schema)
