"""Errors in the shapes of the API, which is on its way from older ones to a newer one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headwater.simulate import Reply

__all__ = ["Refuse", "refuser"]

Refuse = Callable[..., Reply]
CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    429: "TOO_MANY_REQUESTS",
}


def refuser(shape: str) -> Refuse:
    """Return what writes errors: in the "target" shape, or one of the "older" ones by status."""

    def target(status: int, message: str, field: str = "") -> Reply:
        error: dict[str, Any] = {"code": CODES.get(status, "SERVER_ERROR"), "message": message}
        if field:
            error["details"] = [{"field": field, "code": "INVALID", "message": message}]
        return Reply.json({"error": error}, status=status)

    def older(status: int, message: str, field: str = "") -> Reply:
        if status == 401:
            return Reply(401, b"Authorization has been denied for this request.", {"Content-Type": "text/plain"})
        if status == 404:
            return Reply.json({"error": "NotFound", "error_description": message}, status=404)
        if field:
            return Reply.json({"message": "The request is invalid.", "errors": {field: [message]}}, status=status)
        return Reply.json({"message": message}, status=status)

    return target if shape == "target" else older
