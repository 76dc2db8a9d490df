"""Request and Reply: what a vendor's route is given and what it gives back. No sockets here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

__all__ = ["Handler", "Reply", "Request"]

JSON = "application/json"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Request:
    """One request as a route sees it. `headers` have lower-case names; of a repeated parameter the last value counts.

    `captured` holds the values of a route's `{placeholders}`, `at` is the time of the server's clock. Values are kept out
    of `repr`: one of them is a credential.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    captured: Mapping[str, str] = field(default_factory=dict)
    at: datetime = EPOCH

    @property
    def origin(self) -> str:
        """Scheme, host and port as the client addressed them: what absolute links begin with."""
        return f"http://{self.headers.get('host', '127.0.0.1')}"

    def json(self) -> Any:
        """Return the body parsed; ValueError when it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A whole HTTP reply. Give `body` ready-made where speed matters; Content-Length is the server's business.

    `records` is how many records a page holds, for the request log; None for what is not a page. A `held` reply is never
    sent: the client waits until it gives up. `chunks` makes the body while it is sent, however long it is; its length is
    told only if a header Content-Length is given.
    """

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    records: int | None = None
    held: bool = False
    chunks: Callable[[], Iterator[bytes]] | None = field(default=None, repr=False)

    @classmethod
    def json(
        cls, value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, records: int | None = None
    ) -> Reply:
        """Return `value` as a JSON body."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(status, body, {"Content-Type": JSON, **(headers or {})}, records)

    @classmethod
    def error(cls, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Return the JSON error body every simulated vendor shares: `{"error": …, "message": …}`."""
        return cls.json({"error": reason(status), "message": message}, status=status, headers=headers)

    def with_headers(self, **headers: str) -> Reply:
        """Return the reply with headers added; `_` in a name stands for `-`."""
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        )


Handler = Callable[[Request], Reply]


def reason(status: int) -> str:
    """Return the phrase of a status line; vendors also use numbers no standard names."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
