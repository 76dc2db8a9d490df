"""Why a first answer cannot be used, said so that the user knows what to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from headwater.discover.address import Address
from headwater.discover.reader import Reply
from headwater.errors import DiscoveryError

__all__ = ["check"]


def check(reply: Reply, address: Address) -> None:
    """Raise DiscoveryError if `reply` to the plain first request is not a JSON success."""
    if reply.usable:
        _check_error_body(reply)
        return
    where = f"GET {address.base_url}{address.path}"
    explain = REFUSALS.get(reply.status)
    if explain is not None and reply.trouble.startswith("status"):
        what, hint = explain(reply, address)
        raise DiscoveryError(f"{what}{reply.quote}", where=where, hint=hint)
    if reply.trouble == "another host":
        raise _elsewhere(reply, address, where)
    if reply.trouble == "not JSON":
        raise _not_json(reply, where)
    if reply.trouble == "too many redirects":
        raise DiscoveryError(
            "the source redirects in a circle", where=where, hint="try the address it ends at in a browser"
        )
    if reply.status:
        hint = "see the vendor's documentation of this status"
        if reply.status >= 500:
            hint = "the source itself fails: try again later, or with fewer parameters"
        raise DiscoveryError(f"the source answers {reply.status}{reply.quote}", where=where, hint=hint)
    raise DiscoveryError(
        f"the source cannot be reached: {reply.trouble}", where=where, hint="check the address and the network"
    )


def _check_error_body(reply: Reply) -> None:
    """Refuse an error that wears a success status: its fields would pass for a record."""
    body = reply.body
    if not isinstance(body, dict):
        return
    failed = body.get("error") or body.get("errors")
    if failed and not any(
        isinstance(value, (list, dict)) and value for name, value in body.items() if "error" not in name
    ):
        raise DiscoveryError(
            f"the source answers 200 with an error in the body{reply.quote}",
            where=f"GET {reply.path}",
            hint="mend the request",
        )


def _denied(reply: Reply, address: Address) -> tuple[str, str]:
    scheme = reply.headers.get("www-authenticate", "").split(" ")[0].strip(",")
    asked = f", asking for the scheme {scheme}" if scheme else ""
    example = f"Authorization: {scheme} …" if scheme else "api_key: …"
    sent = [address.auth.name] if address.auth.kind != "none" else []
    sent += [*address.secret_headers, *address.secret_params]
    if not sent:
        return (
            f"the source refuses with {reply.status}{asked}; no credential was given",
            f"give the header the vendor names: --header '{example}'",
        )
    return (
        f"the source refuses the credential in {', '.join(map(repr, sent))} with {reply.status}{asked}",
        "check its name and value: it may be misspelt, expired or lack the right to this endpoint",
    )


def _missing(reply: Reply, address: Address) -> tuple[str, str]:  # noqa: ARG001
    return (
        f"the source has nothing at this address ({reply.status})",
        "check the path against the vendor's documentation",
    )


def _method(reply: Reply, address: Address) -> tuple[str, str]:  # noqa: ARG001
    allowed = reply.headers.get("allow", "")
    shown = f"; it allows {allowed}" if allowed else ""
    return (
        f"the endpoint does not take GET (405){shown}",
        "discovery reads by GET only; look for a listing endpoint, or write api.py by hand",
    )


def _invalid(reply: Reply, address: Address) -> tuple[str, str]:  # noqa: ARG001
    return (
        f"the source finds the request invalid ({reply.status})",
        "add the parameters it wants to the address: https://host/path?name=value",
    )


def _limited(reply: Reply, address: Address) -> tuple[str, str]:  # noqa: ARG001
    return "the source keeps answering 429 (too many requests)", "wait as long as it asks for, then run again"


REFUSALS: dict[int, Callable[[Reply, Address], tuple[str, str]]] = {
    400: _invalid,
    401: _denied,
    403: _denied,
    404: _missing,
    405: _method,
    410: _missing,
    422: _invalid,
    429: _limited,
}


def _elsewhere(reply: Reply, address: Address, where: str) -> DiscoveryError:
    there = urlsplit(reply.path)
    return DiscoveryError(
        f"the source redirects to another address, {there.scheme}://{there.hostname}",
        where=where,
        hint=f"credentials are not sent there; if you trust it, start from it instead of {address.base_url}",
    )


def _not_json(reply: Reply, where: str) -> DiscoveryError:
    kind: Any = reply.headers.get("content-type", "").split(";")[0].strip() or "content of no stated type"
    hint = "look for the endpoint's JSON form: a path ending in .json, a parameter format=json, a header Accept"
    if kind == "text/html":
        hint = "this is a page for people: a login, a landing page or the documentation; find the API's own address"
    return DiscoveryError(f"the source answers {kind}, which is not JSON", where=where, hint=hint)
