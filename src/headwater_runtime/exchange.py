"""One logical request: sent, signed in anew, waited for, redirected and tried again until there is an answer to use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urljoin, urlsplit

from headwater_runtime import json_text
from headwater_runtime.auth import Grant
from headwater_runtime.errors import (
    ContractError,
    HeadwaterError,
    SourceError,
    TransientError,
    TransportError,
    UnreadableError,
)
from headwater_runtime.retry import retry_after
from headwater_runtime.rules import Rule, first_match, refuse, vendor_words
from headwater_runtime.transport import Request, Response, Transport

if TYPE_CHECKING:
    from headwater_runtime.client import Client

__all__ = ["Answer", "Decode", "Exchange", "decoded"]

Decode = Callable[[Response, str], Any]
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
PORTS = {"http": 80, "https": 443}


class Answer(NamedTuple):
    """What came back, and what `decode` made of it. `end`: a rule says that there are no (more) records here."""

    response: Response
    end: bool = False
    read: Any = None


def decoded(response: Response, where: str) -> Any:
    """Return the body as JSON. Raises UnreadableError."""
    try:
        return json_text.loads(response.body)
    except ValueError:
        kind = response.headers.get("content-type", "no content type")
        # Not chained: the decoder's exception carries the whole body.
        raise UnreadableError(
            f"the source answered {response.status} with {len(response.body)} bytes of {kind} that are not JSON",
            where=where,
            hint="check base_url: an HTML page usually means a login or landing page",
        ) from None


class Exchange:
    """One logical request and its tries. `to` says what goes where.

    "home": with the credential, to the configured address only. "abroad": without, to any https address. "sign-in": without,
    to the declared address alone, and every answer that is not worth another try is given back as it is.
    """

    def __init__(
        self,
        client: Client,
        request: Request,
        decode: Decode,
        rules: Sequence[Rule] = (),
        *,
        attempts: int = 0,
        counted: bool = True,
        to: Literal["home", "abroad", "sign-in"] = "home",
    ) -> None:
        self._client, self._request, self._decode, self._to = client, request, decode, to
        self._rules = () if to == "sign-in" else (*rules, *client.rules)
        self._attempts = attempts or client.retry.attempts
        self._counted = counted
        self._failures = self._waits = 0
        self._begun = client.clock.monotonic()  # moved on by what is waited for others' sake
        self._owed = 0.0  # seconds of the shared pause that are this request's own
        self._limited = 0.0  # seconds waited for a source that limits us
        self._grant: Grant | None = None
        self._renewed = False  # the credential was refused, and this is the try with a new one

    def answer(self, transport: Transport) -> Answer:
        """Send until there is an answer, as often and as long as the client's retry allows."""
        while True:
            response: Response | None = None
            outcome: Answer | TransientError | UnreadableError | None
            try:
                response = self._follow(transport)
                outcome = self._judged(response)
            except (TransportError, UnreadableError) as error:
                outcome = error
            if isinstance(outcome, Answer):
                self._client.traffic.answered()
                return outcome
            if outcome is not None:
                self._wait_after(outcome, response)

    def _follow(self, transport: Transport) -> Response:
        """Send the request, following redirects that stay where it may go."""
        request = self._request
        for _ in range(MAX_REDIRECTS):
            self._check_address(request)
            response = self._send(request, transport)
            if response.status not in REDIRECTS or "location" not in response.headers or self._to == "sign-in":
                return response
            request = _redirected(request, response)
        raise ContractError(f"more than {MAX_REDIRECTS} redirects in a row", where=request.where)

    def _send(self, request: Request, transport: Transport) -> Response:
        client, traffic = self._client, self._client.traffic
        again = self._counted and self._failures > 0
        idle = traffic.enter(request.where, again=again)
        self._begun += max(0.0, idle - self._owed)
        self._owed = 0.0
        response: Response | None = None
        try:
            authorised = request
            if self._to == "home":
                self._grant = client.signing.current()
                authorised = client.signing.apply(request, self._grant)
            response = transport.send(authorised)
        finally:
            traffic.leave(response)
        asked = [*parse_qsl(urlsplit(request.url).query), *request.params.items()]
        shown = "".join(f" {name}={value}" for name, value in asked)
        client.log.debug(f"{request.where}{shown} → {response.status}")
        return response

    def _check_address(self, request: Request) -> None:
        if self._to == "sign-in":
            return
        home, target = _origin(self._client.base_url), _origin(request.url)
        if target == home or (self._to == "abroad" and target is not None and target[0] == "https"):
            return
        host = f"{target[0]}://{target[1]}" if target else "an address that is none"
        raise ContractError(
            f"the source points to {host}, another address than the configured {home[0]}://{home[1]}"
            if home
            else "the configured address is none",
            where=request.where,
            hint="credentials are sent to the configured address only; set base_url to the new one if you trust it",
        )

    def _judged(self, response: Response) -> Answer | TransientError | None:
        """Return the answer, the failure after which to try again, or None to ask again at once. Raises what is final."""
        client, where, status = self._client, self._request.where, response.status
        if status == 401 and self._grant is not None and not self._renewed:
            client.signing.refused(self._grant)
            self._renewed = True
            return None
        self._renewed = False
        rule = first_match(self._rules, response)
        then = rule.then if rule else "retry" if client.retry.repeats(status) else ""
        if rule is not None and then == "wait":
            self._wait_for_limit(rule, response)
            return None
        words = "" if then == "end" or (200 <= status < 300 and not then) else vendor_words(response, client.log.clean)
        if then == "retry":
            heavy = status >= 500 and "retry-after" not in response.headers
            return TransientError(f"the source answered {status}{words}", where=where, status=status, heavy=heavy)
        if rule is not None and then == "end":
            if client.traffic.first(rule):
                client.log.info(f"{where}: {status}, which here means that there are no more records; said once")
            return Answer(response, end=True)
        if rule is not None:
            client.traffic.answered()
            raise SourceError(f"the source answered {status}{words}", where=where, hint=rule.hint, status=status)
        if self._to != "sign-in":
            if status >= 300:
                client.traffic.answered()
            refuse(response, words, where)
        return Answer(response, read=self._decode(response, where))

    def _wait_for_limit(self, rule: Rule, response: Response) -> None:
        """Let everyone wait as long as the source asks, which is no failure."""
        client, retry = self._client, self._client.retry
        client.traffic.answered()
        self._waits += 1
        asked = retry_after(response, client.clock.now())
        pause = min(asked or rule.seconds or retry.wait(self._waits, None, client.clock.now()), retry.patience)
        self._limited += max(pause, 1.0)
        if self._limited > retry.patience:
            raise TransientError(
                f"the source still answers {response.status}, that it limits us, after {self._limited / 60:,.0f} minutes",
                where=self._request.where,
                hint="let the next sync go on later, or declare the vendor's limit: limits=(Limit(…),) in api.py",
                status=response.status,
            )
        client.log.warning(f"{self._request.where}: limited by the source; all requests wait {pause:.1f} s")
        client.traffic.pause(pause)

    def _wait_after(self, error: TransientError | UnreadableError, response: Response | None) -> None:
        """Wait before the next try. Raises the error that ends them."""
        client, retry, where = self._client, self._client.retry, self._request.where
        self._failures += 1
        if self._counted and error.status != 429:
            client.traffic.failed()
        waited = client.clock.monotonic() - self._begun
        pause = retry.wait(self._failures, response, client.clock.now())
        if self._failures >= self._attempts or waited + pause > retry.deadline:
            raise _given_up(error, where, self._failures, waited, pause) from error
        if self._counted and client.traffic.down:
            raise client.traffic.outage(where) from error
        client.log.warning(f"{where}: {error.what}; attempt {self._failures + 1} in {pause:.1f} s")
        if response is not None and (response.status == 429 or "retry-after" in response.headers):
            self._owed = pause
            client.traffic.pause(pause)  # for all: who is told to wait speaks for every thread
        else:
            client.traffic.rest(pause, where, again=self._counted)


def _redirected(request: Request, response: Response) -> Request:
    """Return the request for where the answer points to. What was posted is not posted again but looked at."""
    url = urljoin(request.url, response.headers["location"])
    if response.status == 303 or (response.status in {301, 302} and request.method == "POST"):
        headers = {name: value for name, value in request.headers.items() if name.lower() != "content-type"}
        return replace(request, method="GET", url=url, params={}, headers=headers, body=None)
    return replace(request, url=url, params={})


def _origin(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port of an address, None for one that is not clearly one."""
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    if "@" in parts.netloc or "\\" in parts.netloc or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port


def _given_up(
    error: TransientError | UnreadableError, where: str, failures: int, waited: float, pause: float
) -> HeadwaterError:
    if isinstance(error, UnreadableError):
        return UnreadableError(error.what, where=where, hint=error.hint, status=error.status)
    return TransientError(
        f"{error.what}; gave up after {failures} attempts over {waited:.0f} s (the next was due in {pause:.0f} s)",
        where=where,
        hint="check the address and the network, or wait until the source is well again; the next sync goes on here",
        status=error.status,
        heavy=error.heavy,
    )
