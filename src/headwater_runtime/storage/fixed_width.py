"""Lines whose columns stand at fixed places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from headwater_runtime.errors import require
from headwater_runtime.storage.encoding import Utf8, checked, encoding_of, without_mark
from headwater_runtime.storage.format import LONGEST, SAMPLE, Bad, Feed, FileChunk, Piece, Sample, chunked

__all__ = ["FixedWidth"]

HINT = "pass errors=Errors(…) to the stream to go on without such lines, or declare the encoding"
BLOCK = 1 << 20  # bytes read at once


@dataclass(frozen=True)
class FixedWidth:
    """A table of texts: `columns` are (name, start, end), in characters from 0, the end not counted (None: to the line's end).

    `strip` takes white space off both ends of a value; an empty one is null, so is what a short line does not have. Empty
    lines are no rows. A line that does not decode or holds a zero byte is bad.
    """

    columns: tuple[tuple[str, int, int | None], ...]
    encoding: str | None = None
    strip: bool = True
    skip_lines: int = 0
    name: str = field(default="fixed width", init=False, repr=False)
    suffixes: tuple[str, ...] = field(default=(".txt", ".dat", ".fix", ".prn"), init=False, repr=False)
    random: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        names = [name for name, _, _ in self.columns]
        hint = 'FixedWidth((("id", 0, 8), ("name", 8, None)))'
        require(len(set(names)) == len(names) > 0, "no column is named, or one twice", hint=hint)
        places = all(start >= 0 and (end is None or end > start) for _, start, end in self.columns)
        require(places, "a column ends before it starts", hint=hint)
        require(self.skip_lines >= 0, "skip_lines is a number of lines", hint="FixedWidth(…, skip_lines=1)")
        checked(self.encoding, "FixedWidth(encoding=…)")

    def settled(self, samples: Sequence[Sample], where: str) -> tuple[FixedWidth, str]:  # noqa: ARG002  (the seam)
        """Each file shows its own encoding."""
        return self, ""

    def read(self, file: IO[bytes], where: str, after: int = 0, skip: bool = False) -> Iterator[FileChunk]:  # noqa: FBT001, FBT002
        """Yield a row a line."""
        return chunked(_pieces(self, Feed(file)), where, HINT, after, skip=skip)


def _pieces(form: FixedWidth, feed: Feed) -> Iterator[Piece]:
    start = feed.take(SAMPLE)
    own = form.encoding or encoding_of(Sample("", start, len(start) < SAMPLE))[0] or "utf-8"
    start, encoding = without_mark(start, own)
    source = Utf8(feed, encoding, start)
    line, rest = 0, b""
    while taken := source.take(BLOCK):
        rest += taken
        end = rest.rfind(b"\n") + 1
        if end:
            yield _piece(form, rest[:end].splitlines(), line, encoding, end)
            line += rest.count(b"\n", 0, end)
            rest = rest[end:]
        elif len(rest) > LONGEST:
            line += 1
            yield Piece([], 1, [], [(0, Bad(f"line {line}", f"it is longer than {LONGEST // 1_000_000} MB"))])
            while rest and b"\n" not in rest:
                rest = source.take(BLOCK)
            rest = rest.partition(b"\n")[2]
    if rest:
        yield _piece(form, rest.splitlines(), line, encoding, len(rest))


def _piece(form: FixedWidth, lines: list[bytes], before: int, encoding: str, size: int) -> Piece:
    """Return the rows of whole lines; `before` is how many lines the file has before them."""
    texts: list[str] = []
    offsets: list[int] = []
    bad: list[tuple[int, Bad]] = []
    for number, line in enumerate(lines, before + 1):
        if number <= form.skip_lines or not line or line.isspace():
            continue
        offset = len(texts) + len(bad)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            bad.append((offset, Bad(f"line {number}", f"it does not decode as {encoding}")))
            continue
        if "\0" in text:
            bad.append((offset, Bad(f"line {number}", "it holds a zero byte")))
            continue
        offsets.append(offset)
        texts.append(text)
    table = _table(form, pa.array(texts, pa.string()))
    return Piece(table, len(texts) + len(bad), offsets if bad else None, bad, size)


def _table(form: FixedWidth, lines: Any) -> Any:
    columns = []
    for _, start, end in form.columns:
        found = pc.utf8_slice_codeunits(lines, start, end)
        found = pc.utf8_trim_whitespace(found) if form.strip else found
        columns.append(pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found))
    return pa.table(columns, names=[name for name, _, _ in form.columns])
