"""A GraphQL vendor: a schema in its own language, data as plain dicts, every query parsed, validated and executed by graphql-core.

Import it by its own name, `headwater.simulate.graphql`: graphql-core is needed by whoever simulates GraphQL, and by nobody else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)

from headwater.simulate.graphql_budget import Budget, cost_of
from headwater.simulate.message import Reply, Request
from headwater.simulate.position_token import PositionToken
from headwater.simulate.simulation import Route

__all__ = ["Asked", "Trouble", "Vendor", "fail", "offset", "relay", "strikes"]

TOKENS = PositionToken(b"headwater graphql")
PARSED = 256  # documents kept: a connector sends the same few again and again


@dataclass(frozen=True)
class Asked:
    """One query as a vendor sees it. `number` counts queries from 1 since the vendor began, `cost` is what it is reckoned at."""

    number: int
    operation: str
    variables: Mapping[str, Any]
    cost: int
    request: Request


Trouble = Callable[[Asked], "Reply | Mapping[str, Any] | None"]  # an error, a whole reply, or None: no trouble


@dataclass
class Vendor:
    """Executes queries over `roots`: for each field of Query a value, or a function of `info` and the field's arguments.

    A dict answers for an object, field by field; a value in it may be such a function too, and what it raises becomes an error
    with a path, its null moving up as the schema says. `budget` is what queries cost a share of, `troubles` are asked
    before a query is executed. A query that costs more than `dearest` is refused.
    """

    sdl: str
    roots: Mapping[str, Any]
    budget: Budget | None = None
    troubles: Sequence[Trouble] = ()
    dearest: int | None = None
    path: str = "/graphql"
    number: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._schema = build_schema(self.sdl)
        self._documents: dict[str, DocumentNode | list[GraphQLError]] = {}

    def routes(self) -> tuple[Route, Route]:
        """Return its endpoint, by POST and by GET."""
        return Route("POST", self.path, self.handler), Route("GET", self.path, self.handler)

    def forget(self) -> None:
        """Count from 1 again, with a whole budget."""
        self.number = 0
        if self.budget is not None:
            self.budget.forget()

    def handler(self, request: Request) -> Reply:
        """Answer one query. What cannot be parsed or is not valid is a 400 with errors, all else a 200."""
        try:
            body = request.json() if request.method == "POST" else _of_query(request)
            source, variables = body["query"], body.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            return Reply.json({"errors": [{"message": "There is no query."}]}, status=400)
        document = self._document(source)
        if isinstance(document, list):
            return Reply.json({"errors": [error.formatted for error in document]}, status=400)
        self.number += 1
        chosen = get_operation_ast(document, body.get("operationName"))
        name = chosen.name.value if chosen is not None and chosen.name is not None else ""
        asked = Asked(self.number, name, variables, cost_of(document, variables), request)
        refused = self._refused(asked)
        if refused is not None:
            return refused
        context = {"asked": asked, "budget": self.budget}
        done = execute_sync(self._schema, document, dict(self.roots), context, variables, body.get("operationName"))
        answer: dict[str, Any] = {"data": done.data}
        if done.errors:
            answer = {"errors": [error.formatted for error in done.errors], **answer}
        if self.budget is not None:
            answer |= self.budget.extensions(asked.cost, request.at)
        return Reply.json(answer, headers=self.budget.headers(request.at) if self.budget else None)

    def _document(self, source: str) -> DocumentNode | list[GraphQLError]:
        if source not in self._documents:
            if len(self._documents) >= PARSED:
                self._documents.clear()
            try:
                document = parse(source)
                self._documents[source] = list(validate(self._schema, document)) or document
            except GraphQLSyntaxError as error:
                self._documents[source] = [error]
        return self._documents[source]

    def _refused(self, asked: Asked) -> Reply | None:
        for trouble in self.troubles:
            found = trouble(asked)
            if isinstance(found, Reply):
                return found
            if found is not None:
                return Reply.json({"data": None, "errors": [found]})
        if self.dearest is not None and asked.cost > self.dearest:
            said = f"Query cost is {asked.cost}, which exceeds the single query max cost limit {self.dearest}."
            return Reply.json({"errors": [{"message": said, "extensions": {"code": "MAX_COST_EXCEEDED"}}]})
        return self.budget.refused(asked.cost, asked.request.at) if self.budget is not None else None


def strikes(
    error: Mapping[str, Any] | Reply, *numbers: int, largest: int | None = None, size: str = "first"
) -> Trouble:
    """Return the trouble that gives `error` to queries of these numbers; with `largest`, to any that asks for more in `$size`."""

    def trouble(asked: Asked) -> Mapping[str, Any] | Reply | None:
        large = largest is not None and int(asked.variables.get(size) or 0) > largest
        return error if large or asked.number in numbers else None

    return trouble


def fail(message: str, **extensions: Any) -> Callable[..., Any]:
    """Return a field's function that raises an error with these extensions."""

    def raises(_info: Any, **_arguments: Any) -> Any:
        raise GraphQLError(message, extensions=extensions or None)

    return raises


def relay(
    items: Sequence[Any], *, most: int = 250, default: int = 50, empty_at: int | None = None
) -> Callable[..., Any]:
    """Return a field's function that is a Relay connection over `items`: first, after, last, before; pageInfo, nodes, edges.

    With `empty_at` the page with this item comes after an empty one that says there is more.
    """

    def connection(
        _info: Any,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        **_filters: Any,
    ) -> dict[str, Any]:
        size = first if first is not None else last
        if size is not None and not 1 <= size <= most:
            raise GraphQLError(f"A page has 1 to {most} records.", extensions={"code": "BAD_USER_INPUT"})
        begin, told = _behind(after)
        end = min(len(items), _behind(before)[0] - 1) if before is not None else len(items)
        if last is not None and first is None:
            begin = max(begin, end - last)
        else:
            end = min(end, begin + (size or default))
        empty = empty_at is not None and not told and begin <= empty_at < end
        shown = items[begin : begin if empty else end]
        cursors = [TOKENS.encode(2 * (begin + at)) for at in range(len(shown))]
        info = {
            "hasNextPage": begin + len(shown) < len(items),
            "hasPreviousPage": begin > 0,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": TOKENS.encode(2 * begin + 1) if empty else cursors[-1] if cursors else None,
        }
        edges = [{"cursor": cursor, "node": node} for cursor, node in zip(cursors, shown, strict=True)]
        return {"nodes": shown, "edges": edges, "pageInfo": info, "totalCount": len(items)}

    return connection


def offset(items: Sequence[Any], *, most: int = 250, default: int = 50) -> Callable[..., Any]:
    """Return a field's function that is a page by `offset` and `limit`, or by `page` and `perPage`: items, total, hasMore."""

    def listed(
        _info: Any,
        offset: int = 0,
        limit: int | None = None,
        page: int | None = None,
        perPage: int | None = None,  # noqa: N803  (an argument of the schema)
        **_filters: Any,
    ) -> dict[str, Any]:
        size = min(most, limit or perPage or default)
        begin = offset if page is None else (page - 1) * size
        shown = items[begin : begin + size]
        return {"items": shown, "total": len(items), "hasMore": begin + len(shown) < len(items)}

    return listed


def _behind(cursor: str | None) -> tuple[int, bool]:
    """Return the position behind a cursor, and whether it is that of an empty page."""
    if cursor is None:
        return 0, False
    found = TOKENS.decode(cursor)
    if found is None:
        raise GraphQLError("The cursor is not one this API gave.", extensions={"code": "BAD_USER_INPUT"})
    return (found // 2, True) if found % 2 else (found // 2 + 1, False)


def _of_query(request: Request) -> dict[str, Any]:
    return {**request.params, "variables": json.loads(request.params.get("variables") or "{}")}
