"""The two routes every data set has: its pages and its spec document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from headwater.simulate import Envelope, Population, PositionToken, Reply, Request, Route

__all__ = ["dataset_route", "spec_route"]

PAGE_SIZE = 100
LARGEST_PAGE = 200
KEY_HEADERS = ("api_key", "x-api-key")  # the published README names the first, the newest connectors send the second
JSON_HEADERS = {"Content-Type": "application/json"}


def dataset_route(code: str, population: Population, api_key: str, options: Mapping[str, object]) -> Route:
    """Return `GET /{code}_data`. A cursor holds an offset, so it stays good however much the data grows."""
    records = f"{code}_records"
    tokens = PositionToken(f"headwater {code}".encode())
    empty_at = options["empty_page_at"]

    @lru_cache(maxsize=128)
    def body(offset: int, size: int, revision: object) -> bytes:  # noqa: ARG001  (a changed population is another page)
        return _page(list(population.records(offset, offset + size)), offset + size, len(population))

    def _page(rows: list[dict[str, Any]], after: int, count: int) -> bytes:
        page: dict[str, Any] = {records: rows, "next_cursor": None, "has_more": after < count}
        if page["has_more"]:
            page["next_cursor"] = tokens.encode(2 * after)
        elif not options["null_cursor"]:
            del page["next_cursor"]
        return json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()

    def handler(request: Request) -> Reply:
        if not any(request.headers.get(name) == api_key for name in KEY_HEADERS):
            return Reply.error(401, "A valid API key is needed in the header api_key or x-api-key.")
        size = _page_size(request.params.get("page_size"))
        if size is None:
            return Reply.error(400, f"page_size must be a whole number from 1 to {LARGEST_PAGE}.")
        cursor = request.params.get("cursor")
        position = 0 if cursor is None else tokens.decode(cursor)
        if position is None:
            return Reply.error(400, "The cursor is not one this API gave.")
        offset, after_empty = divmod(position, 2)  # the last bit says that the empty page has been shown
        if isinstance(empty_at, int) and not after_empty and offset <= empty_at < offset + size:
            return Reply.json({records: [], "next_cursor": tokens.encode(2 * offset + 1), "has_more": True}, records=0)
        shown = max(0, min(size, len(population) - offset))
        return Reply(200, body(offset, size, population.revision), JSON_HEADERS, records=shown)

    envelope = Envelope(records=records, next="next_cursor", param="cursor", key="record_id", more="has_more")
    return Route("GET", f"/{code}_data", handler, envelope)


def spec_route(code: str, population: Population) -> Route:
    """Return `GET /{code}_api_spec`: an OpenAPI document that can be read without a key."""

    def handler(_request: Request) -> Reply:
        sample = next(iter(population.records(0, 1)), {})
        properties = {name: {"type": _json_type(value)} for name, value in sample.items()}
        return Reply.json(_spec(code, properties))

    return Route("GET", f"/{code}_api_spec", handler)


def _page_size(text: str | None) -> int | None:
    if text is None:
        return PAGE_SIZE
    if not (text.isascii() and text.isdigit()):
        return None
    size = int(text)
    return size if 1 <= size <= LARGEST_PAGE else None


def _json_type(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "string")


def _spec(code: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    page = {
        f"{code}_records": {"type": "array", "items": {"type": "object", "properties": properties}},
        "next_cursor": {"type": "string", "nullable": True},
        "has_more": {"type": "boolean"},
    }
    integer = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE}
    parameters = [
        {"name": "page_size", "in": "query", "schema": integer},
        {"name": "cursor", "in": "query", "schema": {"type": "string"}},
    ]
    content = {"application/json": {"schema": {"type": "object", "properties": page}}}
    replies = {
        "200": {"description": "A page of records", "content": content},
        "400": {"description": "A bad page_size or cursor"},
        "401": {"description": "A missing or wrong API key"},
        "429": {"description": "Too many requests"},
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": f"{code.upper()} demo data API", "version": "1.0.0"},
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "api_key"}}},
        "security": [{"key": []}],
        "paths": {f"/{code}_data": {"get": {"parameters": parameters, "responses": replies}}},
    }
