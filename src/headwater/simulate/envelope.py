"""Envelope: where a vendor's page keeps its parts, and the ways to break such a page on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from headwater.simulate.fault import FaultKind
from headwater.simulate.message import Handler, Reply, Request

__all__ = ["Envelope"]


@dataclass(frozen=True)
class Envelope:
    """Dotted paths in the body of a page: the record list, the next token, the more flag ("" when there is none).

    `param` is the query parameter the token comes back in, `key` the records' primary-key field. With
    `link` the next token is shown as an absolute link that holds it. `restart` turns a request into that for the first page,
    where more than leaving out `param` is needed.
    """

    records: str
    next: str
    param: str
    key: str
    more: str = ""
    link: bool = False
    restart: Callable[[Request], Request] | None = None

    def broken(self, kind: FaultKind, request: Request, handler: Handler, number: int) -> Reply:
        """Return the reply to `request` broken as `kind` says; `number` makes endless tokens differ.

        A reply that is itself an error, or no page in one piece, is left as it is.
        """
        if kind == "endless_pages":  # the first page again and again, each time under a token never seen before
            request = replace(request, params={k: v for k, v in request.params.items() if k != self.param})
            request = self.restart(request) if self.restart else request
        reply = handler(request)
        if reply.status >= 300 or reply.held or reply.chunks:
            return reply
        body = json.loads(reply.body)
        BREAKS[kind](self, body, request, number)
        return replace(reply, body=json.dumps(body).encode())

    def _turn(self, body: dict[str, Any], request: Request, token: str) -> None:
        if self.next:
            query = urlencode({**request.params, self.param: token})
            _put(body, self.next, f"{request.origin}{request.path}?{query}" if self.link else token)
        if self.more:
            _put(body, self.more, value=True)

    def _repeat_token(self, body: dict[str, Any], request: Request, _number: int) -> None:
        # The page's own token again; the first page has none, so its true next token stands and the second repeats it.
        if own := request.params.get(self.param):
            self._turn(body, request, own)

    def _never_end(self, body: dict[str, Any], request: Request, number: int) -> None:
        self._turn(body, request, f"{number:032x}")

    def _drop_records(self, body: dict[str, Any], _request: Request, _number: int) -> None:
        parent, name = _parent(body, self.records)
        parent.pop(name, None)

    def _null_key(self, body: dict[str, Any], _request: Request, _number: int) -> None:
        for record in self._records(body)[:1]:
            record[self.key] = None

    def _double_key(self, body: dict[str, Any], _request: Request, _number: int) -> None:
        records = self._records(body)
        if len(records) > 1:
            records[1][self.key] = records[0][self.key]

    def _records(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        parent, name = _parent(body, self.records)
        records: list[dict[str, Any]] = parent[name]
        return records


BREAKS: Mapping[FaultKind, Callable[[Envelope, dict[str, Any], Request, int], None]] = {
    "repeated_token": Envelope._repeat_token,  # noqa: SLF001  (the table of the class's own ways)
    "endless_pages": Envelope._never_end,  # noqa: SLF001
    "missing_records": Envelope._drop_records,  # noqa: SLF001
    "null_key": Envelope._null_key,  # noqa: SLF001
    "duplicate_key": Envelope._double_key,  # noqa: SLF001
}


def _parent(body: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *parents, name = path.split(".")
    for step in parents:
        body = body[step]
    return body, name


def _put(body: dict[str, Any], path: str, value: object) -> None:
    parent, name = _parent(body, path)
    parent[name] = value
