"""One logical request: sent, signed in anew, waited for, redirected and tried again until there is an answer to use."""

from __future__ import annotations

import contextlib
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
from headwater_runtime.formats import unreadable
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
    """What came back, and what `decode` made of it. `end`: a rule says that there are no (more) records here.

    `seconds` is how long the source took over it, without the tries before and what was waited for.
    """

    response: Response
    end: bool = False
    read: Any = None
    seconds: float = 0.0


def decoded(response: Response, where: str) -> Any:
    """Return the body as JSON. Raises UnreadableError."""
    try:
        return json_text.loads(response.body)
    except ValueError:
        # Not chained: the decoder's exception carries the whole body.
        raise unreadable(response, "JSON", where) from None


class Exchange:
    """One logical request and its tries. `to` says what goes where.

    "home": with the credential, to the configured address only. "abroad": to any https address, without the credential as soon
    as that is another one. "sign-in": without, to the declared address alone, and every answer that is not worth another try
    is given back as it is. `attempts` bounds the tries of what a smaller question would help.
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
        self._rules = (*rules, *client.rules) if to == "home" else tuple(rules)
        self._attempts, self._counted = attempts or client.retry.attempts, counted
        self._failures = self._heavy = self._waits = 0
        self._took = 0.0  # seconds of the last sending
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
        request, home = self._request, self._to != "sign-in"
        for _ in range(MAX_REDIRECTS):
            home = self._is_home(request) and home  # once abroad nobody is trusted, whoever points back
            response = self._send(request, transport, home=home)
            if response.status not in REDIRECTS or "location" not in response.headers or self._to == "sign-in":
                return response
            request = _redirected(request, response)
        hint = "check base_url and the path in api.py: a browser shows where they lead"
        raise ContractError(f"more than {MAX_REDIRECTS} redirects in a row", where=request.where, hint=hint)

    def _send(self, request: Request, transport: Transport, *, home: bool) -> Response:
        client, traffic = self._client, self._client.traffic
        waited = traffic.enter(request.where, again=self._counted and self._failures > 0)
        self._begun += max(0.0, waited - self._owed)
        self._owed = 0.0
        response: Response | None = None
        sent = request
        try:
            self._grant = client.signing.current() if home else None
            if home:
                sent = client.signing.apply(replace(sent, headers={**client.headers, **sent.headers}), self._grant)
            begun = client.clock.monotonic()
            response = transport.send(sent)
            self._took = client.clock.monotonic() - begun
        finally:
            traffic.leave(response)
        # Of a link the query is often a signature, and of signing in all is secret.
        asked = [*parse_qsl(urlsplit(request.url).query), *request.params.items()] if self._to == "home" else []
        shown = "".join(f" {name}={value}" for name, value in asked)
        client.log.debug(f"{request.where}{shown} → {response.status}")
        return response

    def _is_home(self, request: Request) -> bool:
        """Say whether `request` goes to the configured address. Raises ContractError where it may not go."""
        if self._to == "sign-in":
            return False
        home, target = _origin(self._client.base_url), _origin(request.url)
        if target is None:  # its path is not to be had either, nor shown
            hint = "compare api.py with an answer of today"
            raise ContractError("the source points to what is no address", where=request.method, hint=hint)
        if target == home or (self._to == "abroad" and target[0] == "https"):
            return target == home
        configured = f"the configured {home[0]}://{home[1]}" if home else "the configured one"
        what = f"the source points to {target[0]}://{target[1]}, another address than {configured}"
        hint = "credentials are sent to the configured address only; set base_url to the new one if you trust it"
        raise ContractError(what, where=request.where, hint=hint)

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
        if rule is not None or status >= 300:
            client.traffic.answered()
        if rule is not None:
            raise SourceError(f"the source answered {status}{words}", where=where, hint=rule.hint, status=status)
        if self._to != "sign-in":
            refuse(response, words, where)
        return Answer(response, False, self._decode(response, where), self._took)

    def _wait_for_limit(self, rule: Rule, response: Response) -> None:
        """Let everyone wait as long as the source asks, which is no failure."""
        client, retry = self._client, self._client.retry
        client.traffic.answered()
        self._waits += 1
        asked = retry_after(response, client.clock.now())
        pause = min(asked or rule.seconds or retry.wait(self._waits, None, client.clock.now()), retry.patience)
        self._limited += max(pause, 1.0)
        if self._limited > retry.patience:
            hint = "let the next sync go on later, or declare the vendor's limit: limits=(Limit(…),) in api.py"
            what = f"the source still answers {response.status}, that it limits us, after {self._limited / 60:,.0f} minutes"
            raise TransientError(what, where=self._request.where, hint=hint, status=response.status)
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
        self._heavy += error.heavy
        spent = self._failures >= retry.attempts or (error.heavy and self._heavy >= self._attempts)
        if spent or waited + pause > retry.deadline:
            told = f"; gave up after {self._failures} attempts over {waited:.0f} s (the next was due in {pause:.0f} s)"
            raise _given_up(error, where, told) from error
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
    url = response.headers["location"]
    with contextlib.suppress(ValueError):  # what cannot be joined is no address, which is found out before it is asked
        url = urljoin(request.url, url)
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


def _given_up(error: TransientError | UnreadableError, where: str, told: str) -> HeadwaterError:
    if isinstance(error, UnreadableError):
        return UnreadableError(error.what, where=where, hint=error.hint)
    hint = "check the address and the network, or wait until the source is well again; the next sync goes on here"
    return TransientError(error.what + told, where=where, hint=hint, status=error.status, heavy=error.heavy)
