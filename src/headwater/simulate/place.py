"""Where a request carries its parameters, and where a body keeps its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

from headwater.simulate.message import Request

__all__ = ["Place", "asked", "parameter", "put"]

DOT = re.compile(r"(?<!\\)\.")
Place = Literal["query", "header", "json", "form", "path"]


def asked(request: Request, place: Place) -> Mapping[str, str]:
    """Return the parameters a request carries in `place`; inside a JSON body their names are dotted paths.

    A body that is not what `place` says carries none. "path" are the values of a route's placeholders.
    """
    if place == "query":
        return request.params
    if place == "header":
        return request.headers
    if place == "path":
        return request.captured
    if place == "form":
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        body = request.json()
    except ValueError:
        return {}
    return _flat(body) if isinstance(body, dict) else {}


def parameter(request: Request, place: Place, name: str) -> str | None:
    """Return one parameter, None where it is not given; names of headers go in any case."""
    return asked(request, place).get(name.lower() if place == "header" else name)


def put(body: dict[str, Any], path: str, value: object) -> None:
    """Set `value` at a dotted path, making the objects on the way. A dot inside a name is written with a backslash."""
    *parents, name = (step.replace("\\.", ".") for step in DOT.split(path))
    for step in parents:
        body = body.setdefault(step, {})
    body[name] = value


def _flat(body: Mapping[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in body.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{before}{name}.")
        elif value is not None:
            found[before + name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found
