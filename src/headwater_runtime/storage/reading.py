"""Files as a stream reads them: each a slice, its rows in batches, with where they come from as columns of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, is_dataclass
from typing import IO, TYPE_CHECKING, Any, TypeVar

from headwater_runtime.bad import Failure
from headwater_runtime.call import WHOLE, Position, Slice
from headwater_runtime.errors import ContractError, SourceError, TransientError, require
from headwater_runtime.pages import Page
from headwater_runtime.storage.entry import Attempt, Entry
from headwater_runtime.storage.format import FileChunk, Format, Sample
from headwater_runtime.storage.landing import apart
from headwater_runtime.storage.listing import text, walked
from headwater_runtime.storage.origin import Origin, with_origin
from headwater_runtime.storage.packed import Limits, bare, is_zip, members, seekable, unpacked
from headwater_runtime.storage.pattern import Pattern
from headwater_runtime.storage.ranged import CutError
from headwater_runtime.storage.trouble import ClosedError, GoneError

if TYPE_CHECKING:
    from headwater_runtime.storage.place import Place

__all__ = ["TIMES", "ChangedError", "Columns", "FilePage", "Files"]

T = TypeVar("T")
SAMPLE = 1_000_000  # bytes of a file that are looked at to find its format
SAMPLES, TRIED = 3, 10  # files that are looked at, and how many are tried
TIMES = 3  # a file is read in a sync while it keeps changing
LEFT_OUT = "files in zips are left out whose names do not fit the format: members= of files(…) says which are read"
DOCUMENTS = (".xlsx", ".xlsm", ".xlsb", ".ods", ".docx", ".numbers")  # zips that are one file


@dataclass(frozen=True)
class Columns:
    """The names of the columns put beside the data: the path below the place, the row's number from 1, the file's time. "": none."""

    file: str = "_file"
    line: str = "_line"
    modified: str = "_modified"


@dataclass(frozen=True)
class FilePage(Page):
    """A page of a file. `member`: of a zip ("": the file itself). `upto`: the number of its last row, bad ones counted.

    `closed`: the file may not be read now, but maybe another day.
    """

    member: str = ""
    upto: int = 0
    closed: bool = False


class ChangedError(TransientError):
    """A file became another while it was read; `found` is what it is now, None if it is gone."""

    def __init__(self, found: Entry | None, where: str) -> None:
        what = "the file is gone" if found is None else "the file changed while it was read"
        super().__init__(
            what, where=where, hint="the next sync reads it; see settle= of Manifest for files that are written slowly"
        )
        self.found = found


@dataclass(frozen=True)
class Files:
    """The files of a place that a path fits. Read by a Manifest, each file is a slice; by any other cursor, all are one.

    In a run the format is found once, from the first files that are to be read.
    """

    client: Place
    patterns: tuple[Pattern, ...]
    format: Format | None = None
    may_be_empty: bool = False
    members: str = ""
    columns: Columns = field(default_factory=Columns)
    limits: Limits = field(default_factory=Limits)
    bounds: Sequence[Callable[[Slice], Any]] = field(default=(), init=False, repr=False)
    durable: bool = field(default=False, init=False, repr=False)  # who keeps positions here is the Manifest
    foresees: bool = field(default=False, init=False, repr=False)
    largest: int = field(default=0, init=False, repr=False)
    _found: _Found = field(default_factory=lambda: _Found(), init=False, repr=False, compare=False)  # noqa: PLW0108

    def __post_init__(self) -> None:
        own = [name for name in (self.columns.file, self.columns.line, self.columns.modified) if name]
        names = [name for pattern in self.patterns for name in pattern.names]
        what = "a column of the path has the name of one put beside the data"
        hint = "rename one: files(…, columns=Columns(file='source_file')) in api.py"
        require(len(set(own)) == len(own) and not set(own) & set(names), what, self.where, hint)
        alike = len({frozenset(pattern.names) for pattern in self.patterns}) == 1
        require(alike, "the paths name different columns", self.where, "read them as two streams")

    @property
    def where(self) -> str:
        """What errors call it."""
        more = f" and {len(self.patterns) - 1} more" if len(self.patterns) > 1 else ""
        return f"files {self.client.shown}/{text(self.patterns[0].text)}{more}"

    @property
    def shape(self) -> str:
        """What a saved position means: rows are counted by the format, in the files of these paths."""
        kind = self.format.name if self.format is not None else "found"
        names = ",".join(pattern.text for pattern in self.patterns) + (f" {self.members}" if self.members else "")
        return f"Files {names} as {kind}"

    @property
    def how(self) -> str:
        """How files are read in this run, once that is found: it gives the numbers of rows their meaning."""
        return repr(self._found.format) if is_dataclass(self._found.format) else ""

    def named(self, entry: Entry) -> str:
        """Return what errors call a file."""
        return f"{self.client.shown}/{text(entry.path)}"

    def listed(self) -> Iterator[Entry]:
        """Yield the files there are now, in no order, maybe twice. Raises SourceError for a place that is not there."""
        told: set[str] = set()

        def tell(line: str) -> None:
            if line not in told and len(told) < 5:
                told.add(line)
                self.client.log.warning(line)

        yield from walked(self.client.store, self.patterns, self.client.attempt, self.client.shown, tell)

    def none(self) -> SourceError:
        """Return the error of finding no file at all."""
        hint = "check the path (it counts capitals), or say files(…, may_be_empty=True) in api.py"
        return SourceError("no file is found", where=self.where, hint=hint)

    def prepare(self, entries: Iterable[Entry]) -> None:
        """Find the format from the first of `entries`, unless that was done. Called by one thread, before files are read."""
        with self._found.lock:
            if self._found.format is None:
                samples: list[Sample] = []
                for number, entry in enumerate(entries):
                    if len(samples) == SAMPLES or number == TRIED:
                        break
                    with suppress(ContractError, SourceError, ClosedError, ChangedError):
                        sample = self._sample(entry)
                        samples += [sample] if sample.start else []
                self._settle(samples)

    def read(
        self,
        start: Slice | Position | None = WHOLE,
        *,
        parallel: int = 1,  # noqa: ARG002  (files side by side are slices)
        size: int = 0,  # noqa: ARG002
        skip: bool = False,
    ) -> Iterator[Page]:
        """Yield the pages of the slice's file, else those of every file, in the order of their times, then paths.

        Raises ChangedError for a file that is no longer what the slice says, before or after its rows.
        """
        at = start if isinstance(start, Slice) else WHOLE
        if "path" not in at.part:
            yield from self._all(skip=skip)
            return
        entry = Entry(*(at.part[name] for name in ("path", "size", "modified", "etag")))
        yield from self._file(entry, at.at, skip=skip)

    def still(self, entry: Entry) -> None:
        """Raise ChangedError if a file is no longer what `entry` says."""

        def once() -> Entry:
            found = self.client.store.stat(entry.path)
            if found.blind and not entry.blind:  # a proxy's page, not the store: its length is not the file's
                raise ConnectionError("the answer tells nothing of the file")
            return found

        try:
            now = self.client.attempt(once, self.named(entry))
        except GoneError as error:
            raise ChangedError(None, self.named(entry)) from error
        if not entry.same(now):
            raise ChangedError(now, self.named(entry))

    def _all(self, *, skip: bool) -> Iterator[Page]:
        from headwater_runtime.storage.listing import Listing  # noqa: PLC0415

        with closing(Listing()) as listing:
            listing.add(self.listed())
            if not len(listing) and not self.may_be_empty:
                raise self.none()
            self.prepare(listing)
            for entry in listing:
                for page in self._whole(entry, skip=skip):
                    yield FilePage(page.records, None, page.where, page.size, None, page.failed)

    def _whole(self, entry: Entry, *, skip: bool) -> Iterator[FilePage]:
        """Yield the pages of a file, anew while it changes; none of one that is gone. Raises ChangedError in the end."""
        for left in reversed(range(TIMES)):
            try:
                yield from self._file(entry, None, skip=skip)
            except ChangedError as error:
                if error.found is None:
                    return
                if not left:
                    raise
                entry = error.found
            else:
                return

    def _file(self, entry: Entry, at: Position | None, *, skip: bool) -> Iterator[FilePage]:
        member, after = (str(at[0]), int(at[1])) if isinstance(at, list) else ("", 0)
        try:
            yield from self._pages(entry, member, after, skip=skip)
        except (ChangedError, TransientError):
            raise
        except (ContractError, SourceError, ClosedError) as error:
            with suppress(ClosedError):
                self.still(entry)  # what is being written now need not be whole
            if not skip or isinstance(error, GoneError):
                raise
            named = self.named(entry)
            place = error.where[len(named) :] if error.where.startswith(named) else ""
            failure = self._failure(entry, place, error.what)
            yield FilePage([], None, named, failed=(failure,), closed=isinstance(error, ClosedError))
            return
        self.still(entry)

    def _pages(self, entry: Entry, member: str, after: int, *, skip: bool) -> Iterator[FilePage]:
        if self._found.format is None:
            self.prepare([entry])
        for name, file in self._opened(entry, self._found.format, member):
            if self._found.format is None and not file.read(1):
                continue  # an empty file shows no format and needs none
            form = self._found.of(self.where)
            done = after if name == member else 0
            shown = text(entry.path) + (f"/{name}" if name else "")
            origin = Origin(self.columns, shown, entry.modified, self._values(entry))
            where = self.named(entry) + (f"/{name}" if name else "")
            for chunk in form.read(file, where, done, skip):
                if chunk.bad or not self.client.store.firm:
                    self.still(entry)
                failed = tuple(
                    self._failure(entry, f"/{name}, {bad.place}" if name else f", {bad.place}", bad.reason)
                    for bad in chunk.bad
                )
                chunk = apart(chunk)  # noqa: PLW2901
                self._notes(chunk)
                records = with_origin(chunk, origin, where)
                yield FilePage(
                    records, [name, chunk.upto], where, chunk.size, None, failed, member=name, upto=chunk.upto
                )

    def _opened(self, entry: Entry, form: Format | None, member: str = "") -> Iterator[tuple[str, IO[bytes]]]:
        """Yield the file unpacked with "", or its members; each is closed once the next is asked for."""
        where = self.named(entry)
        lower = bare(entry.path).lower()
        alone = form is None or not form.random or lower.endswith(".zip")  # what needs to jump may be a zip itself
        with closing(self.client.store.open(entry, self._patiently(entry), where)) as packed:
            if not is_zip(packed) or not alone or lower.endswith(DOCUMENTS):
                with self._fitting(packed, entry.path, form, where) as file:
                    yield "", file
                return
            for name, inner in members(packed, self._chooses(form), self.limits, where, member):
                with self._fitting(inner, name, form, f"{where}/{name}", nested=True) as file:
                    yield name, file

    def _patiently(self, entry: Entry) -> Attempt:
        """Return what tries again, but for a file cut short looks first whether it has become another."""

        def attempt(function: Callable[[], T], where: str) -> T:
            def once() -> T:
                try:
                    return function()
                except CutError:
                    self.still(entry)
                    raise

            return self.client.attempt(once, where)

        return attempt

    @contextmanager
    def _fitting(
        self, packed: IO[bytes], name: str, form: Format | None, where: str, *, nested: bool = False
    ) -> Iterator[IO[bytes]]:
        """Give what `packed` unpacks to, as the format needs it."""
        file = packed if nested else unpacked(packed, name, self.limits, where)
        if form is None or not form.random or file.seekable():
            yield file
            return
        with closing(seekable(file)) as copy:
            yield copy

    def _chooses(self, form: Format | None) -> Callable[[str], bool]:
        if self.members:
            pattern = Pattern.of(self.members)
            return lambda name: pattern.values(name) is not None
        if form is None:
            return lambda name: not name.rpartition("/")[2].startswith(".")
        suffixes = form.suffixes

        def fits(name: str) -> bool:
            known = bare(name).lower().endswith(suffixes)
            if not known and self._found.first(LEFT_OUT):
                self.client.log.warning(f"{self.where}: {LEFT_OUT} (the first is '{name}')")
            return known

        return fits

    def _sample(self, entry: Entry) -> Sample:
        with closing(self._opened(entry, self.format)) as opened:  # type: ignore[type-var]  # a generator
            for name, file in opened:
                start = b""
                while len(start) < SAMPLE and (piece := file.read(SAMPLE - len(start))):
                    start += piece
                if start:
                    return Sample(bare(name or entry.path), start, len(start) < SAMPLE)
        return Sample(bare(entry.path), b"", whole=True)

    def _settle(self, samples: list[Sample]) -> None:
        form = self.format
        if form is None:
            if not samples:
                return  # nothing but empty files, or none that can be read: there is nothing to find
            from headwater_runtime.storage.detect import detected  # noqa: PLC0415  (it knows every format)

            form = detected(samples[0], self.where)
            self.client.log.info(f"{self.where}: read as {form.name}")
        form, line = form.settled(samples, self.where)
        if line:
            self.client.log.info(f"{self.where}: {line}")
        self._found.format = form

    def _values(self, entry: Entry) -> Mapping[str, Any]:
        return next((found for pattern in self.patterns if (found := pattern.values(entry.path)) is not None), {})

    def _notes(self, chunk: FileChunk) -> None:
        for note in chunk.notes:
            if self._found.first(note):
                self.client.log.warning(f"{self.where}: {note}")

    def _failure(self, entry: Entry, place: str, reason: str) -> Failure:
        return Failure(self.named(entry) + place, "", 0, reason, self.client.clock.now(), mark=entry.identity)


class _Found:
    """What one run has found out of some files."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.format: Format | None = None
        self._notes: set[str] = set()

    def first(self, note: str) -> bool:
        """Say whether `note` is new."""
        with self.lock:
            new = note not in self._notes
            self._notes.add(note)
            return new

    def of(self, where: str) -> Format:
        """Return the format. Raises ContractError if there was nothing to find it from."""
        if self.format is None:
            hint = "declare format= of files(…) in api.py"
            raise ContractError("nothing shows the format of the files", where=where, hint=hint)
        return self.format
