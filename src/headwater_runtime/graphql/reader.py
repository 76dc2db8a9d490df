"""GraphQL: a query read page by page, its records whole: what is nested in a record is paged to its end as well.

A nested connection is a reader of its own. Inside a record it goes on where the record's own part of it ends; in a stream
with `per=` it is read by itself. Nothing of an answer with errors is taken but records that no error names.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from headwater_runtime.bad import Failure
from headwater_runtime.call import WHOLE, Call, Part, Position, Slice
from headwater_runtime.errors import SourceError, require
from headwater_runtime.graphql.check import UP, check_paged, check_query
from headwater_runtime.graphql.document import Operation, operation
from headwater_runtime.graphql.errors import FAILED, PartialError, Spoilt, words
from headwater_runtime.graphql.exchange import Data, Door
from headwater_runtime.graphql.paging import Relay, connection_of, in_variables
from headwater_runtime.keyset import Keyset
from headwater_runtime.pages import Page, Pages
from headwater_runtime.paging import NOTHING, PageNumber, Paging, Single, Step
from headwater_runtime.records import EACH, Row, select, steps_of
from headwater_runtime.rules import Rule

if TYPE_CHECKING:
    from headwater_runtime.client import Client

__all__ = ["GraphQL", "Nested", "asked"]

ENDLESS = 1_000_000  # pages of one connection


@dataclass(frozen=True)
class GraphQL:
    """A query whose records can be read from the start or from a position. `nested` are readers of connections within them.

    Raises ConfigError for a query that could lose records: without the variables and the `pageInfo` its paging needs, with
    a connection in its records that nobody pages, or with a nested record other than its own reader's.
    """

    client: Client
    pages: Pages
    query: Operation = field(repr=False)
    variables: Mapping[str, Any] = field(repr=False)
    nested: Nested = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_query(self)

    @property
    def where(self) -> str:
        """Method, path and query."""
        return f"{self.pages.call.where} {self.query.name or self.pages.records}"

    @property
    def bounds(self) -> Sequence[Callable[[Slice], Any]]:
        """Its own, and those of the nested readers that a slice fills as well."""
        own = [one for one in self.pages.bounds if not isinstance(one, _Text)]
        if len(own) < len(self.pages.bounds):
            own += Call("", json=dict(self.variables)).bounds
        inner = [one for reader in self.nested.values() if reader is not None for one in reader.bounds]
        return (*own, *(one for one in inner if not isinstance(one, Part)))

    @property
    def durable(self) -> bool:
        """That of its paging."""
        return self.pages.durable

    @property
    def foresees(self) -> bool:
        """That of its paging."""
        return self.pages.foresees

    @property
    def largest(self) -> int:
        """The declared page size."""
        return self.pages.largest

    @property
    def shape(self) -> str:
        """As of any paging, with the place of the records: all queries go to one address. A Relay cursor is a token."""
        paging = self.pages.paging
        kind = "NextToken" if isinstance(paging, Relay) else type(paging).__name__
        by = f" by {paging.path}" if isinstance(paging, Keyset) else ""
        return f"{kind} {self.pages.call.path} {self.pages.records}{by}"

    def read(
        self, start: Slice | Position | None = WHOLE, *, parallel: int = 1, size: int = 0, skip: bool = False
    ) -> Iterator[Page]:
        """Yield pages as `Pages.read` does, each when its records are whole.

        `skip`: a record that failed, itself or in what is nested in it, is in a page's `failed`; else SourceError is raised.
        """
        whole = start if isinstance(start, Slice) else Slice(at=start)
        pages = self.pages.read(whole, parallel=parallel, size=size, skip=skip)
        with closing(cast("Generator[Page, None, None]", pages)):
            for page in pages:
                yield self._whole(page, whole, skip=skip)

    def _whole(self, page: Page, at: Slice, *, skip: bool) -> Page:
        records = self._ordered(page.records)
        if not self.nested and not (isinstance(page.body, dict) and page.body.get("errors")):
            return replace(page, records=records)
        beside, kept = _Beside(at, skip), list[Row]()
        for record in records:
            try:
                kept.append(self._completed(record, (at.part, None), beside))
            except _FailedRecordError as error:
                beside.failed += error.failures
        return replace(page, records=kept, size=page.size + beside.size, failed=(*page.failed, *beside.failed))

    def _ordered(self, records: Sequence[Row]) -> Sequence[Row]:
        return records[::-1] if getattr(self.pages.paging, "backward", False) else records

    def _completed(self, record: Row, above: Within, beside: _Beside) -> Row:
        """Return a record with all that is nested in it. Raises _FailedRecordError for one that cannot be had whole."""
        if FAILED in record:
            raise self._failed(record[FAILED], beside)
        whole = record
        for path, reader in self.nested.items():
            if reader is not None:
                steps, tail = connection_of(path)
                whole = reader._joined(whole, steps_of(steps)[0], tail, (record, above), beside)  # noqa: SLF001  (of the same class)
        return whole

    def _joined(self, holder: Any, steps: Sequence[str | None], tail: str, within: Within, beside: _Beside) -> Any:
        """Return `holder` with the rest of the connection at `steps` of it; as it is where there is null instead."""
        if steps and steps[0] is EACH and isinstance(holder, list):
            return [self._joined(one, steps[1:], tail, (one, within), beside) for one in holder]
        if not isinstance(holder, dict):
            return holder
        if not steps:
            return self._continued(holder, tail, within, beside)
        name = str(steps[0])
        inner = holder.get(name)
        return holder if inner is None else {**holder, name: self._joined(inner, steps[1:], tail, within, beside)}

    def _continued(self, connection: Row, tail: str, within: Within, beside: _Beside) -> Row:
        """Return a connection that holds every record: those that came with the parent, and those behind them."""
        first = tail.partition(".")[0]
        if first not in connection:  # it is of another type
            return connection
        found = [] if connection[first] is None else select(connection, tail, self.where)
        step, anew = self._step(connection, found)
        records = [] if anew else [self._completed(one, within, beside) for one in self._ordered(found)]
        if step.more:
            records += self._rest(replace(beside.at, part=_part(within), at=None if anew else step.position), beside)
        whole = [{"node": one} for one in records] if "." in tail else records
        stale = {"pageInfo", "nodes", "edges"} if first in {"nodes", "edges"} else {"pageInfo"}
        return {**{name: value for name, value in connection.items() if name not in stale}, first: whole}

    def _step(self, connection: Row, found: Sequence[Row]) -> tuple[Step, bool]:
        """Return where the records that came with the parent leave the reader, and whether it must begin anew.

        The parent's query may have asked for pages of another size: then page numbers mean nothing, nor does a short page.
        """
        paging: Any = self.pages.paging
        if isinstance(paging, Relay):
            return paging.behind(connection), False
        if getattr(paging, "ends_short", False):
            paging = replace(paging, ends_short=False)
        body = connection
        for step in reversed(connection_of(self.pages.records)[0].split(".")):
            body = {step: body}
        behind: Step = paging.after(None, body, found, NOTHING)
        return behind, behind.more and isinstance(paging, PageNumber)

    def _rest(self, at: Slice, beside: _Beside) -> list[Row]:
        """Return the records of a nested connection behind those that came with the parent."""
        records: list[Row] = []
        try:
            for page in self.read(at, size=beside.steps.get(id(self), 0), skip=beside.skip):
                beside.steps[id(self)] = page.step
                if page.failed:
                    raise _FailedRecordError(page.failed)
                beside.size += page.size
                records += page.records
        except PartialError as error:
            if not beside.skip:
                raise
            raise _FailedRecordError((self._failure(error.what, "", repr(at.part)),)) from error
        return records

    def _failed(self, spoilt: Spoilt, beside: _Beside) -> Exception:
        told = words([spoilt.error], self.client.log.clean)
        path = ".".join(map(str, spoilt.error["path"]))
        if beside.skip:
            message = f"the record failed at the source{told}"
            return _FailedRecordError((self._failure(message, path, repr(spoilt.record)),))
        hint = "ask for less in the query, or give the stream `errors=` in sync.py to go on without such records"
        return SourceError(f"a record failed at the source, at {path}{told}", where=self.where, hint=hint, status=200)

    def _failure(self, message: str, payload: str, mark: str) -> Failure:
        return Failure(self.where, payload, 200, message, self.client.clock.now(), mark=mark)


Nested = Mapping[
    str, "GraphQL | None"
]  # by the path of the list in a record; None: its first page is all that is wanted


Within = tuple[Mapping[str, Any], "Within | None"]  # a record, and what it is nested in: the slice's part at last


def _part(within: Within) -> Mapping[str, Any]:
    """Return the part that a nested reader reads: the record, with what it is nested in under UP."""
    record, above = within
    return record if above is None else {**record, UP: _part(above)}


@dataclass
class _Beside:
    """What completing the records of one page brought beside them: bytes, and failures if `skip` allows them.

    `at` is the slice the page is of, `steps` the page size that served each nested reader last.
    """

    at: Slice
    skip: bool
    size: int = 0
    failed: tuple[Failure, ...] = ()
    steps: dict[int, int] = field(default_factory=dict)


class _FailedRecordError(Exception):
    """A record, or something nested in it, cannot be had."""

    def __init__(self, failures: tuple[Failure, ...]) -> None:
        super().__init__(failures[0].message)
        self.failures = failures


@dataclass(frozen=True)
class _Text:
    """The variables of a query that is sent by GET, as text."""

    values: Mapping[str, Any] = field(hash=False)

    def __call__(self, at: Slice) -> str:
        """Return them filled for a slice."""
        return (Call("", json=dict(self.values)).at("", at).body or b"").decode()


def asked(
    door: Door,
    query: str,
    paging: Paging | None,
    variables: Mapping[str, Any],
    call: Call,
    rules: Sequence[Rule],
    nested: Nested,
) -> GraphQL:
    """Return the reader of `query` through `door`. `call` gives path, method and headers. Raises ConfigError."""
    bare = call.json is None and call.form is None
    require(bare, "the call of a GraphQL query has a body", call.where, "drop it: give `variables=` in api.py")
    found = operation(query)
    body = {"query": query, **({"operationName": found.name} if found.name else {})}
    if call.method == "GET":
        call = replace(call, params={**call.params, **body, "variables": _Text(variables)})
    else:
        call = replace(call, json={**body, "variables": dict(variables)})
    if paging is None:
        check_paged(found, door.records, f"{call.where} {door.name}")
    given = in_variables(paging or Single(), door.records)
    pages = Pages(cast("Client", door), call, door.records, given, ENDLESS, Data(), tuple(rules))
    return GraphQL(door.client, pages, found, dict(variables), dict(nested))
