"""Paging in a GraphQL query's variables: Relay's connections, and any other paging with its parameters put there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headwater_runtime.call import Body, Position, Query
from headwater_runtime.errors import ContractError
from headwater_runtime.paging import COMPARE, Paging, Sizes, Step, largest, need_size, put
from headwater_runtime.records import lookup
from headwater_runtime.transport import Request, Response

__all__ = ["Relay", "Variable", "connection_of", "in_variables", "sent_by"]

PARAMETERS = ("param", "size_param", "skip_param")  # of a paging: a plain text there names a variable
NODES = ".edges.*.node"


@dataclass(frozen=True)
class Relay(Paging):
    """A connection with a `pageInfo`, paged by the variable `param`; `backward`: from its end, each page turned round.

    It ends where `hasNextPage` (backward: `hasPreviousPage`) says so and not before. `connection` is filled in by the reader.
    """

    param: str = ""
    size_param: str = ""
    size: int | Sizes | None = None
    backward: bool = False
    connection: str = field(default="", repr=False)

    durable = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "param", self.param or ("before" if self.backward else "after"))
        if self.size is not None:
            object.__setattr__(self, "size_param", self.size_param or ("last" if self.backward else "first"))
        need_size("Relay", self.size_param, self.size)

    @property
    def page_info(self) -> tuple[str, str]:
        """The names in `pageInfo` that say whether there is more, and from where to go on."""
        return ("hasPreviousPage", "startCursor") if self.backward else ("hasNextPage", "endCursor")

    def place(self, request: Request, position: Position | None) -> Request:
        """Put the cursor and the size in their variables."""
        request = put(request, Variable(self.param), position)
        return put(request, Variable(self.size_param), largest(self.size))

    def after(self, position: Position | None, body: Any, records: Sequence[Any], response: Response) -> Step:  # noqa: ARG002
        """Go on at the cursor of the page's end. The last one is kept, for what comes to be behind it."""
        return self.behind(lookup(body, self.connection), position)

    def behind(self, connection: Any, position: Position | None = None) -> Step:
        """Return where the page that is in `connection` leaves the reader. Raises ContractError where it does not say."""
        info = connection.get("pageInfo") if isinstance(connection, dict) else None
        flag, name = self.page_info
        more, cursor = (info.get(flag), info.get(name)) if isinstance(info, dict) else (None, None)
        where = f"{self.connection}.pageInfo"
        if not isinstance(more, bool):
            raise ContractError(f"the source does not say whether there is more: no '{where}.{flag}'", hint=COMPARE)
        given = isinstance(cursor, (str, int)) and cursor != "" and not isinstance(cursor, bool)
        if more and not given:
            raise ContractError(f"the source says '{where}.{flag}' but gives no '{name}' to go on with", hint=COMPARE)
        return Step(cursor if given else position, more)


@dataclass(frozen=True)
class Variable(Query):
    """A variable of a query: in the JSON body, or as text in the parameter `variables` of a GET."""

    def put(self, request: Request, value: Any) -> Request:
        """Return `request` with the value in its place."""
        if request.body is not None:
            return Body(f"variables.{self.name}").put(request, value)
        variables = {**json.loads(request.params.get("variables") or "{}"), self.name: value}
        return replace(request, params={**request.params, "variables": json.dumps(variables)})


def in_variables(paging: Paging, records: str) -> Paging:
    """Return `paging` for records at the path `records`: what it names are variables."""
    held: Any = paging
    if isinstance(paging, Relay):
        return replace(paging, connection=connection_of(records)[0])
    given = {name: value for name in PARAMETERS if isinstance(value := getattr(paging, name, None), str) and value}
    return replace(held, **{name: Variable(value) for name, value in given.items()}) if given else paging


def sent_by(paging: Paging) -> tuple[str, ...]:
    """Return the variables that `paging` sends, the one that leads from page to page first."""
    values = [getattr(paging, name, None) for name in PARAMETERS]
    named = [value.name if isinstance(value, Variable) else value for value in values]
    return tuple(name for name in named if isinstance(name, str) and name)


def connection_of(records: str) -> tuple[str, str]:
    """Return the path of the object that holds records, and theirs in it: `edges.*.node`, or a name."""
    path = records.removesuffix("?")
    if f".{path}".endswith(NODES):
        return path[: -len(NODES)] if path != NODES[1:] else "", NODES[1:]
    above, _, name = path.rpartition(".")
    return above, name
