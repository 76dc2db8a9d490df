"""How an endpoint is paged: small frozen values that place a position in a request and read the next one from the answer.

A position is a JSON value (a page number, an offset, a key, a token, a link) after which reading can go on. None is the
beginning. No paging holds state: the loop over pages, with its guards, is in pages.py.

A parameter is a `Place` of the request; a plain text is one of the query string. A token or link is read from a dotted path
of the body, from a `Header` of the answer, or (`Last`) from the last record of the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol
from urllib.parse import urljoin

from headwater_runtime.call import Call, Header, Place, Position, Query
from headwater_runtime.errors import ContractError, require
from headwater_runtime.records import MISSING, Row, lookup
from headwater_runtime.transport import Request, Response

__all__ = [
    "COMPARE",
    "Last",
    "NextLink",
    "NextToken",
    "Offset",
    "PageNumber",
    "Paging",
    "Position",
    "Single",
    "Sizes",
    "Step",
    "largest",
    "need",
    "need_size",
    "put",
]

COMPARE = "compare `paging=` in api.py with a response of today"
NEXT = re.compile(r"<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:\"[^\"]*\"|[^\s;,]*))?)*)")
REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,]*))", re.IGNORECASE)


class Step(NamedTuple):
    """Where a page leaves the reader: `position` goes on right after it (None: unknown), `more` says whether to."""

    position: Position | None
    more: bool


@dataclass(frozen=True)
class Last:
    """The value at dotted `path` of a page's last record."""

    path: str


@dataclass(frozen=True, init=False)
class Sizes:
    """Page sizes, falling: a query that fails or takes longer than `slow` seconds is asked again for less, and later for more.

    `most` is the largest to begin with, a setting perhaps. Raises ConfigError for sizes that do not fall.
    """

    steps: tuple[int, ...]
    slow: float

    def __init__(self, *steps: int, most: int | None = None, slow: float = 30.0) -> None:
        falling = steps and min(steps) >= 1 and list(steps) == sorted(set(steps), reverse=True)
        require(falling, f"Sizes{steps} do not fall to 1 or more", hint="write Sizes(1000, 100, 10, 1) in api.py")
        above = slow > 0 and (most is None or most >= 1)
        require(above, "`slow` and `most` of Sizes must be above 0", hint="mend Sizes(…) in api.py")
        if most is not None and most < steps[0]:
            steps = (most, *(step for step in steps if step < most))
        object.__setattr__(self, "steps", steps)
        object.__setattr__(self, "slow", slow)


class Paging(Protocol):
    """One way of paging. One of your own inherits from this: all but `place` and `after` has a default."""

    @property
    def durable(self) -> bool:
        """Whether a position still works in a later sync."""
        return False

    @property
    def then(self) -> Call | None:
        """The call of every page but the first, where it is another."""
        return None

    @property
    def size(self) -> int | Sizes | None:
        """How many records a page is asked for."""
        return None

    @property
    def foresees(self) -> bool:
        """Whether `foresee` ever answers."""
        return False

    @property
    def reads_body(self) -> bool:
        """Whether `after` looks into the body, which a streamed format does not keep."""
        return True

    @property
    def repeats(self) -> bool:
        """Whether one position may lead to page after page."""
        return False

    def place(self, request: Request, position: Position | None) -> Request:
        """Return `request` asking for the page at `position`; None asks for the first."""

    def after(self, position: Position | None, body: Any, records: Sequence[Row], response: Response) -> Step:
        """Return where the page read at `position` leaves the reader."""

    def foresee(self, position: Position | None, body: Any, count: int) -> Position | None:  # noqa: ARG002
        """Guess the position behind the page at `position`, not read yet; `body`, `count` records, is one read before."""
        return None

    def skip(self, position: Position | None, count: int) -> Position | None:  # noqa: ARG002
        """Return the position `count` records behind `position`, None if there is no way to step over records."""
        return None


@dataclass(frozen=True)
class Single(Paging):
    """Everything comes in one answer."""

    reads_body = False

    def place(self, request: Request, position: Position | None) -> Request:  # noqa: ARG002
        """Return `request` as it is."""
        return request

    def after(self, position: Position | None, body: Any, records: Sequence[Row], response: Response) -> Step:  # noqa: ARG002
        """Stop."""
        return Step(None, more=False)


class _Foreseen(Paging):
    foresees = True

    def foresee(self, position: Position | None, body: Any, count: int) -> Position | None:
        """Guess the position behind a page as long as the one read before, as far as the source said there are pages."""
        step = self.after(position, body, [{}] * count, NOTHING) if count else Step(None, more=False)
        return step.position if step.more else None


@dataclass(frozen=True)
class PageNumber(_Foreseen):
    """Pages are numbered from `start`. Ends after `total_pages` (a path in the body) if given, else at the first empty page.

    A page shorter than `size` is not taken for the last one unless `ends_short` says that it always is: sources that filter
    after cutting pages send such pages in the middle, and stopping there loses the rest. One request more is the price.
    """

    param: str | Place
    start: int = 1
    total_pages: str | None = None
    size_param: str | Place | None = None
    size: int | None = None
    ends_short: bool = False

    def __post_init__(self) -> None:
        need("PageNumber", "the parameter that carries the page number", self.param)
        need_size("PageNumber", self.size_param, self.size, ends_short=self.ends_short)
        what = "PageNumber cannot change its size: the numbers would mean other pages"
        require(not isinstance(self.size, Sizes), what, hint="use one size, or Offset")

    @property
    def reads_body(self) -> bool:
        """For the total."""
        return self.total_pages is not None

    def place(self, request: Request, position: Position | None) -> Request:
        """Put the page number, and the size if there is one, in their places."""
        number = self.start if position is None else position
        return put(put(request, self.param, number), self.size_param, self.size)

    def after(self, position: Position | None, body: Any, records: Sequence[Row], response: Response) -> Step:  # noqa: ARG002
        """Go on to the next number until the source says or shows that there is none."""
        number = self.start if position is None else int(str(position))
        if self.ends_short and len(records) < (self.size or 0):
            return Step(number + 1, more=False)
        if self.total_pages is None:
            return Step(number + 1, more=bool(records))
        return Step(number + 1, more=number - self.start + 1 < _whole_number(body, self.total_pages))


@dataclass(frozen=True)
class Offset(_Foreseen):
    """Pages begin at an offset, which moves by the records received, not by those asked for: a capped page loses nothing.

    Ends at `total` (a path in the body) if given, else at the first empty page; with `ends_short` also at a short one.
    """

    param: str | Place
    size_param: str | Place | None = None
    size: int | Sizes | None = None
    total: str | None = None
    ends_short: bool = False

    def __post_init__(self) -> None:
        need("Offset", "the parameter that carries the offset", self.param)
        need_size("Offset", self.size_param, self.size, ends_short=self.ends_short)

    @property
    def reads_body(self) -> bool:
        """For the total."""
        return self.total is not None

    def place(self, request: Request, position: Position | None) -> Request:
        """Put the offset, and the size if there is one, in their places."""
        return put(put(request, self.param, position or 0), self.size_param, largest(self.size))

    def after(self, position: Position | None, body: Any, records: Sequence[Row], response: Response) -> Step:  # noqa: ARG002
        """Go on behind the records received."""
        reached = int(str(position or 0)) + len(records)
        if self.ends_short and len(records) < (largest(self.size) or 0):
            return Step(reached, more=False)
        if self.total is None:
            return Step(reached, more=bool(records))
        total = _whole_number(body, self.total)
        if reached < total and not records:
            raise ContractError(
                f"the source says it has {total} records but sent none from offset {reached} on",
                hint="drop `total=` in api.py if the number counts something else",
            )
        return Step(reached, more=reached < total)

    def skip(self, position: Position | None, count: int) -> Position | None:
        """Move the offset."""
        return int(str(position or 0)) + count


@dataclass(frozen=True)
class NextToken(Paging):
    """Each answer holds at `path` the token of the next page, sent back as `param`: with `then`, of that call instead.

    The end is a token that is null, absent, empty or false, or `more` (a path to a boolean) saying false, or with
    `until_empty` a page without records: so scrolls end, whose token may stay the same. A token 0 is a token.
    """

    path: str | Header | Last
    param: str | Place
    more: str | None = None
    then: Call | None = None
    until_empty: bool = False

    def __post_init__(self) -> None:
        need("NextToken", "the path of the token in the body", self.path)
        need("NextToken", "the parameter that carries the token", self.param)

    @property
    def durable(self) -> bool:
        """Tokens are taken to live on, but not a scroll's."""
        return not self.until_empty

    @property
    def reads_body(self) -> bool:
        """For the token or the flag."""
        return isinstance(self.path, str) or bool(self.more)

    @property
    def repeats(self) -> bool:
        """A scroll's token may lead to page after page."""
        return self.until_empty

    def place(self, request: Request, position: Position | None) -> Request:
        """Put the token in its place; the first page is asked for without one."""
        return request if position is None else put(request, self.param, position)

    def after(self, position: Position | None, body: Any, records: Sequence[Row], response: Response) -> Step:
        """Go on at the token that was given."""
        token = _given(self.path, body, records, response)
        if self.until_empty and not records:
            return Step(token, more=False)
        if isinstance(self.path, Last) and token == position and len(records) == 1:
            return Step(token, more=False)  # the source gives the record at the token again, and nothing behind it
        if not self.more:
            return Step(token, more=token is not None)
        more = lookup(body, self.more) is True
        if more and token is None:
            named = self.path if isinstance(self.path, str) else getattr(self.path, "name", "token")
            raise ContractError(f"the source says '{self.more}' but gives no '{named}' to go on with", hint=COMPARE)
        return Step(token, more)


@dataclass(frozen=True)
class NextLink(Paging):
    """Each answer holds at `path` the address of the next page, absolute or relative; null or absent at the end.

    Of a header that holds several links in angle brackets, as `Link` does, the one with rel "next" counts. The client refuses
    a link to another host.
    """

    path: str | Header

    def __post_init__(self) -> None:
        need("NextLink", "the path of the link in the body", self.path)

    @property
    def reads_body(self) -> bool:
        """For the link."""
        return isinstance(self.path, str)

    def place(self, request: Request, position: Position | None) -> Request:
        """Follow the link; it carries its own query."""
        return request if position is None else replace(request, url=urljoin(request.url, str(position)), params={})

    def after(self, position: Position | None, body: Any, records: Sequence[Row], response: Response) -> Step:  # noqa: ARG002
        """Go on at the link that was given."""
        link = _given(self.path, body, records, response)
        if isinstance(self.path, Header) and isinstance(link, str) and link.lstrip().startswith("<"):
            link = _next_of(link)
        if link is not None and not isinstance(link, str):
            raise ContractError("the link to the next page is not text", hint=COMPARE)
        return Step(link, more=link is not None)


NOTHING = Response(200)


def largest(size: int | Sizes | None) -> int | None:
    """Return the largest size a page is asked for."""
    return size.steps[0] if isinstance(size, Sizes) else size


def need(kind: str, what: str, value: str | Place | Last) -> None:
    """Raise ConfigError for a parameter or path without a name."""
    named = value if isinstance(value, str) else getattr(value, "name", None) or getattr(value, "path", None)
    require(named, f"{kind} needs {what}", hint=f"name it in api.py: {kind}('…')")


def need_size(kind: str, size_param: str | Place | None, size: int | Sizes | None, *, ends_short: bool = False) -> None:
    """Raise ConfigError unless the size and its parameter come together."""
    both = (not size_param) == (size is None)
    require(both, f"{kind} needs `size` and `size_param` together", hint="give both or neither in api.py")
    some = not isinstance(size, int) or size >= 1
    require(some, f"{kind} needs a size of 1 or more, not {size}", hint="mend `size=` in api.py")
    hint = "give `size=` and `size_param=` in api.py"
    require(size is not None or not ends_short, f"{kind} needs a `size` to tell a short page", hint=hint)


def put(request: Request, place: str | Place | None, value: Position | None) -> Request:
    """Return `request` with the value in its place, if there are both."""
    if not place or value is None:
        return request
    return (Query(place) if isinstance(place, str) else place).put(request, value)


def _given(source: str | Header | Last, body: Any, records: Sequence[Row], response: Response) -> Position | None:
    """Return the token or link the source gave, None if it gave none."""
    if isinstance(source, Header):
        value: Any = response.headers.get(source.name.lower())
    elif isinstance(source, Last):
        value = lookup(records[-1], source.path) if records else None
        if value is MISSING:
            raise ContractError(f"the last record of a page has no '{source.path}'", hint=COMPARE)
    else:
        value = lookup(body, source)
    if value is MISSING or value is None or value is False or value in ("", []):
        return None
    if value is True or not isinstance(value, (str, int, float, list)):
        raise ContractError(f"what leads to the next page is {type(value).__name__}, not a token", hint=COMPARE)
    return str(value) if isinstance(value, float) else value


def _next_of(header: str) -> str | None:
    for link, params in NEXT.findall(header):
        if any("next" in (quoted or bare).lower().split() for quoted, bare in REL.findall(params)):
            return str(link)
    return None


def _whole_number(body: Any, path: str) -> int:
    value = lookup(body, path)
    if isinstance(value, str) and value.isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ContractError(f"the response holds no whole number at '{path}'", hint=COMPARE)
    return value
