"""CSV read block by block: by Arrow where the block is beyond doubt, by `csv_lines` where it is not.

A block ends behind a line end that is not within quotes. That is told from the number of quotes before it, which holds if
each quote opens at the start of a cell, closes at the end of one, or is doubled. Whether they do is looked at for every quote
(with numpy; without it a block with quotes is read with care), so Arrow, which takes anything, is only given what both read
the same way.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as arrow_csv

from headwater_runtime.errors import HeadwaterError
from headwater_runtime.storage.csv_lines import Careful, Dialect, Lines, columns_of
from headwater_runtime.storage.format import LONGEST, Bad, Piece

try:
    import numpy as np
except ImportError:  # pyarrow does without it
    np = None  # type: ignore[assignment]

__all__ = ["Blocks"]

BLOCK = 1 << 21  # bytes read at once: what the processor's cache holds
LINE_FEED, RETURN = b"\n", b"\r"
MARK = b"\xef\xbb\xbf"  # which Arrow drops at the start of a block, though only a file's first is a mark
TOO_LONG = f"it is longer than {LONGEST // 1_000_000} MB"


class Source(Protocol):
    """What gives UTF-8."""

    def take(self, size: int) -> bytes:
        """Return about `size` bytes, none at the end."""


@dataclass
class Blocks:
    """The rows of a CSV behind its header. `rest` is what was taken from `source` already, `line` how many lines came before."""

    source: Source
    dialect: Dialect
    names: list[str]
    null: str | None
    encoding: str
    rest: bytes = b""
    line: int = 0
    line_end: bytes = LINE_FEED  # which lines are counted by
    fast: bool = True  # the tests compare with False
    block: int = BLOCK
    _plain: bool = field(init=False)
    _ended: bool = field(default=False, init=False)
    _error: Exception | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        dialect = self.dialect
        self._plain = self.fast and (dialect.delimiter + dialect.quote + dialect.escape).isascii()
        nulls = [] if self.null is None else [self.null]
        self._convert = arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in self.names}, null_values=nulls, strings_can_be_null=bool(nulls)
        )
        self._parse = arrow_csv.ParseOptions(
            delimiter=dialect.delimiter if self._plain else ",",
            quote_char=dialect.quote if self._plain and dialect.quote else False,
            newlines_in_values=True,
        )

    def pieces(self) -> Iterator[Piece]:
        """Yield the rows to the end."""
        size = self.block
        while block := self._seen(size):
            final = self._ended and len(block) == len(self.rest)
            end = self._end(block, final=final)
            table = self._parsed(block, end) if end else None
            if table is not None:
                self._pass(end)
                yield Piece(table, table.num_rows, size=end)
                size = self.block
                continue
            read = yield from self._with_care(block, final=final)
            if not read and self._error is not None and len(block) == len(self.rest):
                break
            size = self.block if read else 2 * size  # a row that goes on behind what was seen
        if self._error is not None:
            raise self._error

    def _seen(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end."""
        while len(self.rest) < size and not self._ended and self._error is None:
            try:
                taken = self.source.take(size - len(self.rest))
            except (HeadwaterError, OSError) as error:  # which comes behind the rows that were there before
                self._error = error
            else:
                self._ended = not taken
                self.rest = self.rest + taken if self.rest else taken
        return self.rest[:size]  # which copies nothing if it is all

    def _with_care(self, block: bytes, *, final: bool) -> Generator[Piece, None, bool]:
        """Read the rows of a block up to its last line end; return whether there was any."""
        end = len(block) if final else _last_line_end(block)
        if not end and len(block) > LONGEST:
            yield from self._too_long()
            return True
        lines = block[:end].splitlines(keepends=True)
        careful = Careful()
        careful.read(
            Lines(lines, self.line, self.line_end), self.dialect, len(self.names), final=final, encoding=self.encoding
        )
        if not careful.used:
            return False
        used = sum(map(len, lines[: careful.used]))
        self._pass(used)
        columns = columns_of(careful.rows, len(self.names), self.null)
        table = pa.table([pa.array(column, pa.string()) for column in columns], names=self.names)
        yield Piece(table, careful.count, careful.offsets if careful.bad else None, careful.bad, used)
        return True

    def _too_long(self) -> Iterator[Piece]:
        """Leave a line out that is longer than any row may be, without holding it."""
        yield Piece([], 1, [], [(0, Bad(f"line {self.line + 1}", TOO_LONG))], len(self.rest))
        while self.rest and not (end := _first_line_end(self.rest)):
            self.rest = self.source.take(BLOCK)
        self._pass(end if self.rest else 0)

    def _pass(self, end: int) -> None:
        """Drop what was read."""
        self.line += _count(self.rest, self.line_end, end)
        self.rest = self.rest[end:]

    def _parsed(self, block: bytes, end: int) -> Any:
        """Return the block's rows before `end` by Arrow, None where care is due."""
        escape = self.dialect.escape.encode()
        if b"\0" in block or block.startswith(MARK) or (escape and escape in block):
            return None
        try:
            options = arrow_csv.ReadOptions(column_names=self.names, block_size=end)
            text = pa.BufferReader(pa.py_buffer(block).slice(0, end))
            return arrow_csv.read_csv(text, options, self._parse, self._convert)
        except pa.ArrowInvalid:
            return None

    def _end(self, block: bytes, *, final: bool) -> int:
        """Return where the last whole row of a block ends, 0 if that is not sure."""
        quote = self.dialect.quote.encode()
        end = len(block) if final else _last_line_end(block)
        if not self._plain or not quote or quote not in block:
            return end if self._plain else 0
        if np is None:
            return 0
        letters = np.frombuffer(block, np.uint8)
        quotes = np.flatnonzero(letters == quote[0])
        before = int(np.searchsorted(quotes, end))
        if final and before % 2:
            return 0
        while before % 2 and end:  # within quotes: on to the line end before the one that is open
            end = _last_line_end(block, int(quotes[before - 1]))
            before = int(np.searchsorted(quotes, end))
        return end if _well_placed(letters[:end], quotes[:before], ord(self.dialect.delimiter)) else 0


def _well_placed(letters: Any, quotes: Any, delimiter: int) -> bool:
    """Whether each quote opens or closes a whole cell, or is one of a doubled pair."""
    if not len(quotes):
        return True
    beside = np.zeros(256, bool)
    beside[[delimiter, 10, 13]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    doubled = closing[:-1] + 1 == opening[1:]
    opens = beside[letters[opening - 1]]
    opens[0] |= opening[0] == 0
    opens[1:] |= doubled
    closes = beside[letters[np.minimum(closing + 1, len(letters) - 1)]]
    closes[-1] |= closing[-1] == len(letters) - 1
    closes[:-1] |= doubled
    return bool(opens.all() and closes.all())


def _last_line_end(block: bytes, before: int | None = None) -> int:
    """Return where the last whole line ends; a return at the very end may be half of a line end."""
    stop = len(block) if before is None else before
    return block.rfind(LINE_FEED, 0, stop) + 1 or block.rfind(RETURN, 0, max(0, stop - 1)) + 1


def _first_line_end(block: bytes) -> int:
    return block.find(LINE_FEED) + 1 or block.find(RETURN) + 1


def _count(block: bytes, mark: bytes, end: int) -> int:
    """Count the lines that end before `end`."""
    if np is None:
        return block.count(mark, 0, end)
    return int(np.count_nonzero(np.frombuffer(block, np.uint8, end) == mark[0]))
