"""One logical GraphQL request: an exchange that understands errors inside an answer, and budgets of points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from headwater_runtime import json_text
from headwater_runtime.clock import Clock
from headwater_runtime.errors import ConfigError, SourceError, TransientError
from headwater_runtime.exchange import Answer, Decode, Exchange, decoded
from headwater_runtime.formats import Json, unreadable
from headwater_runtime.graphql.errors import PartialError, Verdict, judged, limited, mark
from headwater_runtime.graphql.points import Points, Share, told
from headwater_runtime.records import MISSING, Row, select
from headwater_runtime.rules import Rule, first_match
from headwater_runtime.transport import Request, Response, Transport

if TYPE_CHECKING:
    from headwater_runtime.client import Client

__all__ = ["Data", "Door"]

SPOILED = 3  # tries of an answer in which single records failed for a reason that may pass
LESS = "ask for fewer records: size=Sizes(100, 10, 1) of the paging in api.py, or fewer nested ones"


@dataclass(frozen=True)
class Data(Json):
    """The JSON of a GraphQL answer. A record that an error names is replaced by that error."""

    def read(self, response: Response, records: str, where: str) -> Iterator[tuple[list[Row], Any]]:
        """Yield the records at the path `records`, and the whole body."""
        body = response.value if isinstance(response, _Parsed) else MISSING
        if body is MISSING:
            raise unreadable(response, "JSON", where)
        mark(body, records)
        yield select(body, records, where), body


@dataclass(frozen=True)
class Door:
    """What the pages of one query are asked through: the client's way out, with an understanding of GraphQL.

    `line` gives the transport of the run. `name` is what errors call the query.
    """

    client: Client
    line: Callable[[Request], Transport] = field(repr=False)
    points: Points = field(repr=False)
    name: str
    records: str

    @property
    def base_url(self) -> str:
        """The client's."""
        return self.client.base_url

    @property
    def clock(self) -> Clock:
        """The client's."""
        return self.client.clock

    def send(
        self,
        request: Request,
        *,
        rules: Sequence[Rule] = (),
        decode: Decode = decoded,
        attempts: int = 0,
        counted: bool = True,
    ) -> Answer:
        """Send a query and return its answer, as `Client.send` does.

        Errors in an answer are waited for (a limit), tried again (a passing failure), or raised: ConfigError for the credential,
        PartialError or SourceError for anything else. Those that name single records are left to the reader.
        """
        asked = _Asked(**{one.name: getattr(request, one.name) for one in fields(request)}, name=self.name)
        return _Asking(self, asked, decode, rules, attempts=attempts, counted=counted).answer(self.line(asked))


@dataclass(frozen=True)
class _Asked(Request):
    """A request that says of which query it is, for all of them go to one address."""

    name: str = ""

    @property
    def where(self) -> str:
        return f"{super().where} {self.name}"


@dataclass(frozen=True)
class _Parsed(Response):
    """An answer with its JSON, MISSING if it is none: it is looked into before it is decoded."""

    value: Any = field(default=MISSING, repr=False, compare=False)


class _Asking(Exchange):
    """The exchange: beside the statuses it judges the errors of a body, and nobody asks for more points than there are."""

    def __init__(
        self, door: Door, request: Request, decode: Decode, rules: Sequence[Rule], *, attempts: int, counted: bool
    ) -> None:
        super().__init__(door.client, request, decode, rules, attempts=attempts, counted=counted)
        self._door, self._spoiled = door, 0

    def _send(self, request: Request, transport: Transport, *, home: bool) -> Response:
        door, body = self._door, MISSING
        taken = self._take_points(request.where)
        try:
            response = super()._send(request, transport, home=home)
            body = _json(response)
        finally:
            door.points.leave(door.name, taken, told(body, door.clock))
        return _Parsed(response.status, response.headers, response.body, response.file, value=body)

    def _take_points(self, where: str) -> Share:
        """Wait until the budget allows the query. Raises TransientError where that takes longer than the client's patience."""
        door, traffic = self._door, self._client.traffic
        while True:
            taken, wait = door.points.enter(door.name)
            if not wait:
                return taken
            self._limited += wait
            if self._limited > self._client.retry.patience:
                hint = "let the next sync go on then, raise `patience=` of Retry in api.py, or ask for fewer records at once"
                what = f"the source's budget of points is used up for another {wait / 60:,.0f} minutes"
                raise TransientError(what, where=where, hint=hint)
            self._client.log.debug(f"{where}: waits {wait:.1f} s for the source's budget of points")
            self._begun += wait
            traffic.rest(wait, where, again=False)

    def _judged(self, response: Response) -> Answer | TransientError | None:
        body = response.value if isinstance(response, _Parsed) else MISSING
        if first_match(self._rules, response) is not None:
            return super()._judged(response)
        verdict = judged(body, self._door.records, self._client.log.clean)
        if response.status == 403 and ("retry-after" in response.headers or limited(body)):  # GitHub's secondary limits
            verdict = Verdict("wait", "")
        if verdict is None or (verdict.kind in {"refused", "partial"} and response.status >= 300):
            return super()._judged(response)
        return self._meant(verdict, response)

    def _meant(self, verdict: Verdict, response: Response) -> Answer | TransientError | None:
        """Return or raise what a verdict comes to."""
        client, where, said = self._client, self._request.where, verdict.words
        if verdict.kind == "wait" and not self._door.points.beyond(self._door.name):
            if self._door.points.wait(self._door.name):
                client.traffic.answered()
            else:
                self._wait_for_limit(Rule("wait", status=response.status, seconds=verdict.seconds), response)
            return None
        if verdict.kind == "retry":
            what = f"the source answered with an error{said}"
            return TransientError(what, where=where, status=response.status, heavy=True)
        if verdict.kind == "partial":
            self._spoiled += 1
            if verdict.passing and self._spoiled < min(SPOILED, client.retry.attempts):
                return TransientError(f"records failed at the source{said}", where=where, status=response.status)
            return super()._judged(response)
        client.traffic.answered()
        if verdict.kind == "auth" and self._grant is not None and not self._renewed:
            client.signing.refused(self._grant)
            self._renewed = True
            return None
        if verdict.kind in {"auth", "right"}:
            hint = "check the key in the configuration: it may be wrong, expired or lack the right to this query"
            status = 401 if verdict.kind == "auth" else 403
            raise ConfigError(f"the source refused the credential{said}", where=where, hint=hint, status=status)
        if verdict.kind in {"large", "wait"}:
            raise _TooLargeError(f"the source refused the query for its size{said}", where=where, hint=LESS)
        hint = "compare the query in api.py with the vendor's schema of today; nothing of a partial answer was taken"
        refused = isinstance(response, _Parsed) and isinstance(response.value, dict) and "data" not in response.value
        kind = SourceError if refused else PartialError
        raise kind(f"the source answered with an error{said}", where=where, hint=hint, status=response.status)


class _TooLargeError(SourceError):
    """The query costs more than any query may."""

    heavy = True


def _json(response: Response) -> Any:
    try:
        return MISSING if response.file is not None else json_text.loads(response.body)
    except (ValueError, RecursionError):
        return MISSING
