"""wsgi: a vendor whose answers come from a web application of somebody else's, as a route's handler."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from headwater.simulate.message import Handler, Reply, Request

__all__ = ["wsgi"]

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def wsgi(application: Application, *, rename: Callable[[str], str] = str) -> Handler:
    """Return a handler that asks `application`. `rename` makes the path it is asked for of the one that was asked for."""

    def handler(request: Request) -> Reply:
        told: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
            told.append((status, headers))
            return bytes

        made = application(_environ(request, rename(request.path)), start)
        try:
            body = b"".join(made)
        finally:
            if close := getattr(made, "close", None):
                close()
        ((status, headers),) = told
        # The server tells how long a body is; of an answer to HEAD only the application knows.
        kept = {name.title(): text for name, text in headers}
        if request.method != "HEAD":
            kept.pop("Content-Length", None)
        return Reply(int(status.split()[0]), body, kept)

    return handler


def _environ(request: Request, path: str) -> dict[str, Any]:
    query = urlencode(request.params)
    host, _, port = request.headers.get("host", "127.0.0.1:80").partition(":")
    environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "RAW_URI": path + (f"?{query}" if query else ""),
        "QUERY_STRING": query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    named = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in request.headers.items()}
    return {**environ, **named}
