"""CSV read with care, row by row: what each row is, and which rows are none. This is the meaning the fast way must match."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater_runtime.formats import LINE
from headwater_runtime.storage.format import LONGEST, Bad

__all__ = ["Careful", "Dialect", "Lines", "columns_of", "first_row", "parser"]

ZERO = "\udc00"  # stands for a zero byte, which Python 3.10 does not take; no text has it
UNENDED = "it ends within quotes, or behind an escape character"


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart. `quote` and `escape` may be "": there is none."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""


@dataclass
class Lines:
    """The physical lines of a block. `base` is how many lines the file has before it, `end` what ends one."""

    lines: Sequence[bytes]
    base: int = 0
    end: bytes = b"\n"
    _at: int = field(default=0, init=False)
    _ends: int = field(default=0, init=False)

    def number(self, index: int) -> int:
        """Return the number in the file of a line of the block, from 1. Asked in ascending order."""
        self._ends += sum(line.endswith(self.end) for line in self.lines[self._at : index])
        self._at = max(self._at, index)
        return self.base + self._ends + 1


@dataclass
class Careful:
    """What careful reading of a block gave: cells of its good rows, by offset among all rows, and the bad ones."""

    rows: list[list[str]] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    bad: list[tuple[int, Bad]] = field(default_factory=list)
    count: int = 0
    used: int = 0  # lines of the block; what follows is a row that goes on behind it

    def read(self, lines: Lines, dialect: Dialect, width: int, *, final: bool, encoding: str) -> None:
        """Read the rows of a block. Unless it is `final`, its last row may be cut.

        A row in which quotes go wrong is bad in its first line, and reading goes on with the next line: a broken quote
        costs one row, not all up to the next quote.
        """
        texts = [text_of(line) for line in lines.lines]
        clean = is_clean(b"".join(lines.lines))
        while self.used < len(texts):
            reader = csv.reader(texts[self.used :], strict=True, **parser(dialect))
            begun = self.used
            try:
                for cells in reader:
                    if cells:
                        self._take(cells, lines, begun, width, "" if clean else encoding)
                    begun = self.used + reader.line_num
            except csv.Error as error:
                ended = self.used + reader.line_num >= len(texts) and "unexpected end" in str(error)
                open_size = sum(map(len, lines.lines[begun:])) if ended else 0
                self.used = begun
                if ended and not final and open_size <= LONGEST:
                    return
                self._refuse(
                    lines, begun, UNENDED if ended else "text stands between a closing quote and the next cell"
                )
                self.used += 1
                if ended:
                    return  # so much was looked at for one row: the rest is read in smaller blocks
                continue
            self.used = len(texts)

    def _take(self, cells: list[str], lines: Lines, line: int, width: int, encoding: str) -> None:
        if len(cells) != width:
            self._refuse(lines, line, f"it has {len(cells)} cells, the header {width}")
        elif encoding and (why := undecoded(cells, encoding)):
            self._refuse(lines, line, why)
        else:
            self.rows.append(cells)
            self.offsets.append(self.count)
            self.count += 1

    def _refuse(self, lines: Lines, line: int, why: str) -> None:
        self.bad.append((self.count, Bad(f"line {lines.number(line)}", why)))
        self.count += 1


def parser(dialect: Dialect) -> dict[str, Any]:
    """Return the dialect as the options of Python's reader."""
    csv.field_size_limit(LINE)  # the process's, but nobody is served by a smaller one
    quoting = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    return {"delimiter": dialect.delimiter, "escapechar": dialect.escape or None, **quoting}


def first_row(lines: Sequence[bytes], dialect: Dialect, encoding: str) -> tuple[list[str], int]:
    """Return the first row that is not empty, and how many lines it ends after. Raises ValueError saying what is wrong."""
    reader = csv.reader(map(text_of, lines), strict=True, **parser(dialect))
    try:
        cells = next(filter(None, reader), [])
    except csv.Error as error:
        raise ValueError(UNENDED if "unexpected end" in str(error) else "its quotes are broken") from None
    why = undecoded(cells, encoding)
    if why:
        raise ValueError(why)
    return cells, reader.line_num


def text_of(line: bytes) -> str:
    """Return a line in which what is not UTF-8, and zero bytes, are surrogates."""
    text = line.decode("utf-8", "surrogateescape")
    return text.replace("\0", ZERO) if "\0" in text else text


def undecoded(cells: Sequence[str], encoding: str) -> str:
    """Say what of a row no text can hold, "" for nothing."""
    if any(ZERO in cell for cell in cells):
        return "it holds a zero byte"
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return f"it does not decode as {encoding}"
    return ""


def is_clean(block: bytes) -> bool:
    """Whether a block is UTF-8 without zero bytes."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in block


def columns_of(rows: list[list[str]], width: int, null: str | None) -> Iterator[list[str | None]]:
    """Yield the columns of rows that all have `width` cells."""
    for index in range(width):
        yield [None if (cell := row[index]) == null else cell for row in rows]
