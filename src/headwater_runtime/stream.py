"""Stream: an endpoint, the tables its records fill, how often it is read and from where the next sync goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater_runtime.bad import Errors
from headwater_runtime.call import End, Part, Start, UpTo
from headwater_runtime.cursor import Cursor, Fitting, FullRefresh
from headwater_runtime.errors import ConfigError
from headwater_runtime.pages import Readable
from headwater_runtime.parts import check_parts
from headwater_runtime.records import MISSING, Row, lookup
from headwater_runtime.tables import Table

__all__ = ["Beside", "RowFunction", "Stream", "check"]

RowFunction = Callable[[Row], "Row | Iterable[Row] | None"]


@dataclass(frozen=True)
class Beside:
    """Rows of another list of records in the same answer, at dotted path `records` ("included?": it may be absent)."""

    records: str
    row: RowFunction


@dataclass(frozen=True, eq=False)
class Stream:
    """One endpoint and the tables its records fill: `into` maps each table to a pure function from record to row.

    A row function gives a row, several rows, or None to leave the record out of that table. A checkpoint follows the page
    that completes `checkpoint_rows` rows, or the first page after `checkpoint_seconds`, and the end of the stream.

    `per` reads the endpoint once for each record of another stream, or each entry of a list; `when` chooses among them, and
    `carry` puts fields of theirs onto the records (name ← path). A page of the parent counts as read when its parts are
    read too. `parallel` slices are read side by side; pages, where there is one slice. `errors` lets the stream go on without
    records that fail alone. `deleted` is the field (or a function of the record) that says the source has deleted the record:
    what its row would be is then a row to delete, by its key. Raise `version` when a filter changes its meaning: the stream is then read from the beginning.
    Raises ConfigError for what cannot work.
    """

    pages: Readable
    into: Mapping[Table, RowFunction | Beside]
    cursor: Cursor = field(default_factory=FullRefresh)
    checkpoint_rows: int = 10_000
    checkpoint_seconds: float = 600.0
    per: Stream | Sequence[Mapping[str, Any]] | None = field(default=None, kw_only=True)
    when: Callable[[Row], bool] | None = field(default=None, kw_only=True)
    carry: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    parallel: int = field(default=1, kw_only=True)
    checkpoint_slices: bool = field(default=False, kw_only=True)
    errors: Errors | None = field(default=None, kw_only=True)
    deleted: str | Callable[[Row], Any] | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)  # in state and log; "": that of the first table
    version: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        if not self.into and not self.name:
            raise self._wrong("fills no table", "give Stream(pages, {TABLE: row_function}) in sync.py")
        object.__setattr__(self, "name", self.name or next(iter(self.into)).name)
        self.cursor.check(self.pages)
        if isinstance(self.cursor, Fitting):
            self.cursor.fits(self.pages, tuple(self.into))
        self._check_bounds()
        self._check_parts()
        if self.parallel < 1:
            raise self._wrong(f"is read {self.parallel} at a time", "give `parallel=1` or more")
        if self.parallel > 1 and not (self.sliced or self.pages.foresees):
            raise self._wrong(
                "cannot be read in parallel: the position of a page must be known before the page can be asked for",
                "use parallel=1; numbered pages, offsets, windows, ranges of ids and parts can be read side by side",
            )
        for table in self.into if self.deleted is not None else ():
            if not table.key:
                raise self._wrong(
                    f"deletes rows of '{table.name}', which has no key to tell them by",
                    "give the table a key in models.py, or drop `deleted=`",
                )
        beside = any(isinstance(function, Beside) for function in self.into.values())
        if beside and getattr(getattr(self.pages, "format", None), "spooled", False):
            raise self._wrong("has Beside on a streamed format, of which no whole body is kept", "use format=Json()")

    def _wrong(self, what: str, hint: str) -> ConfigError:
        name = f" '{self.name}'" if self.name else ""
        return ConfigError(f"a stream{name} {what}", where=self.pages.where, hint=hint)

    def _check_bounds(self) -> None:
        kinds, filled = {type(bound) for bound in self.pages.bounds}, self.cursor.fills
        for kind, name in ((Start, "start"), (End, "end"), (UpTo, "up_to")):
            if kind in kinds and name not in filled:
                raise self._wrong(
                    f"sends {kind.__name__}(), to which its cursor gives no value",
                    "give it a cursor that does: Windows (Start, End), Watermark (Start), Sequence (UpTo)",
                )
            hidden = kinds - {Start, End, UpTo, Part}
            if name in filled and kind not in kinds and not hidden:
                raise self._wrong(
                    f"never sends {kind.__name__}(), by which its cursor asks for a part of the records only",
                    f"put {kind.__name__}(…) into the call in api.py, or use another cursor in sync.py",
                )

    def _check_parts(self) -> None:
        fields = self.fields
        if self.per is None:
            if fields:
                names = ", ".join(sorted(fields))
                raise self._wrong(
                    f"needs {names} of a part, but is read once", "say in sync.py whose: Stream(…, per=…)"
                )
            if self.when or self.carry:
                raise self._wrong("has `when` or `carry`, but no `per`", "give `per=`, or drop them")
            return
        if not self.cursor.fills <= {"start", "end", "up_to"}:
            raise self._wrong("has `per`, but its cursor makes the parts itself", "drop `per=`, or use another cursor")
        check_parts(self.cursor, self.pages.where)
        hidden = any(not isinstance(bound, Part) for bound in self.pages.bounds)
        if not fields and not (hidden and self.carry):
            raise self._wrong(
                "is read once a part, but nothing says by which fields parts differ",
                "use {field} in the path or Part(…) in api.py; beside a function of the slice give `carry=`",
            )
        if not isinstance(self.per, Stream):
            for entry, name in ((entry, name) for entry in self.per for name in (*fields, *self.carry.values())):
                if lookup(entry, name) is MISSING:
                    raise self._wrong(f"needs '{name}', which an entry of `per` lacks", "add it to the entry")

    @property
    def fields(self) -> frozenset[str]:
        """The paths in a part that its calls use."""
        return frozenset(bound.path for bound in self.pages.bounds if isinstance(bound, Part)) - {"job"}

    @property
    def sliced(self) -> bool:
        """Whether there may be several slices to read side by side."""
        return self.per is not None or bool(self.cursor.fills - {"start"})

    @property
    def shape(self) -> str:
        """What gives a saved position of this stream its meaning: all before it is in these tables, read this way.

        So a table added to a stream that has synced before is filled from the beginning, not from the saved position.
        """
        version = f" v{self.version}" if self.version > 1 else ""
        tables = ", ".join(sorted(table.name for table in self.into)) or self.name
        return f"{self.cursor.name} {self.pages.shape} → {tables}{version}"


def check(streams: Iterable[Stream]) -> tuple[Table, ...]:
    """Return every table the streams fill, in order. Raises ConfigError for streams that do not fit together."""
    streams = tuple(streams)
    tables: dict[tuple[str | None, str], Table] = {}
    names: set[str] = set()
    for stream in streams:
        where = stream.pages.where
        if stream.name in names:
            raise ConfigError(
                f"two streams fill '{stream.name}' first, so they would share one saved position",
                where=where,
                hint="list another table first in `into`, give one a `name=`, or read both through one stream",
            )
        names.add(stream.name)
        if isinstance(stream.per, Stream) and not any(stream.per is other for other in streams):
            raise ConfigError(
                f"stream '{stream.name}' is read once for each record of '{stream.per.name}', which is not yielded",
                where=where,
                hint="yield the stream in `per=` too, the same object",
            )
        if not stream.into and not any(stream is other.per for other in streams):
            raise ConfigError(f"stream '{stream.name}' fills no table", where=where, hint="give it one in `into`")
        errors = () if stream.errors is None or stream.errors.table is None else (stream.errors.table,)
        for table in (*stream.into, *errors):
            if tables.setdefault((table.schema, table.name), table) != table:
                raise ConfigError(
                    f"two different tables are called '{table.name}'",
                    where=where,
                    hint="declare the table once in models.py, or give one of them another name or schema",
                )
    _check_deletes(streams)
    return tuple(tables.values())


def _check_deletes(streams: Sequence[Stream]) -> None:
    for stream in streams:
        others = {table for other in streams if other is not stream for table in other.into}
        shared = sorted(table.name for table in stream.into if table in others)
        if shared and getattr(stream.cursor, "delete_vanished", False):
            raise ConfigError(
                f"stream '{stream.name}' deletes what vanished from '{shared[0]}', which another stream fills too",
                where=stream.pages.where,
                hint="drop `delete_vanished=`, or give each stream a table of its own",
            )
