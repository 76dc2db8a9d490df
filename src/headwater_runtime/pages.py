"""Reading an endpoint page by page, with the guards against a paging that cannot end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from headwater_runtime.access import Access
from headwater_runtime.ahead import Ahead
from headwater_runtime.bad import Failure
from headwater_runtime.call import WHOLE, Body, Call, Form, Position, Slice
from headwater_runtime.errors import ContractError, HeadwaterError, require
from headwater_runtime.formats import Format, Json
from headwater_runtime.keyset import Keyset
from headwater_runtime.ladder import TRIES, Got, Ladder
from headwater_runtime.paging import Paging, Single, Sizes, largest
from headwater_runtime.records import Row
from headwater_runtime.rules import Rule
from headwater_runtime.transport import Request, Response

if TYPE_CHECKING:
    from headwater_runtime.client import Client

__all__ = ["Page", "Pages", "Readable", "opened", "weight"]

Chunk = tuple[list[Row], Any]
JSON = Json()


@dataclass(frozen=True)
class Page:
    """What one request gave: `records` are a list, or a Batch where the source is columnar. `position`: reading can go on right after this page, None if the source gave no way to.

    `size` is the number of bytes of the answer it came in: what it weighs in memory, give or take. `body` is the whole
    answer, None if it was streamed. `failed` are the records that failed alone on the way to this page, `step` the page
    size it was asked for (0: the size never changes), `urgent` that the position must be saved before reading goes on.
    """

    records: Sequence[Row]
    position: Position | None
    where: str
    size: int = 0
    body: Any = None
    failed: tuple[Failure, ...] = ()
    step: int = 0
    urgent: bool = False


class Readable(Protocol):
    """What a stream reads: it can be read from a position, any number of times, by any thread."""

    @property
    def client(self) -> Access:
        """What it is read through."""

    @property
    def where(self) -> str:
        """What errors call it: "GET /visits", "table public.orders"."""

    @property
    def bounds(self) -> Sequence[Callable[[Slice], Any]]:
        """Every bound and function of the slice that its requests take: a stream checks that each is filled."""

    @property
    def durable(self) -> bool:
        """Whether a page's position still works in a later sync."""

    @property
    def foresees(self) -> bool:
        """Whether the position of a page can be told before the page before it has come."""

    @property
    def largest(self) -> int:
        """The number of records a page is asked for at most, 0 if that is not known."""

    @property
    def shape(self) -> str:
        """What a saved position means here: it changes when positions of before no longer fit."""

    def read(
        self, start: Slice | Position | None = WHOLE, *, parallel: int = 1, size: int = 0, skip: bool = False
    ) -> Iterator[Page]:
        """Yield the pages of a slice in the source's order, each fetched as it is asked for.

        `parallel` pages may be on their way at a time, `size` is the step of `Sizes` to begin with (0: the largest), and
        `skip` allows stepping over records that fail alone, which then are in a page's `failed`.
        """


@dataclass(frozen=True)
class Pages:
    """A paged endpoint that can be read from the start or from a position, any number of times.

    Raises ConfigError for a paging that cannot work with the call or the format.
    """

    client: Client
    call: Call
    records: str
    paging: Paging
    max_pages: int
    format: Format = JSON
    rules: Sequence[Rule] = ()

    def __post_init__(self) -> None:
        kind, format_ = type(self.paging).__name__, type(self.format).__name__
        what = f"{kind} reads the body for where to go on, but {format_} keeps none of it"
        hint = "use format=Json(), or a paging that looks at headers or records"
        require(not (self.format.spooled and self.paging.reads_body), what, self.call.where, hint)
        for name in ("param", "size_param", "skip_param"):
            place = getattr(self.paging, name, None)
            call = self.paging.then if name == "param" and self.paging.then else self.call
            fits = call.form is not None if isinstance(place, Form) else True
            if isinstance(place, Body):
                fits = call.json is not None and place.fits(call.json)
            what = f"`{name}` of the paging goes to {place}, which the call does not have"
            hint = "give the call a `json=` or `form=` that holds it (lists with all their elements) in api.py"
            require(fits, what, call.where, hint)

    @property
    def where(self) -> str:
        """The method and path of the first page."""
        return self.call.where

    @property
    def bounds(self) -> Sequence[Callable[[Slice], Any]]:
        """Those of the call of the first page, and of that of the others where it is another."""
        return self.call.bounds if self.paging.then is None else (*self.call.bounds, *self.paging.then.bounds)

    @property
    def durable(self) -> bool:
        """Keys and tokens live on between syncs; page numbers and offsets move under a growing source."""
        return self.paging.durable

    @property
    def foresees(self) -> bool:
        """Numbers and offsets."""
        return self.paging.foresees

    @property
    def largest(self) -> int:
        """The declared page size."""
        return largest(self.paging.size) or 0

    @property
    def shape(self) -> str:
        """What a saved position means here: it changes when positions of before no longer fit."""
        by = f" by {self.paging.path}" if isinstance(self.paging, Keyset) else ""
        return f"{type(self.paging).__name__} {self.call.path}{by}"

    def read(
        self, start: Slice | Position | None = WHOLE, *, parallel: int = 1, size: int = 0, skip: bool = False
    ) -> Iterator[Page]:
        """Yield pages in the source's order from `start` on, one request each, as they are asked for.

        In parallel, what is yielded is the same. Raises ContractError when paging cannot end: a position that was given
        before in this pass, the same records as on the page before, or more pages than `max_pages`.
        """
        reading = _Reading(self, start if isinstance(start, Slice) else Slice(at=start), parallel, size, skip=skip)
        try:
            yield from reading.pages()
        finally:
            reading.close()


class _Reading:
    """One reading of a slice."""

    def __init__(self, source: Pages, whole: Slice, parallel: int, size: int, *, skip: bool) -> None:
        self._source, self._whole, self._skip = source, whole, skip
        sizes = source.paging.size
        self._ladder: Ladder | None = None
        if isinstance(sizes, Sizes):
            self._ladder = Ladder(sizes, size, self._ask, self._behind, self._failure)
        self._ahead: Ahead[Got] | None = None
        if parallel > 1 and source.foresees:
            self._ahead = Ahead(parallel, self._guess)

    def close(self) -> None:
        if self._ahead is not None:
            self._ahead.close()

    def pages(self) -> Iterator[Page]:
        source = self._source
        position = self._whole.at
        seen, before = {repr(position)}, list[Row]()
        for _ in range(source.max_pages):
            got = self._take(position)
            if got.answer.end:  # a rule says that there is nothing (more)
                if got.failed:
                    yield Page([], None, got.where, failed=got.failed, step=got.step)
                return
            records, body = yield from self._chunks(got)
            step = got.paging.after(got.position, body, records, got.answer.response)
            stays = not step.more and step.position == got.position
            if records and records == before and not stays:
                what = "two pages in a row hold the same records: the source does not page as declared"
                hint = "compare `paging=` in api.py with the vendor's documentation"
                raise ContractError(what, where=got.where, hint=hint)
            if step.more:
                self._go_on(step.position, body, len(records))
            size = got.answer.response.size if body is not None else weight(records)
            yield Page(records, step.position, got.where, size, body, got.failed, got.step)
            if not step.more:
                return
            if repr(step.position) in seen and not source.paging.repeats:
                what = "the source gave the same next position twice: paging would never end"
                hint = "report it to the vendor; what was read until here is kept"
                raise ContractError(what, where=got.where, hint=hint)
            position, before = step.position, records
            seen.add(repr(position))
        what = f"more than {source.max_pages} pages in one pass: the source seems endless"
        hint = "raise `max_pages=` in api.py if it really has more"
        raise ContractError(what, where=source.call.where, hint=hint)

    def _chunks(self, got: Got) -> Generator[Page, None, Chunk]:
        """Return the answer's records and body. Of one long answer all but the last records are yielded as they come."""
        (records, body), rest = got.answer.read
        single = isinstance(self._source.paging, Single)
        for following, _ in rest:
            if single:
                yield Page(records, None, got.where, weight(records))
                records = following
            else:
                records += following
        return records, body

    def _take(self, position: Position | None) -> Got:
        got = None if self._ahead is None else self._ahead.take(position)
        if got is not None:
            return got
        return self._ask(position) if self._ladder is None else self._ladder.ask(position)

    def _go_on(self, position: Position | None, body: Any, count: int) -> None:
        """Ask for the pages behind this one, as far as they can be foreseen."""
        if self._ahead is None or position is None:
            return
        if self._ladder is not None and not self._ladder.top:
            self._ahead.drop()  # pages of another size are somewhere else
        else:
            self._ahead.go_on(position, lambda at: self._source.paging.foresee(at, body, count))

    def _guess(self, position: Position) -> Got:
        """Ask before the turn. Every try is made all the same: what the source says of its limits is heeded between them."""
        sizes = self._source.paging.size
        if isinstance(sizes, Sizes):
            return self._ask(position, sizes.steps[0], attempts=TRIES, counted=False)
        return self._ask(position, counted=False)

    def _ask(self, position: Position | None, step: int = 0, *, attempts: int = 0, counted: bool = True) -> Got:
        source = self._source
        paging: Any = source.paging
        paging = replace(paging, size=step) if step else paging
        request = self._request(position, paging)
        decode = opened(source.format, source.records)
        answer = source.client.send(request, rules=source.rules, decode=decode, attempts=attempts, counted=counted)
        return Got(position, answer, request.where, paging, step)

    def _request(self, position: Position | None, paging: Paging) -> Request:
        source = self._source
        call = source.call if position is None or paging.then is None else paging.then
        request = paging.place(call.at(source.client.base_url, self._whole), position)
        return replace(request, spool=True) if source.format.spooled else request

    def _behind(self, position: Position | None) -> Position | None:
        return self._source.paging.skip(position, 1) if self._skip else None

    def _failure(self, position: Position | None, error: HeadwaterError) -> Failure:
        """Return what to tell of the record at `position`: the request that asks for it alone, and why it failed at last."""
        paging: Any = self._source.paging
        request = self._request(position, replace(paging, size=1))
        last = error.__cause__ if isinstance(error.__cause__, HeadwaterError) else error
        url = request.url + ("?" + urlencode(request.params) if request.params else "")
        return Failure(url, (request.body or b"").decode(), last.status, last.what, self._source.client.clock.now())


def opened(form: Format, records: str) -> Callable[[Response, str], tuple[Chunk, Iterator[Chunk]]]:
    """Return a decoder of answers: the first chunk is read at once, so that what is in another format is asked for again."""

    def decode(response: Response, where: str) -> tuple[Chunk, Iterator[Chunk]]:
        chunks = form.read(response, records, where)
        return next(chunks), chunks

    return decode


def weight(records: list[Row]) -> int:
    """Return about how many bytes records read from a file weigh, taking the first for all."""
    return len(repr(records[0])) * len(records) if records else 0
