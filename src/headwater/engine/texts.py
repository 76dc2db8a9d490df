"""What an undeclared text means: the SDK types a cell by how it is written.

`type_of` knows one text, `type_of_array` a whole column: it looks at the first text and verifies the others in one pass,
and goes through them one by one only if they differ.
"""

from __future__ import annotations

import math
import re
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from headwater.engine.spelling import (
    MOMENT,
    UTC_MOMENT,
    as_dates,
    as_moments,
    as_reals,
    data_of,
    exact_integers,
    shapes_of,
    without_blanks,
)
from headwater.engine.sqltypes import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    SqlType,
    wider,
)

__all__ = ["LONG_MAX", "LONG_MIN", "all_utc_moments", "first_typed", "type_of", "type_of_array"]

_BOOLEAN = r"(?i)^(?:true|false|t|f)$"
_INTEGER = r"^(?:0|-[0-9]+|[1-9][0-9]*)$"
_REAL = r"^(?:[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|NaN|Infinity)$"
_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_MINUTE = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECOND = r"(?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_DATE = rf"^{_DAY}$"
_NAIVE = rf"^{_DAY}[Tt ]{_MINUTE}{_SECOND}$"
_ZONED = rf"^{_DAY}[Tt]{_MINUTE}{_SECOND}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})$"

_PATTERNS = {
    BOOLEAN: _BOOLEAN,
    BIGINT: _INTEGER,
    DOUBLE: _REAL,
    DATE: _DATE,
    TIMESTAMP: _NAIVE,
    TIMESTAMPTZ: _ZONED,
}
_UTC_MOMENT = re.compile(r"(?:0000-00-00T00:00:00Z)?")
_COMPILED = {kind: re.compile(pattern.replace("$", r"\Z")) for kind, pattern in _PATTERNS.items()}
# The first characters a typed text can have: most free text is told apart by this alone.
_TYPED_START = frozenset("0123456789+-.tTfFNI")

LONG_MIN, LONG_MAX = -(2**63), 2**63 - 1
SURELY_LONG = 18  # an integer of so many characters fits 64 bits
SURELY_FINITE = 200  # a decimal text of so many characters, without an exponent of three digits, is finite
FEW_WORDS = 64  # as many different texts are looked at one by one
_BIG_EXPONENT = r"[eE][+-]?[0-9]{3,}$"


def type_of(text: str) -> SqlType | None:
    """Return the type the SDK infers from `text`, None for the empty text, which says nothing."""
    if not text:
        return None
    if text[0] not in _TYPED_START:
        return VARCHAR
    for kind, pattern in _COMPILED.items():
        if pattern.match(text):
            return kind if _is_value(kind, text) else VARCHAR
    return VARCHAR


def type_of_array(texts: pa.Array) -> SqlType | None:
    """Return the narrowest type of a column of texts (nulls and empty texts say nothing)."""
    start = first_typed(texts)
    if start is None:
        return None
    guess = type_of(texts[start].as_py())
    if guess is None or guess == VARCHAR:
        return guess
    if _all_of(guess, texts):
        return guess
    return _mixed_numbers(texts) or _one_by_one(texts)


def first_typed(texts: pa.Array) -> int | None:
    """Return the index of the first text that is neither null nor empty, None if there is none."""
    if len(texts) and texts[0].is_valid and texts[0].as_py():
        return 0
    index = pc.index(pc.fill_null(pc.not_equal(pc.binary_length(texts), 0), False), True).as_py()
    return None if index < 0 else int(index)


def _is_value(kind: SqlType, text: str) -> bool:
    """Tell whether a text of the right pattern also is a value of its type."""
    if kind == BIGINT:
        return LONG_MIN <= int(text) <= LONG_MAX
    if kind == DOUBLE:
        return math.isfinite(float(text)) or text in {"NaN", "Infinity"}
    if kind in (DATE, TIMESTAMP, TIMESTAMPTZ):
        year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
        try:
            date(year or 4, month, day)  # the year 0000 is a leap year, and Python does not know it
        except ValueError:
            return False
    return True


def all_utc_moments(texts: pa.Array) -> bool:
    """Tell whether every text that is not null surely is a moment in the SDK's own spelling, whole seconds and a Z."""
    return as_moments(texts, _UTC_MOMENT, [shape or "-" for shape in shapes_of(texts)], zoned=True) is not None


def _all_of(kind: SqlType, texts: pa.Array) -> bool:
    """Tell, in passes that never leave C, whether every text surely is of `kind`. False may also mean "cannot tell"."""
    if kind == DATE:
        return as_dates(texts) is not None
    if kind in (TIMESTAMP, TIMESTAMPTZ):
        zoned = kind == TIMESTAMPTZ
        return as_moments(texts, UTC_MOMENT if zoned else MOMENT, shapes_of(texts), zoned=zoned) is not None
    if kind == BIGINT and exact_integers(without_blanks(texts)) is not None:
        return True
    if kind == DOUBLE and _all_pointed(texts):
        return True
    if kind == BOOLEAN:
        words = pc.unique(texts)
        return len(words) <= FEW_WORDS and all(type_of(word) == BOOLEAN for word in words.to_pylist() if word)
    if not pc.all(pc.match_substring_regex(texts, f"{_PATTERNS[kind]}|^$")).as_py():
        return False
    longest = pc.max(pc.binary_length(texts)).as_py()
    if kind == BIGINT:
        return bool(longest <= SURELY_LONG)
    return longest <= SURELY_FINITE and not pc.any(pc.match_substring_regex(texts, _BIG_EXPONENT)).as_py()


def _all_pointed(texts: pa.Array) -> bool:
    """Tell whether every text surely is a number of digits with a point in it, or empty."""
    numbers = as_reals(texts)
    if numbers is None:
        return False
    data = data_of(texts)
    whole = len(data) == (pc.sum(pc.binary_length(texts)).as_py() or 0)  # no null hides anything
    return whole and data.count(b".") == len(numbers) - numbers.null_count


def _mixed_numbers(texts: pa.Array) -> SqlType | None:
    """Return DOUBLE if the texts surely are integers and numbers with a point; None if that cannot be told."""
    if as_reals(texts) is None:
        return None
    pointed = pc.match_substring(texts, ".")
    integers = exact_integers(without_blanks(texts.filter(pc.invert(pointed))))
    return DOUBLE if integers is not None and _all_pointed(texts.filter(pointed)) else None


def _one_by_one(texts: pa.Array) -> SqlType | None:
    kind: SqlType | None = None
    for text in pc.unique(texts).to_pylist():
        if text:
            kind = wider(kind, type_of(text))
            if kind == VARCHAR:
                break
    return kind
