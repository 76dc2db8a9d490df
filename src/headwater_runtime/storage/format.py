"""What a format of files is: from bytes to chunks of rows that are numbered, with what could not be read set aside.

Formats know nothing of places. A row's number counts the records of a file from 1; one that cannot be read has a number
too, so numbers do not depend on what is left out. Memory holds a few chunks, however large the file is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple, Protocol

import pyarrow as pa

from headwater_runtime.batch import Batch
from headwater_runtime.errors import ContractError, HeadwaterError
from headwater_runtime.records import Row

__all__ = [
    "LONGEST",
    "ROWS",
    "SAMPLE",
    "WEIGHT",
    "WHOLE",
    "Bad",
    "Feed",
    "FileChunk",
    "Format",
    "Piece",
    "Sample",
    "chunked",
    "named",
]

ROWS = 61_440  # of a chunk at most, and of one wherever there are so many: two row groups of a local warehouse, written once if full
SHORT = 30_000  # rows of a piece of a column
WEIGHT = 16_000_000  # bytes of a chunk, about
SAMPLE = 1 << 20  # bytes of a file's start that are looked at to find out what it is
WHOLE = "the file"  # the place of what is wrong with all of it
LONGEST = 16_000_000  # bytes of one record: a longer one is a broken quote or an attack


class Bad(NamedTuple):
    """What of a file could not be read, alone. `place` lies within the file, `reason` holds nothing of its content.

    A decoder may leave the place empty where it is the row's number.
    """

    place: str
    reason: str


@dataclass(frozen=True)
class FileChunk:
    """Rows of a file, at most ROWS. `first` is the number of its first row, `upto` that of the last row it covers.

    `lines` are the rows' numbers where they do not follow each other. `bad` is what was left out, `size` about how many
    bytes it weighs, `notes` what whoever reads the log should know, the same text for the same thing.
    """

    records: Batch | list[Row]
    first: int
    upto: int
    lines: list[int] | None = None
    bad: tuple[Bad, ...] = ()
    size: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """The start of one unpacked file, at most SAMPLE bytes; `whole`: nothing follows."""

    name: str
    start: bytes
    whole: bool = True


class Format(Protocol):
    """One format: a frozen value that several threads may read with at a time."""

    @property
    def name(self) -> str:
        """What a message calls it."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the names of its files end."""

    @property
    def random(self) -> bool:
        """Whether `read` seeks in the file; else it only goes forward."""

    def settled(self, samples: Sequence[Sample], where: str) -> tuple[Format, str]:
        """Return the format with what was not declared found in `samples`, and what was guessed, for the log."""

    def read(self, file: IO[bytes], where: str, after: int = 0, skip: bool = False) -> Iterator[FileChunk]:  # noqa: FBT001, FBT002  (the seam)
        """Yield the rows numbered above `after`. With `skip` what cannot be read is in a chunk's `bad`.

        Without, it is a ContractError that names its place, raised when all rows before it were yielded. What the file
        itself raises passes unchanged, also behind the rows that came before.
        """


class Piece(NamedTuple):
    """What a decoder hands to `chunked`: `covered` rows on from the piece before, of which `records` could be read.

    `offsets` say which of them those are, None: all. `bad` are offsets too, in order, each with what is told of it.
    """

    records: Any  # an Arrow table or a list of rows
    covered: int
    offsets: list[int] | None = None
    bad: Sequence[tuple[int, Bad]] = ()
    size: int = 0
    notes: tuple[str, ...] = ()


def chunked(pieces: Iterator[Piece], where: str, hint: str, after: int, *, skip: bool) -> Iterator[FileChunk]:
    """Yield the pieces as chunks of the right size, without the rows up to number `after`; small tables are joined."""
    joined = _Joined(after)
    error: Exception | None = None
    try:
        for piece in pieces:
            if piece.offsets is None and not piece.bad and isinstance(piece.records, pa.Table):
                yield from joined.add(piece)
                continue
            yield from joined.flush()
            yield from _alone(piece, joined.number, after, where, hint, skip=skip)
            joined.number += piece.covered
    except (HeadwaterError, OSError) as raised:  # what was read before it comes first
        error = raised
    yield from joined.flush()
    if error is not None:
        raise error


class _Joined:
    """Tables that wait for others to make a chunk with. `number` is that of the last row that was given."""

    def __init__(self, after: int) -> None:
        self._after = after
        self.number = 0
        self._tables: list[Any] = []
        self._rows = self._size = 0
        self._notes: tuple[str, ...] = ()

    def add(self, piece: Piece) -> Iterator[FileChunk]:
        start = min(max(0, self._after - self.number), piece.covered)
        table, size = piece.records, piece.size
        if start:
            table, size = table.slice(start), size * (piece.covered - start) // piece.covered
        same = not self._tables or table.schema.equals(self._tables[0].schema)
        if not same or self._size + size > WEIGHT:
            yield from self.flush()
        self._notes += piece.notes
        self.number += piece.covered - table.num_rows
        while self._rows + table.num_rows >= ROWS:
            count = ROWS - self._rows
            part = size * count // table.num_rows
            self._take(table.slice(0, count), part)
            yield from self.flush()
            table, size = table.slice(count), size - part
        self._take(table, size)

    def _take(self, table: Any, size: int) -> None:
        if table.num_rows:
            self.number += table.num_rows
            self._tables.append(table)
            self._rows += table.num_rows
            self._size += size

    def flush(self) -> Iterator[FileChunk]:
        if not self._tables and not self._notes:
            return
        table = pa.concat_tables(self._tables) if self._tables else pa.table({})
        if len(self._tables) > 1 and table.num_rows < SHORT * len(self._tables):
            table = table.combine_chunks()  # many short pieces are slow for whoever takes them
        first, size, notes = self.number - self._rows + 1, self._size, self._notes
        self._tables, self._rows, self._size, self._notes = [], 0, 0, ()
        for start, part in _cut(table, size):
            last = first + start + part.num_rows - 1
            yield FileChunk(
                Batch(part), first + start, last, None, (), size * part.num_rows // max(1, table.num_rows), notes
            )
            notes = ()


def _cut(table: Any, size: int) -> Iterator[tuple[int, Any]]:
    """Yield slices of `table` that are not larger than a chunk may be."""
    step = max(1, min(ROWS, table.num_rows * WEIGHT // max(size, 1)))
    for start in range(0, max(1, table.num_rows), step):
        yield start, table.slice(start, step)


def _alone(piece: Piece, before: int, after: int, where: str, hint: str, *, skip: bool) -> Iterator[FileChunk]:
    """Yield a piece that has gaps, or rows that are no table."""
    numbers = range(before + 1, before + piece.covered + 1)
    lines = list(numbers) if piece.offsets is None else [numbers[offset] for offset in piece.offsets]
    bad = [(before + 1 + offset, _placed(one, before + 1 + offset)) for offset, one in piece.bad]
    bad = [(number, one) for number, one in bad if number > after]
    end = bad[0][0] - 1 if bad and not skip else before + piece.covered
    kept = [index for index, line in enumerate(lines) if after < line <= end]
    found, notes = tuple(one for _, one in bad) if skip else (), piece.notes
    last = max(end, after)
    for start in range(kept[0], kept[-1] + 1, ROWS) if kept else ():
        stop = min(start + ROWS, kept[-1] + 1)
        table = isinstance(piece.records, pa.Table)
        records = Batch(piece.records.slice(start, stop - start)) if table else piece.records[start:stop]
        part = lines[start:stop]
        follows = part[-1] - part[0] == len(part) - 1
        upto = last if stop > kept[-1] else part[-1]
        size = piece.size * len(part) // max(1, piece.covered)
        yield FileChunk(records, part[0], upto, None if follows else part, found, size, notes)
        found, notes = (), ()
    if found or notes:
        yield FileChunk([], max(before, after) + 1, last, None, found, 0, notes)
    if bad and not skip:
        place, reason = bad[0][1]
        there = where if place == WHOLE else f"{where}, {place}"
        raise ContractError(f"what cannot be read: {reason}", where=there, hint=hint)


def _placed(bad: Bad, number: int) -> Bad:
    return bad if bad.place else Bad(f"row {number}", bad.reason)


def named(names: Sequence[str]) -> list[str]:
    """Return `names`, each once and none empty."""
    plain = [name if name.strip() else f"column_{number}" for number, name in enumerate(names, 1)]
    taken, found = set(plain), dict[str, None]()
    for one in plain:
        name, copy = one, 1
        while name in found or (copy > 1 and name in taken):
            copy += 1
            name = f"{one}_{copy}"
        found[name] = None
    return list(found)


@dataclass
class Feed:
    """Bytes taken from a file in full measures. What the file raises comes after what it gave before."""

    file: IO[bytes]
    error: Exception | None = field(default=None, init=False)

    def take(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end or before an error."""
        if self.error is not None:
            raise self.error
        parts: list[bytes] = []
        try:
            while size > 0 and (data := self.file.read(size)):
                parts.append(data)
                size -= len(data)
        except (HeadwaterError, OSError) as error:
            if not parts:
                raise
            self.error = error
        return parts[0] if len(parts) == 1 else b"".join(parts)
