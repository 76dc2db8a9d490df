"""Ways of paging: each cuts one page out of what a request selects, and says where the next one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from headwater.simulate.message import Request
from headwater.simulate.place import Place, parameter
from headwater.simulate.population import Record
from headwater.simulate.position_token import PositionToken
from headwater.simulate.rows import Refusal, first_above

__all__ = [
    "By",
    "Cut",
    "Given",
    "Keyset",
    "NextLink",
    "NextToken",
    "Offset",
    "PageNumber",
    "Scroll",
    "Single",
    "whole_number",
]


class Given(NamedTuple):
    """What there is to cut: the request, the indices it selects in order, the size of a page, and how a record is made."""

    request: Request
    found: Sequence[int]
    size: int
    record: Callable[[int], Record]


class Cut(NamedTuple):
    """One page: its records' indices, what stands beside them in the body by dotted path, and in headers."""

    indices: Sequence[int]
    fields: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}


class By(Protocol):
    """One way of paging."""

    def cut(self, given: Given) -> Cut:
        """Return the page a request asks for; Refusal when it asks for none there can be."""


@dataclass(frozen=True)
class Single:
    """Everything at once."""

    def cut(self, given: Given) -> Cut:
        """Return all."""
        return Cut(given.found[:])


@dataclass(frozen=True)
class PageNumber:
    """Pages numbered from `first`. `total_pages` and `total` are paths in the body, "" to say nothing.

    The page `empty`, counted from 0, holds nothing although others follow.
    """

    param: str = "page"
    first: int = 1
    total_pages: str = ""
    total: str = ""
    empty: int | None = None
    place: Place = "query"

    def cut(self, given: Given) -> Cut:
        """Return the page of a number; one after the last is empty."""
        number = whole_number(parameter(given.request, self.place, self.param), self.first, self.param) - self.first
        if number < 0:
            raise Refusal(400, f"{self.param} begins at {self.first}.")
        pages = -(-len(given.found) // given.size) + (self.empty is not None)
        fields = _said({self.total_pages: pages, self.total: len(given.found)})
        if number == self.empty:
            return Cut((), fields)
        start = (number - (self.empty is not None and number > self.empty)) * given.size
        return Cut(given.found[start : start + given.size], fields)


@dataclass(frozen=True)
class Offset:
    """So many records are left out. `total` is a path in the body, "" to say nothing: then a short page is the last."""

    param: str = "offset"
    total: str = ""
    place: Place = "query"

    def cut(self, given: Given) -> Cut:
        """Return the page after an offset; one beyond the end is empty."""
        start = whole_number(parameter(given.request, self.place, self.param), 0, self.param)
        return Cut(given.found[start : start + given.size], _said({self.total: len(given.found)}))


@dataclass(frozen=True)
class NextToken:
    """A token for the next page, at the path `at` in the body or in the header of that name (`header`).

    The last page's token is null, or with `null` False left out. An `inclusive` token points at the last record given, which
    the next page shows again. An empty page that is not the last comes before the page with record `empty_at`. `more` is the
    path of a flag. A token of another kind, or of nobody's making, is 400.
    """

    param: str = "cursor"
    at: str = "next_cursor"
    more: str = ""
    header: bool = False
    null: bool = True
    inclusive: bool = False
    empty_at: int | None = None
    place: Place = "query"
    tokens: PositionToken = field(default=PositionToken(b"headwater"), repr=False)

    def cut(self, given: Given) -> Cut:
        """Return the page a token points at."""
        token = parameter(given.request, self.place, self.param)
        position = 0 if token is None else self.tokens.decode(token)
        if position is None:
            raise Refusal(400, f"{self.param} is not one this API gave.")
        start, shown = divmod(position, 2)  # the last bit says that the empty page has been shown
        if self.empty_at is not None and not shown and start <= self.empty_at < start + given.size:
            return self._page((), 2 * start + 1)
        stop = start + given.size
        again = self.inclusive and start > 0  # one more than the size, else a page of one would never get on
        return self._page(given.found[start - again : stop], 2 * stop if stop < len(given.found) else None)

    def _page(self, indices: Sequence[int], position: int | None) -> Cut:
        token = None if position is None else self.tokens.encode(position)
        fields = _said({self.more: token is not None})
        if self.header:
            return Cut(indices, fields, {self.at: token} if token else {})
        return Cut(indices, {**fields, self.at: token} if token or self.null else fields)


@dataclass(frozen=True)
class NextLink:
    """A link to the next page that holds every parameter, at the path `at` in the body; "" is the header `Link`.

    A `relative` link is a path. `origin` is that of another host the links lead to.
    """

    at: str = "next"
    param: str = "offset"
    relative: bool = False
    null: bool = True
    origin: str = ""

    def cut(self, given: Given) -> Cut:
        """Return the page a link leads to."""
        start = whole_number(given.request.params.get(self.param), 0, self.param)
        stop = start + given.size
        link = self._link(given.request, stop) if stop < len(given.found) else None
        indices = given.found[start:stop]
        if not self.at:
            return Cut(indices, {}, {"Link": f'<{link}>; rel="next"'} if link else {})
        return Cut(indices, {self.at: link} if link or self.null else {})

    def _link(self, request: Request, offset: int) -> str:
        origin = "" if self.relative else self.origin or request.origin
        return f"{origin}{request.path}?{urlencode({**request.params, self.param: str(offset)})}"


@dataclass(frozen=True)
class Keyset:
    """Records whose `field` is above the parameter, which is the last record's; the field rises along what is selected.

    `inclusive` shows the record itself again; `more` is the path of a flag.
    """

    param: str = "since_id"
    field: str = "id"
    inclusive: bool = False
    more: str = ""
    place: Place = "query"

    def cut(self, given: Given) -> Cut:
        """Return the records that come after."""
        text = parameter(given.request, self.place, self.param)
        start = 0
        if text is not None:

            def value(index: int) -> Any:
                return given.record(index)[self.field]

            start = first_above(given.found, value, text, inclusive=self.inclusive)
        stop = start + given.size
        return Cut(given.found[start:stop], _said({self.more: stop < len(given.found)}))


class Scroll:
    """A search is kept as it was at its first request; `param` reads on in it until nothing is left.

    A scroll not used for `lives` seconds of the server's clock is gone: 404. Each page brings the scroll's id at `at`.
    """

    def __init__(
        self, param: str = "scroll_id", at: str = "scroll_id", *, lives: float = 60.0, place: Place = "json"
    ) -> None:
        self._param = param
        self._at = at
        self._lives = timedelta(seconds=lives)
        self._place = place
        self._kept: dict[str, tuple[Sequence[int], int, datetime]] = {}

    def cut(self, given: Given) -> Cut:
        """Return the first page of a new scroll, or the next of a known one."""
        now = given.request.at
        name = parameter(given.request, self._place, self._param)
        if name is None:
            name = f"scroll-{len(self._kept) + 1}"
            self._kept[name] = (given.found[:], 0, now)
        kept = self._kept.get(name)
        if kept is None or now - kept[2] > self._lives:
            raise Refusal(404, "The scroll is gone; begin a new one.")
        found, start, _ = kept
        self._kept[name] = (found, start + given.size, now)
        return Cut(found[start : start + given.size], {self._at: name})


def whole_number(text: str | None, default: int, name: str) -> int:
    """Return a parameter as a number from 0; Refusal when it is none."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, f"{name} must be a whole number.")
    return int(text)


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {path: value for path, value in fields.items() if path}
