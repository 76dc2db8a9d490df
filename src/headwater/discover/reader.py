"""The reader: sends the requests of an experiment, counts them, waits when told to, and says why an answer is unusable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from headwater.discover.address import Address
from headwater_runtime.clock import Clock
from headwater_runtime.errors import SourceError, TransportError
from headwater_runtime.log import redactor
from headwater_runtime.retry import Retry
from headwater_runtime.transport import Request, Response, Transport

__all__ = ["Reader", "Reply"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
WORDS = 2_000  # characters of an error text that are looked at
QUOTED = 200  # characters of it that a message may quote
LONGEST_WAIT = 300.0
IMPATIENT = 2  # attempts where the source itself fails: what breaks on an odd parameter breaks again


@dataclass(frozen=True)
class Reply:
    """One answer. `trouble` says why there is no JSON to look at; "budget" if the request was not even sent.

    `words` is the error text of a JSON body, without secrets.
    """

    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    words: str = ""
    trouble: str = ""

    @property
    def usable(self) -> bool:
        """Whether `body` holds the decoded JSON of a success."""
        return not self.trouble

    @property
    def quote(self) -> str:
        """The source's own words, as the end of a sentence."""
        return f": {self.words[:QUOTED]}" if self.words else ""


class Reader:
    """Reads one endpoint in variations, at most `limit` requests in all.

    It is a Transport too, so that the runtime's own reading loop can be walked under the same budget.
    """

    def __init__(self, address: Address, transport: Transport, clock: Clock, limit: int) -> None:
        self.address = address
        self.clock = clock
        self.limit = limit
        self.requests = 0
        self.waited = 0.0
        self.redact = redactor(address.hidden)
        self.last: Response = Response(0)
        self._transport = transport
        self._retry = Retry(attempts=5)

    @property
    def left(self) -> int:
        """How many requests the budget still allows."""
        return max(0, self.limit - self.requests)

    def send(self, request: Request) -> Response:
        """Send as a Transport, counted. Raises SourceError, which nobody retries, when the budget is spent."""
        if not self.left:
            raise SourceError("the request budget is spent", where=request.where)
        self.requests += 1
        self.last = self._transport.send(request)
        return self.last

    def close(self) -> None:
        """Leave the transport open: it belongs to the caller."""

    def get(self, params: Mapping[str, str] | None = None, *, link: str = "") -> Reply:
        """Ask for the endpoint with `params` besides its own, or for `link` with nothing added."""
        home = self.address.base_url + self.address.path
        if link:
            request = Request("GET", urljoin(home, link), headers=self.address.all_headers)
        else:
            request = Request("GET", home, {**self.address.all_params, **(params or {})}, self.address.all_headers)
        for _ in range(MAX_REDIRECTS):
            if not self._at_home(request.url):
                return Reply(path=request.url, trouble="another host")
            response = self._send_patiently(request)
            if isinstance(response, Reply):
                return response
            target = response.headers.get("location")
            if response.status not in REDIRECTS or target is None:
                return self._reply(request, response)
            request = Request("GET", urljoin(request.url, target), headers=request.headers)
        return Reply(trouble="too many redirects", path=urlsplit(request.url).path)

    def _at_home(self, url: str) -> bool:
        home, there = urlsplit(self.address.base_url), urlsplit(url)
        return (home.scheme, home.netloc) == (there.scheme, there.netloc)

    def _send_patiently(self, request: Request) -> Response | Reply:
        """Send, and again after a wait while the source asks to come later (429, 503) or the connection fails."""
        failures = 0
        access = self.address.access
        while True:
            if not self.left:
                return Reply(trouble="budget")
            response: Response | None = None
            try:
                response = self.send(access.apply(request) if access else request)
                if response.status not in self._retry.statuses:
                    return response
                trouble = f"status {response.status}"
            except TransportError as error:
                trouble = error.what
            failures += 1
            patience = self._retry.attempts if response is not None and response.status in {429, 503} else IMPATIENT
            pause = self._retry.wait(failures, response, self.clock.now())
            if failures >= patience or pause > LONGEST_WAIT:
                status = response.status if response is not None else 0
                return Reply(status, trouble=trouble, path=urlsplit(request.url).path)
            self.waited += pause if patience > IMPATIENT else 0.0
            self.clock.sleep(pause)

    def _reply(self, request: Request, response: Response) -> Reply:
        path = urlsplit(request.url).path
        try:
            body = json.loads(response.body)
        except (ValueError, RecursionError):
            trouble = f"status {response.status}" if response.status not in range(200, 300) else "not JSON"
            return Reply(response.status, None, response.headers, path, "", trouble)
        trouble = "" if response.status in range(200, 300) else f"status {response.status}"
        return Reply(response.status, body, response.headers, path, self._words(body), trouble)

    def _words(self, body: Any) -> str:
        """Return the error text of a JSON body, without secrets."""
        for name in ("message", "detail", "error_description", "error", "errors", "title"):
            value = body.get(name) if isinstance(body, dict) else None
            value = value[0] if isinstance(value, list) and value else value
            value = value.get("message", value.get("msg")) if isinstance(value, dict) else value
            if isinstance(value, str) and value.strip():
                return "".join(c if c.isprintable() else " " for c in self.redact(value.strip())[:WORDS])
        return ""
