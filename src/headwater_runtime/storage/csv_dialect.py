"""The dialect and the header of a CSV, found in a sample: each possible dialect reads it, and the one it fits best is taken."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from headwater_runtime.storage.csv_lines import Dialect, parser, text_of

__all__ = ["dialect_of", "has_header"]

DELIMITERS = (",", "\t", ";", "|", "\x1f", "\x01", "^", "~")
ROWS = 200  # of the sample that are looked at
BREAKS = 10  # of a dialect, after which it is none
NOTHING = (False, 0.0, 0)
LONGEST_VALUE = 100
VALUE = re.compile(  # what stands in a row of data, hardly ever in a header
    r"[-+]?[\d.,\s]*\d[\d.,\s]*(?:[eE][-+]?\d+)?%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?|true|false|.+@.+\..+|[0-9a-fA-F]{32,}",
    re.IGNORECASE,
)
YEAR = re.compile(r"(?:19|20)\d\d")
SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])'[^']*'(?:[,;\t|]|[\r\n]*$)")


def dialect_of(lines: Sequence[bytes], declared: Sequence[str | None]) -> Dialect:
    """Return the dialect that tells the most rows of one width apart; `declared` are delimiter, quote and escape, if known.

    In doubt it is a comma, quotes that are doubled, and no escape.
    """
    delimiter, quote, escape = declared
    texts = [text_of(line) for line in lines]
    mark = '"' if quote is None else quote
    ways = [(mark, escape or "")]
    if escape is None and mark and any("\\" + mark in text for text in texts):
        ways.append((mark, "\\"))
    if quote is None and _single_quoted(texts):
        ways.insert(0, ("'", escape or ""))
    best, best_score = Dialect(delimiter or ",", *ways[0]), NOTHING
    for way in ways:
        for one in DELIMITERS if delimiter is None else (delimiter,):
            score = _score(texts, Dialect(one, *way)) if one not in way else NOTHING
            if score > best_score:
                best, best_score = Dialect(one, *way), score
    return best


def has_header(row: Sequence[str]) -> bool:
    """Whether a file's first row names columns: none of its cells looks like data, unless it is a year among names."""
    filled = [cell.strip() for cell in row if cell.strip()]
    values = [cell for cell in filled if len(cell) <= LONGEST_VALUE and VALUE.fullmatch(cell)]
    years = len(set(filled)) == len(filled) > len(values) and all(map(YEAR.fullmatch, values))
    return bool(filled) and (not values or years)


def _single_quoted(texts: Sequence[str]) -> bool:
    """Whether at least half of the lines have a cell in single quotes, and none has a double one."""
    seen = sum(SINGLE_QUOTED.search(text) is not None for text in texts)
    return seen * 2 >= len(texts) and not any('"' in text for text in texts)


def _score(texts: Sequence[str], dialect: Dialect) -> tuple[bool, float, int]:
    """Return how well a dialect reads the sample: whether its first row is of the usual width, what share is, that width."""
    found = list(islice(_widths(texts, dialect), ROWS))
    usual, count = max(Counter(found).items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
    return (found[0] == usual, count / len(found), usual) if usual > 1 else NOTHING


def _widths(texts: Sequence[str], dialect: Dialect) -> Iterator[int]:
    """Yield the width of each row, 0 for a line at which the dialect breaks."""
    at = 0
    for _ in range(BREAKS):
        reader = csv.reader(texts[at:], strict=True, **parser(dialect))
        begun = at
        try:
            for cells in reader:
                if cells:
                    yield len(cells)
                begun = at + reader.line_num
        except csv.Error:
            yield 0
            at = begun + 1
        else:
            return
