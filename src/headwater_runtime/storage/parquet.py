"""Parquet: columns as they are, one row group behind the other, each of which can fail alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from headwater_runtime.errors import HeadwaterError
from headwater_runtime.storage.arrow_types import ODD, normal
from headwater_runtime.storage.format import ROWS, WEIGHT, WHOLE, Bad, FileChunk, Piece, Sample, chunked, named

__all__ = ["Parquet"]

HINT = "have the file written anew, or pass errors=Errors(…) to the stream to go on without what is broken"
BUFFER = 1 << 20  # bytes of a column read at once
TOLD = 120  # characters of Arrow's reason
FOOTER = 64_000_000  # bytes of the list of row groups, which is read whole
BROKEN = (pa.ArrowException, OSError, ValueError, ArithmeticError, EOFError, KeyError, IndexError, MemoryError)


@dataclass(frozen=True)
class Parquet:
    """A Parquet file. Moments are kept to the microsecond, UUIDs are texts, nested values stay nested.

    `columns` leaves others out (by name, at the top); one that a file does not have is left out too.
    """

    columns: tuple[str, ...] | None = None
    name: str = field(default="Parquet", init=False, repr=False)
    suffixes: tuple[str, ...] = field(default=(".parquet", ".pq", ".parq"), init=False, repr=False)
    random: bool = field(default=True, init=False, repr=False)

    def settled(self, samples: Sequence[Sample], where: str) -> tuple[Parquet, str]:  # noqa: ARG002  (the seam)
        """Nothing has to be found: the file says it."""
        return self, ""

    def read(self, file: IO[bytes], where: str, after: int = 0, skip: bool = False) -> Iterator[FileChunk]:  # noqa: FBT001, FBT002
        """Yield the rows of one row group after the other; those that are wholly left out are not read."""
        watched = _Watched(file)
        return chunked(_pieces(watched, self.columns, after), where, HINT, after, skip=skip)


class _Watched:
    """The file, with what it raises kept: Arrow raises the same kinds for what is broken. Closing it is not Arrow's."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except (HeadwaterError, OSError) as error:
            self.error = error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        pass

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False


def _pieces(file: _Watched, columns: Sequence[str] | None, after: int) -> Iterator[Piece]:
    try:
        opened = _opened(file)
        wanted = None if columns is None else [name for name in opened.schema_arrow.names if name in columns]
        uuids = _uuids(opened)
    except BROKEN as error:
        yield Piece([], 0, [], [(0, Bad(WHOLE, f"it is no whole Parquet: {_told(file, error)}"))])
        return
    passed = 0
    for group in range(opened.metadata.num_row_groups):
        rows = opened.metadata.row_group(group).num_rows
        if rows < 0:
            yield Piece([], 1, [], [(0, Bad(f"row group {group + 1}", "it says it has fewer rows than none"))])
            rows = 1
        elif passed + rows <= after:
            yield Piece(pa.table({}), rows)
        else:
            yield from _group(opened, file, group, wanted, uuids)
        passed += rows


def _opened(file: _Watched) -> Any:
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    tail = file.read(8)
    if tail[4:] == b"PARE":
        raise ValueError("it is encrypted")
    if tail[4:] != b"PAR1":
        raise ValueError("its end is not that of a Parquet")
    if int.from_bytes(tail[:4], "little") > min(FOOTER, size):
        raise ValueError("its footer is larger than any that is read")
    file.seek(0)
    return pq.ParquetFile(file, buffer_size=BUFFER, coerce_int96_timestamp_unit="us", page_checksum_verification=True)


def _group(
    opened: Any, file: _Watched, group: int, columns: Sequence[str] | None, uuids: frozenset[int]
) -> Iterator[Piece]:
    """Yield the rows of one row group; what it breaks at, and the rest of it, is one bad row after another."""
    about = opened.metadata.row_group(group)
    left = about.num_rows
    size = max(1, min(ROWS, WEIGHT * about.num_rows // max(1, about.total_byte_size)))
    try:
        for batch in opened.iter_batches(size, row_groups=[group], columns=columns):
            left -= batch.num_rows
            yield _piece(pa.Table.from_batches([batch]), uuids)
        why = "it holds fewer rows than it says"
    except BROKEN as error:
        why = _told(file, error)
    if left > 0:
        yield Piece([], left, [], [(0, Bad(f"row group {group + 1}, its last {left} rows", why))])


def _piece(table: Any, uuids: frozenset[int]) -> Piece:
    count = table.num_rows
    for index in uuids:
        texts = [None if one is None else str(uuid.UUID(bytes=bytes(one))) for one in _storage(table.column(index))]
        table = table.set_column(index, table.schema.names[index], pa.array(texts, pa.string()))
    if not table.num_columns:  # of rows without columns a table forgets how many there are
        return Piece([{} for _ in range(count)], count)
    made = normal(table.rename_columns(named(table.schema.names)))
    gone = set(made.bad)
    offsets = [index for index in range(count) if index not in gone] if gone else None
    bad = [(index, Bad("", ODD)) for index in made.bad]
    return Piece(made.table, count, offsets, bad, made.table.nbytes, made.notes)


def _storage(column: Any) -> list[bytes | None]:
    extension = isinstance(column.type, pa.BaseExtensionType)
    return [one for chunk in column.chunks for one in (chunk.storage if extension else chunk).to_pylist()]


def _uuids(opened: Any) -> frozenset[int]:
    """Return which columns at the top hold UUIDs."""
    schema, names = opened.schema, opened.schema_arrow.names
    found = {
        schema.column(index).path
        for index in range(len(schema.names))
        if schema.column(index).logical_type.type == "UUID"
    }
    return frozenset(index for index, name in enumerate(names) if name in found)


def _told(file: _Watched, error: BaseException) -> str:
    """Say what is wrong in a few words; what the file itself raised goes on as it is."""
    if file.error is not None:
        raise file.error
    return (str(error).splitlines() or [""])[0][:TOLD] or type(error).__name__
