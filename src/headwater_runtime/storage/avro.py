"""Avro container files: the container is read here, with its limits; fastavro decodes what is in a block."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from headwater_runtime.errors import ConfigError
from headwater_runtime.records import Row
from headwater_runtime.storage.avro_codecs import expanded
from headwater_runtime.storage.avro_schema import shape_of
from headwater_runtime.storage.format import WHOLE, Bad, Feed, FileChunk, Piece, Sample, chunked
from headwater_runtime.storage.row_columns import table_of

__all__ = ["Avro"]

HINT = "have the file written anew, or pass errors=Errors(…) to the stream to go on without what is broken"
MAGIC = b"Obj\x01"
HEADER = 16_000_000  # bytes of the schema and what stands beside it
BLOCK = 64_000_000  # bytes of a block, packed
ROWS = 10_000  # of a piece
LOOK = 1 << 20  # bytes read at once in search of the next block
DECODING = (ValueError, ArithmeticError, LookupError, EOFError, TypeError, AttributeError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Avro:
    """An Avro file of records. Logical types are Python's: dates, moments, decimals; UUIDs are texts.

    Behind a broken block reading goes on with the next one.
    """

    name: str = field(default="Avro", init=False, repr=False)
    suffixes: tuple[str, ...] = field(default=(".avro",), init=False, repr=False)
    random: bool = field(default=False, init=False, repr=False)

    def settled(self, samples: Sequence[Sample], where: str) -> tuple[Avro, str]:  # noqa: ARG002  (the seam)
        """Nothing has to be found: the file says it."""
        return self, ""

    def read(self, file: IO[bytes], where: str, after: int = 0, skip: bool = False) -> Iterator[FileChunk]:  # noqa: FBT001, FBT002
        """Yield the records, block by block; blocks that are wholly left out are not decoded."""
        return chunked(_pieces(_Window(Feed(file)), after), where, HINT, after, skip=skip)


def decoder() -> Any:
    """Return fastavro. Raises ConfigError where it is not installed."""
    try:
        import fastavro  # noqa: PLC0415  (a requirement of those who read Avro)
    except ImportError:
        raise ConfigError("reading Avro needs fastavro", hint="add `fastavro` to requirements.txt") from None
    return fastavro


class _Window:
    """The bytes of the file that are looked at."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._rest = b""

    def take(self, size: int) -> bytes:
        """Return `size` bytes. Raises EOFError if there are fewer."""
        found = self.some(size)
        if len(found) < size:
            self.back(found)
            raise EOFError("the file is cut")
        return found

    def some(self, size: int) -> bytes:
        """Return `size` bytes, fewer at the end."""
        if len(self._rest) < size:
            self._rest += self._feed.take(max(size - len(self._rest), LOOK))
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def back(self, data: bytes) -> None:
        """Put back what was taken last."""
        self._rest = data + self._rest

    def number(self) -> int:
        """Return a number as Avro writes it."""
        value = shift = 0
        while shift < 64:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return (value >> 1) ^ -(value & 1)
            shift += 7
        raise ValueError("a number is longer than any")


@dataclass(frozen=True)
class _Header:
    """What stands before the blocks. `decode` reads one record of `schema`."""

    schema: Any
    codec: str
    sync: bytes
    decode: Callable[..., Any]


class _Block(NamedTuple):
    """`why` is what is wrong with it, "" for nothing; then `records` may be a guess."""

    records: int
    data: bytes
    why: str = ""


def _pieces(window: _Window, after: int) -> Iterator[Piece]:
    try:
        header = _header(window)
    except DECODING as error:
        yield Piece([], 0, [], [(0, Bad(WHOLE, f"it is no Avro: {_told(error)}"))])
        return
    passed, number = 0, 0
    while (block := _block(window, header)) is not None:
        number += 1
        if passed + block.records <= after:
            yield Piece([], block.records, [])
        else:
            yield from _decoded(header, block, number)
        passed += block.records


def _header(window: _Window) -> _Header:
    if window.take(4) != MAGIC:
        raise ValueError("its first bytes are others")
    about: dict[str, bytes] = {}
    size = 0
    while count := window.number():
        if count < 0:  # then their size in bytes follows, which only helps to skip them
            count = -count
            window.number()
        for _ in range(count):
            name, value = (window.take(_limited(window.number(), HEADER)) for _ in range(2))
            about[name.decode()] = value
            size = _limited(size + len(name) + len(value) + 1, HEADER)
    shape = shape_of(json.loads(about["avro.schema"]))
    fastavro = decoder()
    try:
        schema = fastavro.parse_schema(shape.plain)
    except Exception as error:
        raise ValueError("its schema is not one") from error
    # Where records hold themselves, data can be nested beyond what compiled code has room for: Python counts.
    decode = (fastavro._read_py if shape.recursive else fastavro).schemaless_reader  # noqa: SLF001  (else not to be had)
    return _Header(schema, about.get("avro.codec", b"null").decode(), window.take(16), decode)


def _limited(number: int, limit: int) -> int:
    if not 0 <= number <= limit:
        raise ValueError("a size in it is beyond all bounds")
    return number


def _block(window: _Window, header: _Header) -> _Block | None:
    """Return the next block, None at the end of the file. Behind one that is broken the window stands at the next."""
    first = window.some(1)
    if not first:
        return None
    window.back(first)
    count, packed = 1, b""
    try:
        found = _limited(window.number(), BLOCK)
        packed = window.take(_limited(window.number(), BLOCK))
        end = window.take(16)
    except (ValueError, EOFError) as error:
        _seek(window, packed, header.sync)
        return _Block(count, b"", _told(error))
    if end != header.sync:
        _seek(window, packed + end, header.sync)
        return _Block(count, b"", "its end is not where it should be")
    try:
        data = expanded(packed, header.codec)
        if found > len(data):
            raise ValueError("it says it has more records than it has bytes")
    except ValueError as error:
        return _Block(max(1, found), b"", _told(error))
    return _Block(found, data)


def _seek(window: _Window, before: bytes, sync: bytes) -> None:
    """Go to behind the next mark between two blocks, or to the end."""
    window.back(before)
    kept = b""
    while data := window.some(LOOK):
        at = (kept + data).find(sync)
        if at >= 0:
            window.back((kept + data)[at + len(sync) :])
            return
        kept = data[-len(sync) :]


def _decoded(header: _Header, block: _Block, number: int) -> Iterator[Piece]:
    """Yield a block's records; what it breaks at, and the rest of it, is bad."""
    rows: list[Row] = []
    file, left, why = io.BytesIO(block.data), block.records, block.why
    try:
        for _ in range(0 if why else block.records):
            rows.append(header.decode(file, header.schema, None))
            if len(rows) == ROWS:
                yield _piece(rows, len(block.data))
                left, rows = left - len(rows), []
        if not why and file.tell() != len(block.data):
            why = "it holds more than it says"
    except DECODING as error:
        why = _told(error)
    if rows:
        yield _piece(rows, len(block.data))
    if why:
        yield Piece([], left - len(rows), [], [(0, Bad(f"block {number}", why))])


def _piece(rows: list[Row], size: int) -> Piece:
    table = table_of(rows)
    return Piece(rows if table is None else table, len(rows), None, (), size)


def _told(error: BaseException) -> str:
    """Say what is wrong without quoting data."""
    own = isinstance(error, (ValueError, EOFError)) and type(error) in {ValueError, EOFError} and len(error.args) == 1
    text = str(error)
    return text if own and text.startswith(("it", "a ", "the ")) else f"it cannot be decoded ({type(error).__name__})"
