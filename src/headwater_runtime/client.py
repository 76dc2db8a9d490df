"""The HTTP client of a connector: one logical request with auth, retries and redirects, and the loop over pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urljoin, urlsplit

from headwater_runtime import json_text
from headwater_runtime.auth import Auth
from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.errors import ConfigError, ContractError, HeadwaterError, SourceError, TransientError
from headwater_runtime.log import Log
from headwater_runtime.paging import Paging, Position, Single
from headwater_runtime.records import Row, select
from headwater_runtime.retry import Retry
from headwater_runtime.transport import Request, Response, Transport

__all__ = ["Answer", "Client", "Page", "Pages"]

T = TypeVar("T")
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
ERROR_TEXT = 200  # characters of the vendor's own words that an error may quote


@dataclass(frozen=True)
class Client:
    """Speaks to the one host of `base_url`. Credentials never leave for another: not by redirect, not by a next link.

    `transport` and `clock` are seams: a run fills them in, so a connector leaves them out.
    """

    base_url: str
    auth: Auth | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry: Retry = field(default_factory=Retry)
    transport: Transport | None = field(default=None, repr=False)
    clock: Clock = field(default_factory=SystemClock, repr=False)
    log: Log = field(default_factory=Log, repr=False)

    def pages(
        self,
        path: str,
        *,
        records: str = "",
        paging: Paging | None = None,
        params: Mapping[str, Any] | None = None,
        max_pages: int = 1_000_000,
    ) -> Pages:
        """Describe a paged GET of `path`. Nothing is sent until it is read.

        `records` is the dotted path of the record list in the body, "" when the body is the list. Parameters that are None
        are left out. More than `max_pages` in one pass is taken for an endless source.
        """
        texts = {name: str(value) for name, value in (params or {}).items() if value is not None}
        return Pages(self, path, records, paging or Single(), texts, max_pages)

    def request(self, path: str, params: Mapping[str, str] | None = None) -> Request:
        """Return a GET of `path` below `base_url`."""
        return Request("GET", self.base_url.rstrip("/") + "/" + path.lstrip("/"), params or {}, dict(self.headers))

    def get(self, request: Request) -> Any:
        """Send `request` and return its decoded JSON.

        Raises ConfigError (401, 403), SourceError (another refusal), TransientError (still failing after every retry) or
        ContractError (not JSON, or a redirect to another host).
        """
        return self.answer(request).body

    def answer(self, request: Request) -> Answer:
        """Send `request` and return its decoded JSON with what came along. Raises like `get`."""
        return self._persist(request, _decode)

    def _persist(self, request: Request, decode: Callable[[Response, str], T]) -> T:
        """Send until an answer decodes, as often and as long as `retry` allows."""
        begun = self.clock.monotonic()
        failures = 0
        while True:
            response: Response | None = None
            try:
                response = self._follow(request)
                if response.status in self.retry.statuses:
                    raise TransientError(f"the source answered {response.status}", where=request.where)
                _refuse(response, request.where)
                return decode(response, request.where)
            except (TransientError, _NotJsonError) as error:
                failures += 1
                waited = self.clock.monotonic() - begun
                pause = self.retry.wait(failures, response, self.clock.now())
                if failures >= self.retry.attempts or waited + pause > self.retry.deadline:
                    raise _given_up(error, request.where, failures, waited, pause) from error
                self.log.warning(f"{request.where}: {error.what}; attempt {failures + 1} in {pause:.1f} s")
                self.clock.sleep(pause)

    def _follow(self, request: Request) -> Response:
        """Send `request`, following redirects that stay on the host."""
        if self.transport is None:
            raise ConfigError(
                "a request was sent while the connector was being declared",
                where=request.where,
                hint="only describe pages in `streams` and `client`; they are read when the sync runs",
            )
        for _ in range(MAX_REDIRECTS):
            self._stay_home(request)
            response = self.transport.send(self.auth.apply(request) if self.auth else request)
            asked = [*parse_qsl(urlsplit(request.url).query), *request.params.items()]
            shown = "".join(f" {name}={value}" for name, value in asked)
            self.log.debug(f"{request.where}{shown} → {response.status}")
            if response.status not in REDIRECTS or "location" not in response.headers:
                return response
            request = replace(request, url=urljoin(request.url, response.headers["location"]), params={})
        raise ContractError(f"more than {MAX_REDIRECTS} redirects in a row", where=request.where)

    def _stay_home(self, request: Request) -> None:
        home, target = urlsplit(self.base_url), urlsplit(request.url)
        if (home.scheme, home.netloc) != (target.scheme, target.netloc):
            raise ContractError(
                f"the source points to {target.scheme}://{target.hostname}, another address than the configured "
                f"{home.scheme}://{home.hostname}",
                where=request.where,
                hint="credentials are sent to the configured address only; set base_url to the new one if you trust it",
            )


@dataclass(frozen=True)
class Answer:
    """A decoded answer. `size` is the number of bytes it was decoded from."""

    body: Any
    size: int


@dataclass(frozen=True)
class Page:
    """What one request gave. `position`: reading can go on right after this page, None if the source gave no way to.

    `size` is the number of bytes of the answer it came in: what it weighs in memory, give or take.
    """

    records: list[Row]
    position: Position | None
    where: str
    size: int = 0


@dataclass(frozen=True)
class Pages:
    """A paged endpoint that can be read from the start or from a position, any number of times."""

    client: Client
    path: str
    records: str
    paging: Paging
    params: Mapping[str, str]
    max_pages: int

    @property
    def shape(self) -> str:
        """What a saved position means here: it changes when positions of before no longer fit."""
        return f"{type(self.paging).__name__} {self.path}"

    def read(self, start: Position | None = None) -> Iterator[Page]:
        """Yield pages in the source's order from `start` on, one request each, as they are asked for.

        Raises ContractError when paging cannot end: a position that was given before in this pass, the same records as on
        the page before, or more pages than `max_pages`.
        """
        position = start
        seen: set[Position | None] = {start}
        before: list[Row] = []
        for _ in range(self.max_pages):
            request = self.paging.place(self.client.request(self.path, self.params), position)
            answer = self.client.answer(request)
            records = select(answer.body, self.records, request.where)
            if records and records == before:
                raise ContractError(
                    "two pages in a row hold the same records: the source does not page as declared",
                    where=request.where,
                    hint="compare `paging=` in api.py with the vendor's documentation",
                )
            step = self.paging.after(position, answer.body, records)
            yield Page(records, step.position, request.where, answer.size)
            if not step.more:
                return
            if step.position in seen:
                raise ContractError(
                    "the source gave the same next position twice: paging would never end",
                    where=request.where,
                    hint="report it to the vendor; what was read until here is kept",
                )
            position, before = step.position, records
            seen.add(position)
        raise ContractError(
            f"more than {self.max_pages} pages in one pass: the source seems endless",
            where=f"GET {self.path}",
            hint="raise `max_pages=` in api.py if it really has more",
        )


class _NotJsonError(ContractError):
    """A 200 whose body is not JSON: often a proxy's passing error page, so it is retried before it counts."""


def _decode(response: Response, where: str) -> Answer:
    try:
        return Answer(json_text.loads(response.body), len(response.body))
    except ValueError:
        kind = response.headers.get("content-type", "no content type")
        # Not chained: the decoder's exception carries the whole body.
        raise _NotJsonError(
            f"the source answered {response.status} with {len(response.body)} bytes of {kind} that are not JSON",
            where=where,
            hint="check base_url: an HTML page usually means a login or landing page",
        ) from None


def _given_up(error: HeadwaterError, where: str, failures: int, waited: float, pause: float) -> HeadwaterError:
    if isinstance(error, _NotJsonError):
        return ContractError(error.what, where=where, hint=error.hint)
    return TransientError(
        f"{error.what}; gave up after {failures} attempts over {waited:.0f} s (the next was due in {pause:.0f} s)",
        where=where,
        hint="check the address and the network, or wait until the source is well again; the next sync goes on here",
    )


def _refuse(response: Response, where: str) -> None:
    """Raise what a final status means; return for success."""
    status = response.status
    if status < 400 and status not in REDIRECTS:
        return
    words = _vendor_words(response)
    if status in {401, 403}:
        raise ConfigError(
            f"the source refused the credential with {status}{words}",
            where=where,
            hint="check the key in the configuration: it may be wrong, expired or lack the right to this endpoint",
        )
    hint = "check base_url and the path in api.py" if status == 404 else "see the vendor's documentation of this status"
    raise SourceError(f"the source answered {status}{words}", where=where, hint=hint, status=status)


def _vendor_words(response: Response) -> str:
    """Return the error text of a JSON error body, shortened; nothing of a body that is not one."""
    try:
        body = json_text.loads(response.body)
    except ValueError:
        return ""
    found = body if isinstance(body, dict) else {}
    for name in ("message", "detail", "error_description", "error", "title"):
        value = found.get(name)
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value.strip():
            return f": {value.strip()[:ERROR_TEXT]}"
    return ""
