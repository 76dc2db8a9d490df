"""Jobs: a source is asked to make an answer, asked again until it is made, and then it is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from headwater_runtime.call import WHOLE, Call, Part, Position, Slice
from headwater_runtime.errors import ContractError, HeadwaterError, SourceError, TransientError, require
from headwater_runtime.formats import Csv, Format
from headwater_runtime.pages import Page, Pages, opened, weight
from headwater_runtime.records import MISSING, every, lookup
from headwater_runtime.transport import Request, Response

if TYPE_CHECKING:
    from headwater_runtime.client import Client

__all__ = ["Job", "Links", "Poll"]

GONE = frozenset({404, 410})
EXPIRED = GONE | {400, 401, 403}  # what storage answers to a signed link that is too old


@dataclass(frozen=True)
class Poll:
    """How a job's progress is asked for: `call` holds {job}, `status` is the path of its state in the answer.

    Any state but those `done` and `failed` is taken for "not yet". It is asked again `every` seconds, for `patience` seconds.
    """

    call: Call
    status: str
    done: Collection[Any]
    failed: Collection[Any] = ()
    every: float = 5.0
    patience: float = 1_800.0

    def __post_init__(self) -> None:
        told = self.status and self.done and not isinstance(self.done, str) and not isinstance(self.failed, str)
        hint = 'write Poll(Call("/jobs/{job}"), status="state", done=("complete",)) in api.py'
        require(told, "a Poll needs the path of the status, and the values that end it", self.call.where, hint)
        lasting = self.every > 0 and self.patience > 0
        require(lasting, "`every` and `patience` of a Poll must be above 0", self.call.where, "mend Poll(…) in api.py")


@dataclass(frozen=True)
class Links:
    """The addresses of the made files, at dotted `path` of the poll's last answer, each read as `format`.

    Those on other hosts, https only, are fetched without the credential and the client's headers. `records` is the path in each file.
    """

    path: str
    format: Format = field(default_factory=Csv)
    records: str = ""


@dataclass(frozen=True)
class Job:
    """An answer made on request: `create` gives the id at `id`, which fills {job} in the other calls.

    The id is a position: a reading that is broken off goes on with the same job, and makes a new one only if that is gone or
    failed. All that a job made is read in one go: after a restart its records come again. `delete` tidies up after the last.
    Raises ConfigError for what cannot work.
    """

    client: Client
    create: Call
    id: str
    poll: Poll
    download: Pages | Links
    delete: Call | None = None

    durable = True
    foresees = False

    def __post_init__(self) -> None:
        require(self.id, "a job needs the path of its id", self.create.where, 'client.job(…, id="id")')
        for call in filter(None, (self.poll.call, self.delete)):
            require(
                Part("job") in call.bounds, "the call does not say which job", call.where, "put {job} into its path"
            )

    @property
    def where(self) -> str:
        """The method and path of the call that creates it."""
        return self.create.where

    @property
    def bounds(self) -> Sequence[Callable[[Slice], Any]]:
        """Those of all its calls."""
        download = self.download.bounds if isinstance(self.download, Pages) else ()
        calls = (self.create, self.poll.call, *([self.delete] if self.delete else []))
        return (*(bound for call in calls for bound in call.bounds), *download)

    @property
    def format(self) -> Format:
        """That of the download."""
        return self.download.format

    @property
    def largest(self) -> int:
        """That of the download."""
        return self.download.largest if isinstance(self.download, Pages) else 0

    @property
    def shape(self) -> str:
        """What a saved id means here."""
        return f"Job {self.create.path}"

    def read(
        self,
        start: Slice | Position | None = WHOLE,
        *,
        parallel: int = 1,  # noqa: ARG002
        size: int = 0,
        skip: bool = False,
    ) -> Iterator[Page]:
        """Make the job or go on with it, and yield what it made: first an empty, urgent page that bears its id."""
        whole = start if isinstance(start, Slice) else Slice(at=start)
        job = whole.at
        if job is not None:
            try:
                yield from self._made(whole, job, size, skip=skip)
            except _LostError as lost:
                self.client.log.warning(f"{self.create.where}: {lost}, so a new job is created")
            else:
                return
        job = self._created(whole)
        if job is None:
            return
        yield Page([], job, self.create.where, urgent=True)
        try:
            yield from self._made(whole, job, size, skip=skip)
        except _LostError as lost:
            raise lost.error from lost.error.__cause__

    def _created(self, whole: Slice) -> Position | None:
        answer = self.client.send(self.create.at(self.client.base_url, whole))
        if answer.end:
            return None
        job = lookup(answer.read, self.id)
        if isinstance(job, bool) or not isinstance(job, (str, int)) or job == "":
            what = f"the answer to a new job holds no id at '{self.id}'"
            hint = "compare `id=` in api.py with an answer of today"
            raise ContractError(what, where=self.create.where, hint=hint)
        return job

    def _made(self, whole: Slice, job: Position, size: int, *, skip: bool) -> Iterator[Page]:
        """Wait for the job, yield what it made, each page with the job's id for its position, and delete it."""
        at = replace(whole, part={**whole.part, "job": job}, at=None)
        try:
            answer = self._waited(at)
            if isinstance(self.download, Pages):
                pages = self.download.read(at, size=size, skip=skip)
            else:
                pages = self._files(self.download, answer)
            for page in pages:
                yield replace(page, position=job)
        except SourceError as error:
            if error.status in GONE:
                raise _LostError(error) from error
            raise
        if self.delete is not None:
            try:
                self.client.send(self.delete.at(self.client.base_url, at), decode=_nothing)
            except HeadwaterError as error:
                self.client.log.warning(f"the job is read but could not be deleted: {error}")

    def _waited(self, at: Slice) -> Any:
        """Return the poll's answer once the job is done. Raises _LostError if it never will be."""
        poll, clock = self.poll, self.client.clock
        begun = clock.monotonic()
        while True:
            request = poll.call.at(self.client.base_url, at)
            answer, where = self.client.send(request).read, request.where
            status = lookup(answer, poll.status)
            if status in tuple(poll.done):
                return answer
            if status in tuple(poll.failed):
                hint = "see the vendor's log"
                raise _LostError(SourceError(f"the job ended as {status!r}", where=where, hint=hint))
            if status is MISSING or status is None:
                hint = "compare Poll(status=…) in api.py with an answer of today"
                raise _LostError(ContractError(f"a job has no state at '{poll.status}'", where=where, hint=hint))
            waited = clock.monotonic() - begun
            if waited + poll.every > poll.patience:
                hint = "the next sync goes on with it; raise `patience=` of Poll in api.py, or ask for less"
                raise TransientError(f"the job is {status!r} after {waited:.0f} s", where=where, hint=hint, heavy=True)
            clock.sleep(poll.every)

    def _files(self, links: Links, answer: Any) -> Iterator[Page]:
        decode = opened(links.format, links.records)
        for link in _found(links, answer, self.poll.call.where):
            request = Request("GET", urljoin(self.client.base_url, link), spool=links.format.spooled)
            try:
                got = self.client.send(request, decode=decode, abroad=True)
            except HeadwaterError as error:
                if error.status in EXPIRED:
                    raise _LostError(error) from error
                raise
            for chunk, rest in () if got.end else (got.read,):
                for records, _ in chain((chunk,), rest):
                    yield Page(records, None, request.where, weight(records))


class _LostError(Exception):
    """There is no such job (any more), or it will never be done."""

    def __init__(self, error: HeadwaterError) -> None:
        super().__init__(error.what)
        self.error = error


def _found(links: Links, answer: Any, where: str) -> list[str]:
    """Return the links of an answer. Raises ContractError where there should be one and is none."""
    path = links.path.removesuffix("?")
    found = every(answer, path)
    listed = path[: path.rindex("*") + 1] if "*" in path else ""
    holder = lookup(answer, listed[:-1].rstrip(".")) if listed else MISSING
    there = isinstance(holder, (list, dict)) and len(every(answer, listed)) == len(found) if listed else bool(found)
    if path != links.path and not found:
        return []
    if not there or not all(isinstance(link, str) and link for link in found):
        hint = "compare Links(…) in api.py with an answer of today"
        raise ContractError(f"the answer to a finished job lacks a link at '{path}'", where=where, hint=hint)
    return found


def _nothing(response: Response, where: str) -> None:
    """Decode nothing: the answer to a delete has no body, or one that nobody needs."""
