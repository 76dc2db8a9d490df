"""JSON lines: a value a line, each with all its digits, and as columns where all of a block's rows allow it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from headwater_runtime import json_text
from headwater_runtime.json_text import DIGITS_AS_ZEROS, LONG_RUN
from headwater_runtime.records import Row, kind_of
from headwater_runtime.storage.encoding import Utf8, encoding_of, without_mark
from headwater_runtime.storage.format import LONGEST, SAMPLE, Bad, Feed, FileChunk, Piece, Sample, chunked
from headwater_runtime.storage.json_columns import Known, end_of
from headwater_runtime.storage.row_columns import largest, table_of

try:
    import orjson
except ImportError:  # the standard library reads the same, at a third of the speed
    orjson = None  # type: ignore[assignment]

__all__ = ["Jsonl"]

HINT = "pass errors=Errors(…) to the stream to go on without such lines"
BLOCK = 1 << 21  # bytes read at once
PART = (
    1 << 17
)  # bytes of which Python values are made at once: they are columns before they leave the processor's cache
BETWEEN = b",null,"  # joins the lines of a block to one list, in which nulls show that each line is a value of its own
NOT_WHOLE = 2.0**63  # the least fraction that orjson makes of a whole number


@dataclass(frozen=True)
class Jsonl:
    """One JSON object a line; empty lines are no rows. UTF-8, or what a byte order mark says.

    Values are as `json` reads them, with every digit. A line that is not one object is bad.
    """

    name: str = field(default="JSON lines", init=False, repr=False)
    suffixes: tuple[str, ...] = field(default=(".jsonl", ".ndjson", ".json"), init=False, repr=False)
    random: bool = field(default=False, init=False, repr=False)

    def settled(self, samples: Sequence[Sample], where: str) -> tuple[Jsonl, str]:  # noqa: ARG002  (the seam)
        """Nothing has to be found."""
        return self, ""

    def read(self, file: IO[bytes], where: str, after: int = 0, skip: bool = False) -> Iterator[FileChunk]:  # noqa: FBT001, FBT002
        """Yield a row a line."""
        return chunked(_pieces(Feed(file)), where, HINT, after, skip=skip)


def _pieces(feed: Feed, block: int = BLOCK) -> Iterator[Piece]:
    source, known = utf8(feed), Known()
    line, rest, size = 0, b"", min(PART, block)
    while taken := source.take(size):
        end = taken.rfind(b"\n") + 1
        if end:
            whole, rest, size = b"".join((rest, memoryview(taken)[:end])), taken[end:], block
            line = yield from _block(whole, line, known)
        else:
            rest += taken
            if len(rest) > LONGEST:
                line += 1
                rest = yield from _too_long(source, line)
    if rest:
        yield from _block(rest, line, known)


def _block(block: bytes, line: int, known: Known) -> Generator[Piece, None, int]:
    """Yield the rows of whole lines, and return the number of the last: by Arrow, else in parts, which tell of the columns."""
    table = known.table(block)
    if table is not None:  # then each row is a line
        yield Piece(table, table.num_rows, size=table.nbytes)
        return line + int(table.num_rows) - 1 + block.count(b"\n", end_of(block))
    start = 0
    while start < len(block):
        end = block.find(b"\n", min(start + PART, len(block)) - 1) + 1 or len(block)
        piece = _piece(block[start:end], line)
        known.learn(piece.records)
        yield piece
        line += block.count(b"\n", start, end)
        start = end
    return line


def utf8(feed: Feed) -> Utf8:
    """Return the file's text. JSON is UTF-8 unless a mark or its zero bytes say otherwise."""
    start = feed.take(SAMPLE)
    own, _ = encoding_of(Sample("", start, len(start) < SAMPLE))
    start, encoding = without_mark(start, own if own.startswith("utf") else "utf-8")
    return Utf8(feed, encoding, start)


def _piece(block: bytes, line: int) -> Piece:
    """Return the rows of a block of whole lines, the first of which is number `line` + 1."""
    together = _together(block)
    if together is not None:
        return Piece(together, len(together), size=len(block))
    rows: list[Row] = []
    offsets: list[int] = []
    bad: list[tuple[int, Bad]] = []
    for number, text in enumerate(block.split(b"\n"), line + 1):
        if not text or text.isspace():
            continue
        try:
            value = json_text.loads(text)
        except ValueError as error:
            why = "it is nested too deeply" if "deeply" in str(error) else "it is not JSON"
            bad.append((len(rows) + len(bad), Bad(f"line {number}", why)))
            continue
        if type(value) is dict:
            offsets.append(len(rows) + len(bad))
            rows.append(value)
        else:
            bad.append((len(rows) + len(bad), Bad(f"line {number}", f"it is {kind_of(value)}, not an object")))
    table = table_of(rows)
    records = rows if table is None else table
    return Piece(records, len(rows) + len(bad), offsets if bad else None, bad, len(block))


def _together(block: bytes) -> Any:
    """Return the rows of a block read as one list, None if its lines have to be looked at one by one."""
    if orjson is None:
        return None
    text = block.rstrip()
    joined = text.replace(b"\n", BETWEEN)
    lines = (len(joined) - len(text)) // (len(BETWEEN) - 1) + 1
    try:
        values = orjson.loads(b"[" + joined + b"]")
    except ValueError:
        return None
    rows = values[::2]
    if values[1::2].count(None) != lines - 1 or len(values) != 2 * lines - 1 or set(map(type, rows)) != {dict}:
        return None
    table = table_of(rows)
    if table is not None:
        return table if largest(table) < NOT_WHOLE else None
    return rows if LONG_RUN not in text.translate(DIGITS_AS_ZEROS) else None


def _too_long(source: Utf8, line: int) -> Generator[Piece, None, bytes]:
    """Leave a line out without holding it; return what follows it."""
    yield Piece([], 1, [], [(0, Bad(f"line {line}", f"it is longer than {LONGEST // 1_000_000} MB"))])
    while taken := source.take(BLOCK):
        end = taken.find(b"\n") + 1
        if end:
            return taken[end:]
    return b""
