"""The HTTP client of a connector: what every request to one source has in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from headwater_runtime.auth import Auth
from headwater_runtime.call import Call
from headwater_runtime.clock import Clock, SystemClock
from headwater_runtime.errors import ConfigError
from headwater_runtime.exchange import Answer, Decode, Exchange, decoded
from headwater_runtime.formats import Format
from headwater_runtime.graphql.document import operation
from headwater_runtime.graphql.exchange import Door
from headwater_runtime.graphql.points import Points
from headwater_runtime.graphql.reader import GraphQL, Nested, asked
from headwater_runtime.job import Job, Links, Poll
from headwater_runtime.log import Log
from headwater_runtime.pages import JSON, Page, Pages
from headwater_runtime.paging import Paging, Single
from headwater_runtime.retry import Retry
from headwater_runtime.rules import Rule
from headwater_runtime.sign_in import SignIn
from headwater_runtime.traffic import Limit, Traffic
from headwater_runtime.transport import Request, Response, Transport

__all__ = ["Answer", "Client", "Page", "Pages"]


@dataclass(frozen=True)
class Client:
    """Speaks to the one host of `base_url`. Credentials never leave for another: not by redirect, not by a next link.

    `rules` say what answers mean beyond their status, `limits` what the source allows to all threads together, `test` is what
    the setup form asks. `transport`, `clock` and `log` are seams: a run fills them in, so a connector leaves them out.
    """

    base_url: str
    auth: Auth | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry: Retry = field(default_factory=Retry)
    transport: Transport | None = field(default=None, repr=False)
    clock: Clock = field(default_factory=SystemClock, repr=False)
    log: Log = field(default_factory=Log, repr=False)
    rules: Sequence[Rule] = field(default=(), kw_only=True)
    limits: Sequence[Limit] = field(default=(), kw_only=True)
    test: Call | None = field(default=None, kw_only=True)
    traffic: Traffic = field(init=False, repr=False, compare=False)  # these two are the run's, shared by its threads
    signing: SignIn = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "traffic", Traffic(self.limits, self.clock, self.retry))
        object.__setattr__(self, "signing", SignIn(self.auth, self._ask_to_sign_in, self.clock, self.log))

    def begin(self, transport: Transport, clock: Clock, log: Log, kept: str | None = "") -> Client:
        """Return this client made ready for one run. `kept` is the credential that the run before it left.

        None: there is no state to keep the next one in.
        """
        begun = replace(self, transport=transport, clock=clock, log=log)
        begun.signing.kept = kept
        return begun

    def sign_in(self) -> None:
        """Obtain a credential, where the auth has to ask for one, before the first page is asked for."""
        self.signing.current()

    def try_out(self) -> bool:
        """Sign in and send the call `test`, if there is one; nothing under a credential that is good once: a test has no state."""
        if self.signing.spends:
            return True
        self.sign_in()
        if self.test is not None:
            self.get(self.test.at(self.base_url))
        return self.test is not None

    def close(self) -> None:
        """Leave the transport to the run, whose it is."""

    @property
    def kept(self) -> str:
        """The sealed credential that the next run needs, "" if none. The sync saves it at once when it changes."""
        return self.signing.kept or ""

    def pages(
        self,
        call: str | Call,
        *,
        records: str = "",
        paging: Paging | None = None,
        params: Mapping[str, Any] | None = None,
        format: Format = JSON,  # noqa: A002  (the word a reader looks for)
        rules: Sequence[Rule] = (),
        max_pages: int = 1_000_000,
    ) -> Pages:
        """Describe a paged endpoint; a text is the path of a GET. Nothing is sent until it is read.

        `records` is the dotted path of the record list in the body, "" when the body is the list. Parameters that are None
        are left out. `rules` go before the client's. More than `max_pages` in one pass is taken for an endless source.
        """
        call = Call(call) if isinstance(call, str) else call
        call = replace(call, params={**call.params, **(params or {})})
        return Pages(self, call, records, paging or Single(), max_pages, format, tuple(rules))

    def graphql(
        self,
        query: str,
        records: str,
        *,
        paging: Paging | None = None,
        variables: Mapping[str, Any] | None = None,
        nested: Nested | None = None,
        call: str | Call = "/graphql",
        rules: Sequence[Rule] = (),
    ) -> GraphQL:
        """Describe a paged GraphQL query, sent as `call` says: a text is the path of a POST. Nothing is sent until it is read.

        `records` is the dotted path of the record list in the answer: "data.orders.nodes", "data.orders.edges.*.node". Values of
        `variables` may be bounds; parameters of the paging are variables too. `nested` gives for each connection in a record
        its reader, which completes it; None where the first page of it is all that is wanted.
        """
        call = Call(call, "POST") if isinstance(call, str) else call
        door = Door(self, self._line, self._points, operation(query).name or records, records)
        return asked(door, query, paging, variables or {}, call, rules, nested or {})

    @cached_property
    def _points(self) -> Points:
        """The budget of points that all queries of a run share."""
        return Points(self.clock)

    def job(
        self,
        create: Call,
        *,
        id: str,  # noqa: A002  (what a vendor calls it)
        poll: Poll,
        download: Pages | Links,
        delete: Call | None = None,
    ) -> Job:
        """Describe an answer that is made on request: created, polled, downloaded and tidied up. Nothing is sent yet.

        `id` is the path of the job's id in the answer to `create`; it fills {job} in the other calls.
        """
        return Job(self, create, id, poll, download, delete)

    def request(self, path: str, params: Mapping[str, str] | None = None) -> Request:
        """Return a GET of `path` below `base_url`."""
        return Request("GET", self.base_url.rstrip("/") + "/" + path.lstrip("/"), params or {}, dict(self.headers))

    def get(self, request: Request) -> Any:
        """Send `request` and return its decoded JSON, None where a rule says that there is nothing.

        Raises ConfigError (401, 403), SourceError (another refusal), TransientError (still failing after every retry) or
        ContractError (not JSON, or a redirect to another host).
        """
        return self.send(request).read

    def send(
        self,
        request: Request,
        *,
        rules: Sequence[Rule] = (),
        decode: Decode = decoded,
        attempts: int = 0,
        counted: bool = True,
        abroad: bool = False,
    ) -> Answer:
        """Send `request` and return its answer, decoded: the only way to the transport. Raises like `get`.

        `rules` go before the client's. An answer that `decode` cannot read (UnreadableError) is asked for again.
        `attempts` (0: the client's own) bounds the tries of what a smaller question would help, and `counted=False` keeps
        failures from the breaker: for who has a smaller one to ask. `abroad` is for files that may lie elsewhere, at any
        https address: the credential and the client's headers stay at home, and the query is not logged.
        """
        exchange = Exchange(
            self, request, decode, rules, attempts=attempts, counted=counted, to="abroad" if abroad else "home"
        )
        return exchange.answer(self._line(request))

    def _ask_to_sign_in(self, request: Request) -> Response:
        """Send a request of the auth itself: to the address it declares, with the client's headers only at home."""
        if "://" not in request.url:
            url = self.base_url.rstrip("/") + "/" + request.url.lstrip("/")
            request = replace(request, url=url, headers={**self.headers, **request.headers})

        def decode(response: Response, where: str) -> Any:
            return decoded(response, where) if response.body and response.status < 300 else None

        return Exchange(self, request, decode, to="sign-in").answer(self._line(request)).response

    def _line(self, request: Request) -> Transport:
        if self.transport is None:
            what = "a request was sent while the connector was being declared"
            hint = "only describe pages in `streams` and `client`; they are read when the sync runs"
            raise ConfigError(what, where=request.where, hint=hint)
        return self.transport
