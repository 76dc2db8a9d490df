"""The one IO seam of HTTP sources: a Transport turns a Request into a Response, and nothing else opens a connection."""

from __future__ import annotations

import gzip
import io
import tempfile
import weakref
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from headwater_runtime.errors import ConfigError, ContractError, TransportError

if TYPE_CHECKING:
    import requests

__all__ = ["SPOOL_LIMIT", "WHOLE_LIMIT", "Request", "RequestsTransport", "Response", "Transport"]

WHOLE_LIMIT = 64_000_000  # bytes of a body that is read into memory
SPOOL_LIMIT = 8_000_000_000  # bytes of one that is read into a file, or of what is unpacked
SLOW = "the answer timed out"  # of which a smaller question might not
CUT = "the answer was cut short"
STEP = 1_000_000  # bytes read at once; a spooled body of no more is not worth a file


@dataclass(frozen=True)
class Request:
    """One HTTP request. `url` is absolute and may carry a query of its own; `params` are added to it.

    `spool`: a large body may be kept in a temporary file until it is parsed.
    """

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    spool: bool = False

    @property
    def where(self) -> str:
        """Method and path: what a message may show. The query is left out, for it can hold a credential."""
        return f"{self.method} {urlsplit(self.url).path or '/'}"


@dataclass(frozen=True)
class Response:
    """What came back, read to its end and unpacked. `headers` have lower-case names.

    A spooled body beyond a megabyte is in `file`, an unnamed temporary one that ends with the response; `body` is empty then.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    file: IO[bytes] | None = field(default=None, repr=False)
    size: int = field(init=False, compare=False)  # of the body in bytes

    def __post_init__(self) -> None:
        size = len(self.body)
        if self.file is not None:
            size = self.file.seek(0, io.SEEK_END)
            weakref.finalize(self, self.file.close)
        object.__setattr__(self, "size", size)

    def open(self) -> IO[bytes]:
        """Return the body to be read from its beginning, once. The response must live on meanwhile."""
        if self.file is None:
            return io.BytesIO(self.body)
        self.file.seek(0)
        return self.file


class Transport(Protocol):
    """Sends one request, follows no redirect, raises only TransportError, or ContractError for an answer beyond all bounds."""

    def send(self, request: Request) -> Response:
        """Send `request` and return the whole response, whatever its status."""

    def close(self) -> None:
        """Give connections back. Sending after this is an error of the caller."""


class RequestsTransport:
    """Transport over `requests`, for any number of threads: connections are kept alive, and a session serves one at a time.

    `limit` bounds a body in memory, `spool_limit` one in a file, both counted after unpacking.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        limit: int = WHOLE_LIMIT,
        spool_limit: int = SPOOL_LIMIT,
    ) -> None:
        self._timeout = (connect_timeout, read_timeout)
        self._limit = limit
        self._spool_limit = spool_limit
        self._idle: list[requests.Session] = []
        self._closed = False

    def send(self, request: Request) -> Response:
        """Send `request`; timeouts are per connection attempt and per silence while reading."""
        import requests  # noqa: PLC0415  (a connector that never sends, as in `schema`, need not pay for it)
        from requests.packages import urllib3  # type: ignore[attr-defined]  # noqa: PLC0415  (what requests stands on)

        if self._closed:  # a page that was being read ahead when the sync ended
            raise TransportError("the sync is over", where=request.where)
        session = self._session()
        try:
            reply = session.request(
                request.method,
                request.url,
                params=dict(request.params),
                headers=dict(request.headers),
                data=request.body,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            try:
                return self._read(reply, request)
            except BaseException:
                reply.close()  # what is left of the body must not be taken for the next answer
                raise
        except (
            EOFError,
            zlib.error,
            gzip.BadGzipFile,
            requests.RequestException,
            urllib3.exceptions.HTTPError,
        ) as error:
            # Not chained: a requests exception quotes the full URL, and a URL can hold a credential.
            told = _describe(error)
            raise TransportError(told, where=request.where, heavy=told == SLOW) from None
        except UnicodeError:
            what = "a credential or the address holds characters that HTTP cannot carry"
            hint = "copy it again: curly quotes, dashes and invisible characters come from documents and chats"
            raise ConfigError(what, where=request.where, hint=hint) from None
        finally:
            self._idle.append(session)
            if self._closed:
                self.close()

    def close(self) -> None:
        """Close the sessions and their connections."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _session(self) -> requests.Session:
        try:
            return self._idle.pop()  # the one used last has the warmest connection
        except IndexError:
            import requests  # noqa: PLC0415

            session = requests.Session()
            session.auth = _as_it_is  # or requests would put a credential of ~/.netrc in the place of ours
            session.headers["Accept-Encoding"] = "gzip"  # what we can unpack with a limit, and know to be whole
            return session

    def _read(self, reply: requests.Response, request: Request) -> Response:
        """Read the body to its end, which must be where the headers say it is."""
        headers = {name.lower(): value for name, value in reply.headers.items()}
        spool = request.spool and 200 <= reply.status_code < 300
        limit = self._spool_limit if spool else self._limit
        promised = headers.get("content-length", "")
        bodiless = request.method == "HEAD" or reply.status_code in {204, 304}
        length = int(promised) if promised.isdecimal() and not bodiless else None
        if length is not None and length > limit:
            raise _too_large(request, limit)
        packing = headers.get("content-encoding", "identity").strip().lower()
        if packing not in {"identity", "", "gzip", "x-gzip"}:
            raise TransportError("the answer is compressed in a way that was not asked for", where=request.where)
        plain = packing in {"identity", ""}
        source: Any = reply.raw if plain else gzip.GzipFile(fileobj=reply.raw)
        if length is not None and plain and not spool:
            body, file = source.read(), None  # at once: `reply.content` joins ten thousand bytes at a time
        else:
            body, file = _spooled(source, limit, request) if spool else (_gathered(source, limit, request), None)
        if length is not None and reply.raw.tell() != length:  # urllib3 2 sees to it itself
            raise TransportError(CUT, where=request.where)
        return Response(reply.status_code, headers, body, file)


def _gathered(source: Any, limit: int, request: Request) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := source.read(STEP):
        size += len(piece)
        if size > limit:
            raise _too_large(request, limit)
        pieces.append(piece)
    return b"".join(pieces)


def _spooled(source: Any, limit: int, request: Request) -> tuple[bytes, IO[bytes] | None]:
    """Read `source` to its end: into memory if that is near, else into a file."""
    start: bytes = source.read(STEP)
    piece = source.read(STEP) if start else b""
    if not piece:
        return start, None
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the response closes it)
    try:
        file.write(start)
        while piece:
            if file.tell() + len(piece) > limit:
                raise _too_large(request, limit)
            file.write(piece)
            piece = source.read(STEP)
    except BaseException:
        file.close()
        raise
    return b"", file


def _as_it_is(request: Any) -> Any:
    return request


def _too_large(request: Request, limit: int) -> ContractError:
    remedy = (
        "ask for less at once"
        if request.spool
        else "ask for smaller pages, or declare format=Json(large=True) in api.py"
    )
    return ContractError(f"the answer is larger than {limit / 1e6:,.0f} MB", where=request.where, hint=remedy)


def _describe(error: Exception) -> str:
    """Say what kind of failure it was without quoting the library's message."""
    import requests  # noqa: PLC0415
    from requests.packages import urllib3  # type: ignore[attr-defined]  # noqa: PLC0415  (what requests stands on)

    kinds: tuple[tuple[str, tuple[type[Exception], ...]], ...] = (
        ("the connection timed out", (requests.ConnectTimeout,)),
        (SLOW, (requests.Timeout, urllib3.exceptions.TimeoutError)),
        ("the TLS handshake failed", (requests.exceptions.SSLError,)),
        ("the answer is not compressed as it says", (zlib.error, gzip.BadGzipFile)),
        (CUT, (EOFError, requests.exceptions.ChunkedEncodingError, urllib3.exceptions.ProtocolError)),
        ("the address is not a valid URL", (requests.exceptions.MissingSchema, requests.exceptions.InvalidURL)),
    )
    for told, kind in kinds:
        if isinstance(error, kind):
            return told
    if isinstance(error, requests.ConnectionError):
        text = str(error)
        if "resolve" in text or "getaddrinfo" in text or "Name or service" in text:
            return "the host name is unknown"
        if "refused" in text:
            return "the connection was refused"
        return "the connection broke"
    return f"the request failed ({type(error).__name__})"
