"""How an endpoint is paged: small frozen values that place a position in a request and read the next one from the answer.

A position is a JSON value (a page number, an offset, a token, a link) after which reading can go on. None is the beginning.
No paging holds state: the loop over pages, with its guards, is in client.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol
from urllib.parse import urljoin

from headwater_runtime.errors import ConfigError, ContractError
from headwater_runtime.records import MISSING, Row, lookup
from headwater_runtime.transport import Request

__all__ = ["NextLink", "NextToken", "Offset", "PageNumber", "Paging", "Position", "Single", "Step"]

Position = str | int


class Step(NamedTuple):
    """Where a page leaves the reader: `position` goes on right after it (None: unknown), `more` says whether to."""

    position: Position | None
    more: bool


class Paging(Protocol):
    """One way of paging."""

    def place(self, request: Request, position: Position | None) -> Request:
        """Return `request` asking for the page at `position`; None asks for the first."""

    def after(self, position: Position | None, body: Any, records: Sequence[Row]) -> Step:
        """Return where the page read at `position` leaves the reader."""


@dataclass(frozen=True)
class Single:
    """Everything comes in one answer."""

    def place(self, request: Request, position: Position | None) -> Request:  # noqa: ARG002
        """Return `request` as it is."""
        return request

    def after(self, position: Position | None, body: Any, records: Sequence[Row]) -> Step:  # noqa: ARG002
        """Stop."""
        return Step(None, more=False)


@dataclass(frozen=True)
class PageNumber:
    """Pages are numbered from `start`. Ends after `total_pages` (a path in the body) if given, else at the first empty page.

    A page shorter than `size` is not taken for the last one: sources that filter after cutting pages send such pages in
    the middle, and stopping there loses the rest. One request more is the price.
    """

    param: str
    start: int = 1
    total_pages: str | None = None
    size_param: str | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        _need("PageNumber", "the query parameter that carries the page number", self.param)
        _need_both("PageNumber", self.size_param, self.size)

    def place(self, request: Request, position: Position | None) -> Request:
        """Put the page number, and the size if there is one, into the query."""
        return _with_params(
            request, {self.param: self.start if position is None else position}, self.size_param, self.size
        )

    def after(self, position: Position | None, body: Any, records: Sequence[Row]) -> Step:
        """Go on to the next number until the source says or shows that there is none."""
        number = self.start if position is None else int(position)
        if self.total_pages is None:
            return Step(number + 1, more=bool(records))
        total = _whole_number(body, self.total_pages)
        return Step(number + 1, more=number - self.start + 1 < total)


@dataclass(frozen=True)
class Offset:
    """Pages begin at an offset, which moves by the records received, not by those asked for: a capped page loses nothing.

    Ends at `total` (a path in the body) if given, else at the first empty page.
    """

    param: str
    size_param: str | None = None
    size: int | None = None
    total: str | None = None

    def __post_init__(self) -> None:
        _need("Offset", "the query parameter that carries the offset", self.param)
        _need_both("Offset", self.size_param, self.size)

    def place(self, request: Request, position: Position | None) -> Request:
        """Put the offset, and the size if there is one, into the query."""
        return _with_params(request, {self.param: 0 if position is None else position}, self.size_param, self.size)

    def after(self, position: Position | None, body: Any, records: Sequence[Row]) -> Step:
        """Go on behind the records received."""
        reached = (0 if position is None else int(position)) + len(records)
        if self.total is None:
            return Step(reached, more=bool(records))
        total = _whole_number(body, self.total)
        if reached < total and not records:
            raise ContractError(
                f"the source says it has {total} records but sent none from offset {reached} on",
                hint="drop `total=` in api.py if the number counts something else",
            )
        return Step(reached, more=reached < total)


@dataclass(frozen=True)
class NextToken:
    """Each answer holds, at dotted `path`, the token of the next page, sent back as query parameter `param`.

    The end is a token that is null, absent or empty, or `more` (a path to a boolean) saying false. A token 0 is a token.
    """

    path: str
    param: str
    more: str | None = None

    def __post_init__(self) -> None:
        _need("NextToken", "the path of the token in the body", self.path)
        _need("NextToken", "the query parameter that carries the token", self.param)

    def place(self, request: Request, position: Position | None) -> Request:
        """Put the token into the query; the first page is asked for without one."""
        return request if position is None else _with_params(request, {self.param: position})

    def after(self, position: Position | None, body: Any, records: Sequence[Row]) -> Step:  # noqa: ARG002
        """Go on at the token the body holds."""
        token = _given(body, self.path)
        if self.more is None:
            return Step(token, more=token is not None)
        more = lookup(body, self.more) is True
        if more and token is None:
            raise ContractError(
                f"the source says '{self.more}' but gives no '{self.path}' to go on with",
                hint="compare `paging=` in api.py with a response of today",
            )
        return Step(token, more)


@dataclass(frozen=True)
class NextLink:
    """Each answer holds, at dotted `path`, the address of the next page, absolute or relative; null or absent at the end.

    The client refuses a link to another host.
    """

    path: str

    def __post_init__(self) -> None:
        _need("NextLink", "the path of the link in the body", self.path)

    def place(self, request: Request, position: Position | None) -> Request:
        """Follow the link; it carries its own query."""
        return request if position is None else replace(request, url=urljoin(request.url, str(position)), params={})

    def after(self, position: Position | None, body: Any, records: Sequence[Row]) -> Step:  # noqa: ARG002
        """Go on at the link the body holds."""
        link = _given(body, self.path)
        return Step(link, more=link is not None)


def _need(kind: str, what: str, value: str) -> None:
    if not value:
        raise ConfigError(f"{kind} needs {what}", hint=f"name it in api.py: {kind}('…')")


def _need_both(kind: str, size_param: str | None, size: int | None) -> None:
    if (size_param is None) != (size is None):
        raise ConfigError(f"{kind} needs `size` and `size_param` together", hint="give both or neither in api.py")


def _with_params(
    request: Request, params: dict[str, Position], size_param: str | None = None, size: int | None = None
) -> Request:
    if size_param is not None and size is not None:
        params = {**params, size_param: size}
    return replace(request, params={**request.params, **{name: str(value) for name, value in params.items()}})


def _given(body: Any, path: str) -> Position | None:
    value = lookup(body, path)
    return value if value is not MISSING and value is not None and value != "" else None


def _whole_number(body: Any, path: str) -> int:
    value = lookup(body, path)
    if isinstance(value, str) and value.isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ContractError(
            f"the response holds no whole number at '{path}'",
            hint="compare `paging=` in api.py with a response of today",
        )
    return value
