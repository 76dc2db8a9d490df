"""Reading bytes by a format, as a stream would."""

from __future__ import annotations

import io
from collections.abc import Iterator

from headwater_runtime.storage.format import ROWS, FileChunk


class Drops:
    """A file that gives as few bytes at a time as it likes, and may break off with an error."""

    def __init__(
        self, data: bytes, sizes: list[int] | None = None, *, error: Exception | None = None, at: int = 0
    ) -> None:
        self._file = io.BytesIO(data[:at] if error else data)
        self._sizes, self._error = iter(sizes or []), error

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(min(size, next(self._sizes, size)) if size >= 0 else -1)
        if not found and size and self._error:
            raise self._error
        return found


def chunks(form, data: bytes, after: int = 0, *, skip: bool = False) -> list[FileChunk]:
    """Return what is read, having looked at what every chunk promises."""
    return checked(form.read(io.BytesIO(data), "f", after, skip), after)


def checked(found: Iterator[FileChunk], after: int = 0) -> list[FileChunk]:
    kept = list(found)
    before = after
    for chunk in kept:
        numbers = numbers_of(chunk)
        assert len(chunk.records) <= ROWS
        assert numbers == sorted(set(numbers))
        assert all(before < number <= chunk.upto for number in numbers)
        assert chunk.upto >= before or not chunk.records
        before = max(before, chunk.upto)
    return kept


def numbers_of(chunk: FileChunk) -> list[int]:
    return chunk.lines if chunk.lines is not None else list(range(chunk.first, chunk.first + len(chunk.records)))


def numbered(found: list[FileChunk]) -> dict[int, dict]:
    """Return the rows by their numbers."""
    return {number: row for chunk in found for number, row in zip(numbers_of(chunk), chunk.records, strict=True)}


def rows(form, data: bytes, after: int = 0, *, skip: bool = False) -> list[dict]:
    return [row for chunk in chunks(form, data, after, skip=skip) for row in chunk.records]


def bad(form, data: bytes) -> list[tuple[str, str]]:
    return [tuple(one) for chunk in chunks(form, data, skip=True) for one in chunk.bad]
