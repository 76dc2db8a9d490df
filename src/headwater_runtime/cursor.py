"""Cursors: what a stream remembers between syncs, and the only thing that writes state.

A Cursor is a frozen declaration. `begin` makes a Progress of it: one pass, mutable, used by the main thread only. Each
cursor argues in its docstring that for every state it saves, all records shown before are emitted or will be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from headwater_runtime.call import WHOLE, Position, Slice
from headwater_runtime.errors import HeadwaterError, require
from headwater_runtime.pages import Page, Readable
from headwater_runtime.records import Row
from headwater_runtime.tables import Table

__all__ = [
    "Cursor",
    "Fitting",
    "FullRefresh",
    "Ordering",
    "Progress",
    "Removing",
    "Saved",
    "Straight",
    "Token",
    "Vanishing",
    "resumable",
]

Saved = Mapping[str, Any]


class Progress(Protocol):
    """One pass of a cursor over one stream. A slice is given back as the very object that `next` returned.

    One of your own inherits from this: `wanted` and `failed` have a default.
    """

    def next(self) -> Slice | None:
        """Return the next slice to read; None if there is none now. Asked again after each `done` and `failed`."""

    def wanted(self, slice: Slice, page: Page) -> bool:  # noqa: A002, ARG002
        """Say whether to emit `page`, the next one of `slice`. False: neither it nor what follows it; `done` is next.

        Raises ContractError, before a row is emitted, for a page this cursor cannot go by.
        """
        return True

    def moved(self, slice: Slice, page: Page) -> None:  # noqa: A002
        """Take note that every row of `page`, the next one of `slice`, is emitted."""

    def done(self, slice: Slice) -> None:  # noqa: A002
        """Take note that every page of `slice` is emitted. Raises ContractError if the source cut it short."""

    def failed(self, slice: Slice, error: HeadwaterError) -> bool:  # noqa: A002, ARG002
        """Say whether `slice` will come again, now or in another shape; False: the error goes on, the client having tried."""
        return False

    def saved(self) -> dict[str, Any]:
        """Return what to save, plain JSON: true at every moment. May cost something: for checkpoints."""


@runtime_checkable
class Vanishing(Protocol):
    """What a Progress has beside, if it must know the keys of all rows to tell which rows are gone."""

    def seen(self, table: Table, rows: Sequence[Row]) -> None:
        """Take note of the keys of `rows`, which are emitted next: called before they are."""

    def vanished(self, table: Table) -> Sequence[Row]:
        """Return the keys of the rows of `table` to delete, the pass being complete. Raises SourceError if too many are.

        They are forgotten at once: the checkpoint that follows comes after the deletes.
        """


@runtime_checkable
class Removing(Protocol):
    """What a Progress has beside, if it knows by itself of rows that are gone: those of a file that was replaced."""

    def removed(self, tables: Sequence[Table], *, complete: bool) -> Iterator[tuple[Table, Sequence[Row]]]:
        """Yield the keys of rows to delete, batch by batch: asked after each slice, and once the pass is `complete`.

        A batch counts as deleted when the next one is asked for. Raises SourceError if too many are gone.
        """


class Cursor(Protocol):
    """What a stream remembers. `name` is part of the state's shape: it holds what changes a position's meaning.

    `fills` names the fields of a Slice it gives a value: "start", "end", "up_to", or a word of its own for what it puts into
    `part`. With anything but "start" there may be several slices, which can be read side by side.
    """

    @property
    def name(self) -> str:
        """The cursor's name in the state's shape."""

    @property
    def fills(self) -> frozenset[str]:
        """Which bounds of a call have a value."""

    def check(self, source: Readable) -> None:
        """Raise ConfigError if `source` cannot be read with this cursor."""

    def begin(self, saved: Saved, source: Readable, now: datetime) -> Progress:
        """Return a pass that goes on from `saved`, {} at first. Members of `saved` it does not know are dropped."""


@runtime_checkable
class Fitting(Protocol):
    """What a Cursor has beside, if it must know the tables."""

    def fits(self, source: Readable, tables: Sequence[Table]) -> None:
        """Raise ConfigError if it cannot go with `tables`."""


@runtime_checkable
class Ordering(Protocol):
    """What a Cursor has beside, if rows of one slice may stand for those of another."""

    def ordered(self, source: Readable, tables: Sequence[Table]) -> bool:
        """Say whether the rows of a slice are to be emitted behind those of all slices before it."""


def resumable(source: Readable) -> bool:
    """Whether a slice that was broken off goes on at its last position in a later sync.

    Keys and jobs last. A token may die within the hour, and a stream that asks for a dead one never gets on: so tokens are
    kept by a Token cursor only, whose user says that they last.
    """
    return source.durable and source.shape.split()[0] != "NextToken"


@dataclass(frozen=True)
class FullRefresh:
    """Reads everything in every sync and remembers nothing, so nothing can be skipped: overlap is the whole source.

    Only the id of a job that is running is kept until its rows are read. `delete_vanished` keeps the keys of all rows too
    (up to 250,000) and deletes, at the end of a complete pass, those it did not see; more than the share `at_most` of a
    table's rows is refused.
    """

    delete_vanished: bool = False
    at_most: float = 0.5
    name = "full_refresh"
    fills = frozenset[str]()

    def check(self, source: Readable) -> None:
        """Any paging will do. Raises ConfigError for a share that is none."""
        what = f"at_most={self.at_most} is not a share of the rows"
        hint = "give FullRefresh(…, at_most=0.5) in sync.py something above 0, at most 1"
        require(0 < self.at_most <= 1, what, source.where, hint)

    def begin(self, saved: Saved, source: Readable, now: datetime) -> Progress:  # noqa: ARG002
        """Begin at the beginning, or with the job that is running."""
        from headwater_runtime.vanished import Mirrored  # noqa: PLC0415  (it stands on this module)

        return Mirrored(saved, self.at_most) if self.delete_vanished else Straight(saved.get("at"))


@dataclass(frozen=True)
class Token:
    """Remembers the last token the source gave, for sources that append and whose tokens keep working between syncs.

    No loss: a token is saved only after every row of the page that gave it is emitted, and the source defines it as the
    point right after that page. The last page gives none, so the token before it stays: the next sync reads the last page
    again, and whatever came after it. Overlap: the last page; none under Keyset, whose last page has its key too.
    """

    name = "token"
    fills = frozenset[str]()

    def check(self, source: Readable) -> None:
        """Only a token lives on between syncs: page numbers and offsets move under a growing source."""
        kind = source.shape.split()[0]
        lasts = kind == "NextToken" or (source.durable and kind != "Job")
        hint = "use cursor=FullRefresh() in sync.py, or paging=NextToken(…) in api.py"
        require(lasts, f"a Token cursor needs NextToken or Keyset paging, not {kind}", source.where, hint)

    def begin(self, saved: Saved, source: Readable, now: datetime) -> Progress:  # noqa: ARG002
        """Begin at the saved token."""
        return Straight(saved.get("token"), keeps=True)


class Straight(Progress):
    """One slice, from a position to the end. `keeps`: every position, for ever; else a job's, until the end."""

    def __init__(self, at: Position | None, *, keeps: bool = False) -> None:
        self._at, self._keeps, self._given = at, keeps, False

    def next(self) -> Slice | None:
        """Return the one slice, once."""
        if self._given:
            return None
        self._given = True
        return WHOLE if self._at is None else Slice(at=self._at)

    def moved(self, slice: Slice, page: Page) -> None:  # noqa: A002, ARG002
        """Keep the position behind the page."""
        if page.position is not None and (self._keeps or page.urgent):
            self._at = page.position

    def done(self, slice: Slice) -> None:  # noqa: A002, ARG002
        """Forget the job."""
        if not self._keeps:
            self._at = None

    def saved(self) -> dict[str, Any]:
        """Return the position, if there is one."""
        return {} if self._at is None else {"token" if self._keeps else "at": self._at}
