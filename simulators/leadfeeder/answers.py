"""Replies in the shapes of the legacy API: JSON:API envelopes and errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from headwater.simulate import Record, Remembered, Reply, Request

from .account import Shown
from .records import LOCATIONS, location, location_of

__all__ = ["Page", "document", "page", "page_of", "refuse", "resource"]

SIZE, LARGEST = 10, 100
TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    402: "Payment required",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    429: "Too many requests",
}
ABOUT = "http://docs.leadfeeder.com/api/#rate-limiting"
BY_ID = {one["id"]: one for one in map(location, range(LOCATIONS))}
Page = tuple[int, int]


def refuse(status: int, message: str) -> Reply:
    """Return an error in JSON:API form. Only the one of status 429 is documented."""
    if status == 429:
        title = "Rate limit of 100 requests per minute exceeded."
        return Reply.json({"errors": [{"title": title, "links": {"about": ABOUT}}]}, status=429)
    error = {"status": str(status), "title": TITLES.get(status, "Error"), "detail": message}
    return Reply.json({"errors": [error]}, status=status)


def page_of(request: Request, *, clamp: bool) -> Page | Reply:
    """Return the page's number and size. A size above the largest is refused, or taken for the largest (`clamp`)."""
    texts = [request.params.get("page[number]", "1"), request.params.get("page[size]", str(SIZE))]
    if not all(text.isascii() and text.isdigit() and int(text) for text in texts):
        return refuse(400, "page[number] and page[size] must be whole numbers from 1.")
    number, size = map(int, texts)
    if size > LARGEST and not clamp:
        return refuse(400, f"page[size] must not be above {LARGEST}.")
    return number, min(size, LARGEST)


def page(request: Request, indices: Sequence[int], shown: Remembered[Shown], which: Page, *, null_next: bool) -> Reply:
    """Return page `which` of the records at `indices`, with the locations they refer to and the links around it."""
    number, size = which
    records = shown.many(indices[(number - 1) * size : number * size])
    last = max(1, -(-len(indices) // size))
    links: dict[str, str | None] = {"self": _link(request, which), "last": _link(request, (last, size))}
    if number < last:
        links["next"] = _link(request, (number + 1, size))
    elif null_next:
        links["next"] = None
    rest = json.dumps({"included": _included(place for _, place in records), "links": links}, ensure_ascii=False)
    body = f'{{"data":[{",".join(text for text, _ in records)}],{rest[1:]}'
    return Reply(200, body.encode(), {"Content-Type": "application/json"}, records=len(records))


def document(kind: str, identifier: str, attributes: Mapping[str, Any]) -> Reply:
    """Return one resource that has no relationships."""
    return Reply.json({"data": {"id": identifier, "type": kind, "attributes": dict(attributes)}})


def resource(record: Record) -> Reply:
    """Return one record with its location."""
    return Reply.json({"data": record, "included": _included([location_of(record)])}, records=1)


def _included(places: Iterable[str | None]) -> list[Record]:
    return [BY_ID[one] for one in dict.fromkeys(places) if one is not None]


def _link(request: Request, which: Page) -> str:
    number, size = which
    params = {**request.params, "page[number]": str(number), "page[size]": str(size)}
    return f"{request.origin}{request.path}?{urlencode(sorted(params.items()))}"
