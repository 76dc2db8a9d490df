"""Statements: what is selected, in which order, and what lies behind a position. Names are always quoted, never pasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from headwater_runtime.errors import require
from headwater_runtime.sql.server import Column, Server

__all__ = ["Origin", "ahead", "between", "literal", "named", "rendered"]


@dataclass(frozen=True)
class Origin:
    """What rows come from: a table or view, or else a statement."""

    name: str
    schema: str | None = None
    statement: str = ""

    def __post_init__(self) -> None:
        what, hint = "what is read from a database needs a name", 'give db.table("orders") or db.query("SELECT …")'
        require(self.name or self.statement, what, "Database", hint)

    @property
    def title(self) -> str:
        """What a message and a stream's shape call it."""
        if self.statement:
            return f"query {self.name}"
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def where(self) -> str:
        """Where an error is."""
        return self.title if self.statement else f"table {self.title}"

    def quoted(self, dialect: sa.Dialect) -> str:
        """Return a table's name for a statement."""
        prepare = dialect.identifier_preparer
        return ".".join(prepare.quote_identifier(one) for one in (self.schema, self.name) if one)

    def rows(self, names: Sequence[str]) -> sa.FromClause:
        """Return it as `t`, with its columns `names`."""
        columns = [named(name) for name in names]
        if not self.statement:
            schema = None if self.schema is None else quoted_name(self.schema, True)
            return sa.table(quoted_name(self.name, True), *columns, schema=schema).alias("t")
        text = self.statement.strip().rstrip("; \t\r\n").replace(":", r"\:")  # a colon would begin a parameter
        return sa.text(text + "\n").columns(*columns).subquery("t")


def named(name: str) -> sa.ColumnClause[Any]:
    """Return a column by its very name."""
    return sa.column(quoted_name(name, True))


class _Literal(sa.types.UserDefinedType[Any]):
    """A text without a type of its own: the server reads it as the type of what it is compared with."""

    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        """Never asked for: nothing is created."""
        raise NotImplementedError

    def literal_processor(self, dialect: sa.Dialect) -> Any:  # noqa: ARG002
        """Quote as the standard has it, under which a backslash is a backslash."""
        return lambda value: "'" + str(value).replace("'", "''") + "'"


def literal(text: str) -> sa.ColumnElement[Any]:
    """Return `text` for statements that are rendered whole."""
    return sa.literal(text, _Literal())


def rendered(statement: sa.Select[Any], dialect: sa.Dialect, *, whole: bool) -> tuple[str, Any]:
    """Return a statement's text and its parameters as the dialect's driver takes them; `whole`: none, all in the text."""
    compiled = statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True} if whole else {})
    if whole:
        return str(compiled), None
    values = compiled.params
    order = getattr(compiled, "positiontup", None)
    return str(compiled), values if order is None else tuple(values[name] for name in order)


def between(
    server: Server,
    rows: sa.FromClause,
    columns: Sequence[Column],
    above: Sequence[Any] | None,
    up_to: Sequence[Any] | None,
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of rows behind the key `above`, and up to the key `up_to`, that one included."""
    found = []
    keys = [column.compared(rows.c[column.name]) for column in columns]
    for values, up in ((above, True), (up_to, False)):
        if values is None:
            continue
        bounds = [server.value(column, value) for column, value in zip(columns, values, strict=True)]
        found.append(ahead(keys, bounds, up=up, row_values=server.row_values))
    return found


def ahead(keys: Sequence[Any], bounds: Sequence[Any], *, up: bool, row_values: bool) -> sa.ColumnElement[bool]:
    """Return the condition of keys above `bounds` (`up`), or else at most there, in the form that an index serves."""
    if len(keys) == 1:
        one: sa.ColumnElement[bool] = keys[0] > bounds[0] if up else keys[0] <= bounds[0]
        return one
    if row_values:
        left, right = sa.tuple_(*keys), sa.tuple_(*bounds)
        return left > right if up else left <= right
    last = len(keys) - 1
    steps = []
    for index, (key, bound) in enumerate(zip(keys, bounds, strict=True)):
        step = (key > bound) if up else (key <= bound if index == last else key < bound)
        steps.append(sa.and_(*(keys[at] == bounds[at] for at in range(index)), step))
    first = keys[0] >= bounds[0] if up else keys[0] <= bounds[0]  # the part that an index on the first column serves
    return sa.and_(first, sa.or_(*steps))
