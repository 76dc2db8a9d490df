"""Odd replies: redirects, pages for people, bodies that are not what they say, or that do not end for a long time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import format_datetime
from urllib.parse import urlencode

from headwater.simulate.message import Handler, Reply, Request

__all__ = ["errors_in_200", "flaky", "html", "huge", "mislabelled", "redirected", "truncated", "unmodified"]

BLOCK = 65_536


def redirected(to: str, *, status: int = 302, keep_query: bool = True) -> Handler:
    """Return a route that sends clients to `to`: a path, or a URL on another host. A route that leads to itself is a loop."""

    def handler(request: Request) -> Reply:
        query = f"?{urlencode(request.params)}" if keep_query and request.params else ""
        return Reply(status, b"", {"Location": to + query})

    return handler


def html(*, status: int = 200, text: str = "Please sign in") -> Handler:
    """Return a route that answers with a page for people, as a proxy or a login wall does."""

    def handler(_request: Request) -> Reply:
        page = f"<!DOCTYPE html>\n<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n"
        return Reply(status, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    return handler


def mislabelled(handler: Handler, content_type: str = "text/plain") -> Handler:
    """Return `handler` with a Content-Type that is not that of its body; "" sends none."""

    def wrong(request: Request) -> Reply:
        reply = handler(request)
        headers = {name: value for name, value in reply.headers.items() if name.lower() != "content-type"}
        return replace(reply, headers={**headers, "Content-Type": content_type} if content_type else headers)

    return wrong


def truncated(handler: Handler, share: float = 0.5) -> Handler:
    """Return `handler` with only a share of its body, under a Content-Length that fits what is sent: nobody sees it missing."""

    def cut(request: Request) -> Reply:
        reply = handler(request)
        return replace(reply, body=reply.body[: int(len(reply.body) * share)])

    return cut


def huge(size: int, *, told: bool = False, unit: bytes = b'{"n":1},') -> Handler:
    """Return a route whose body is an array of at least `size` bytes, made while it is sent: ten gigabytes take no memory.

    It comes in chunks of a length nobody knows, or with `told` under its Content-Length.
    """
    head, block, tail = b"[", unit * max(1, BLOCK // len(unit)), unit.rstrip(b",") + b"]"
    blocks = -(-size // len(block))
    length = {"Content-Length": str(len(head) + blocks * len(block) + len(tail))} if told else {}

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(blocks):
            yield block
        yield tail

    return lambda _request: Reply(200, b"", {"Content-Type": "application/json", **length}, chunks=body)


def errors_in_200(handler: Handler, fails: Callable[[Request], bool], body: object) -> Handler:
    """Return `handler`, but for requests that `fails` names a reply of status 200 whose body is an error."""
    return lambda request: Reply.json(body) if fails(request) else handler(request)


def flaky(handler: Handler, *replies: Reply) -> Handler:
    """Return `handler`, but the first requests get `replies`, one each: errors that go away."""
    left = list(replies)
    return lambda request: left.pop(0) if left else handler(request)


def unmodified(handler: Handler, tag: Callable[[], str]) -> Handler:
    """Return `handler` with an ETag; a request that shows the same one gets 304 without a body."""

    def tagged(request: Request) -> Reply:
        etag = f'"{tag()}"'
        if request.headers.get("if-none-match") == etag:
            return Reply(304, b"", {"ETag": etag})
        return handler(request).with_headers(ETag=etag, Last_Modified=format_datetime(request.at, usegmt=True))

    return tagged
