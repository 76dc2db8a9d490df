"""Cursors: what a stream remembers between syncs, and the only thing that writes state.

Each cursor argues in its docstring that for every state it saves, all records shown before are emitted or will be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from headwater_runtime.client import Page, Pages
from headwater_runtime.errors import ConfigError
from headwater_runtime.paging import NextToken, Position

__all__ = ["Cursor", "FullRefresh", "Saved", "Token"]

Saved = Mapping[str, Any]


class Cursor(Protocol):
    """What a stream remembers. `name` is part of the state's shape."""

    @property
    def name(self) -> str:
        """The cursor's name in the state's shape."""

    def check(self, pages: Pages) -> None:
        """Raise ConfigError if `pages` cannot be read with this cursor."""

    def start(self, saved: Saved) -> Position | None:
        """Return where to begin reading."""

    def advance(self, saved: Saved, page: Page) -> Saved:
        """Return what to save once every row of `page` is emitted."""


@dataclass(frozen=True)
class FullRefresh:
    """Reads everything in every sync and remembers nothing, so nothing can be skipped: overlap is the whole source."""

    name = "full_refresh"

    def check(self, pages: Pages) -> None:
        """Any paging will do."""

    def start(self, saved: Saved) -> Position | None:  # noqa: ARG002
        """Begin at the beginning."""
        return None

    def advance(self, saved: Saved, page: Page) -> Saved:  # noqa: ARG002
        """Remember nothing."""
        return saved


@dataclass(frozen=True)
class Token:
    """Remembers the last token the source gave, for sources that append and whose tokens keep working between syncs.

    No loss: a token is saved only after every row of the page that gave it is emitted, and the source defines it as the
    point right after that page. The last page gives none, so the token before it stays: the next sync reads the last page
    again, and whatever came after it. Overlap: the last page.
    """

    name = "token"

    def check(self, pages: Pages) -> None:
        """Only a token lives on between syncs: page numbers and offsets move under a growing source."""
        if not isinstance(pages.paging, NextToken):
            raise ConfigError(
                f"a Token cursor needs NextToken paging, not {type(pages.paging).__name__}",
                where=f"GET {pages.path}",
                hint="use cursor=FullRefresh() in sync.py, or paging=NextToken(…) in api.py",
            )

    def start(self, saved: Saved) -> Position | None:
        """Begin at the saved token."""
        return saved.get("token")

    def advance(self, saved: Saved, page: Page) -> Saved:
        """Save the page's token; a page without one leaves the saved token as it is."""
        return saved if page.position is None else {**saved, "token": page.position}
