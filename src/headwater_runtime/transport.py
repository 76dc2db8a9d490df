"""The one IO seam of HTTP sources: a Transport turns a Request into a Response, and nothing else opens a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from headwater_runtime.errors import ConfigError, TransportError

if TYPE_CHECKING:
    import requests

__all__ = ["Request", "RequestsTransport", "Response", "Transport"]


@dataclass(frozen=True)
class Request:
    """One HTTP request. `url` is absolute and may carry a query of its own; `params` are added to it."""

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """Method and path: what a message may show. The query is left out, for it can hold a credential."""
        return f"{self.method} {urlsplit(self.url).path or '/'}"


@dataclass(frozen=True)
class Response:
    """What came back, read to its end. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


class Transport(Protocol):
    """Sends one request, follows no redirect, raises only TransportError."""

    def send(self, request: Request) -> Response:
        """Send `request` and return the whole response, whatever its status."""

    def close(self) -> None:
        """Give connections back. Sending after this is an error of the caller."""


class RequestsTransport:
    """Transport over one `requests` session: connections are kept alive and reused."""

    def __init__(self, *, connect_timeout: float = 10.0, read_timeout: float = 60.0) -> None:
        self._timeout = (connect_timeout, read_timeout)
        self._session: requests.Session | None = None
        self._closed = False

    def send(self, request: Request) -> Response:
        """Send `request`; timeouts are per connection attempt and per silence while reading."""
        import requests  # noqa: PLC0415  (a connector that never sends, as in `schema`, need not pay for it)
        from requests.packages import urllib3  # type: ignore[attr-defined]  # noqa: PLC0415  (what requests stands on)

        if self._closed:  # a page that was being read ahead when the sync ended
            raise TransportError("the sync is over", where=request.where)
        if self._session is None:
            self._session = requests.Session()
        try:
            reply = self._session.request(
                request.method,
                request.url,
                params=dict(request.params),
                headers=dict(request.headers),
                data=request.body,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            body = reply.raw.read(decode_content=True)  # at once: `reply.content` joins ten thousand bytes at a time
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # Not chained: a requests exception quotes the full URL, and a URL can hold a credential.
            raise TransportError(_describe(error), where=request.where) from None
        except UnicodeError:
            raise ConfigError(
                "a credential or the address holds characters that HTTP cannot carry",
                where=request.where,
                hint="copy it again: curly quotes, dashes and invisible characters come from documents and chats",
            ) from None
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Response(reply.status_code, headers, body)

    def close(self) -> None:
        """Close the session and its connections."""
        self._closed = True
        if self._session is not None:
            self._session.close()
            self._session = None


def _describe(error: Exception) -> str:
    """Say what kind of failure it was without quoting the library's message."""
    import requests  # noqa: PLC0415
    from requests.packages import urllib3  # type: ignore[attr-defined]  # noqa: PLC0415  (what requests stands on)

    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "the connection timed out"
    if isinstance(error, (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)):
        return "the answer timed out"
    if isinstance(error, requests.exceptions.SSLError):
        return "the TLS handshake failed"
    if isinstance(error, urllib3.exceptions.DecodeError):
        return "the answer is not compressed as it says"
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError)):
        return "the answer was cut short"
    if isinstance(error, (requests.exceptions.MissingSchema, requests.exceptions.InvalidURL)):
        return "the address is not a valid URL"
    if isinstance(error, requests.exceptions.ConnectionError):
        text = str(error)
        if "resolve" in text or "getaddrinfo" in text or "Name or service" in text:
            return "the host name is unknown"
        if "refused" in text:
            return "the connection was refused"
        return "the connection broke"
    return f"the request failed ({type(error).__name__})"
