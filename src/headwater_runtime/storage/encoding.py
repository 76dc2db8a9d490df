"""The encoding of a text file: found by evidence, and turned into UTF-8, which all that follows reads.

What does not decode becomes a byte that no UTF-8 has, so whoever checks UTF-8 finds it, in its row.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from headwater_runtime.errors import ConfigError
from headwater_runtime.storage.format import Feed, Sample

__all__ = ["UNDECODABLE", "Utf8", "checked", "encoding_of", "is_utf8", "without_mark"]

UNDECODABLE = b"\xff"  # never part of UTF-8
HANDLER = "headwater.undecodable"
MARKS = (  # the longer first: UTF-32's begins like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
HIGH = re.compile(rb"[\x80-\xff]+")
ZEROS, NO_ZEROS = 0.3, 0.1  # shares of every second byte of UTF-16 in a western language
FOREIGN = 3  # bytes above 127 in a row that a western text hardly has
UNDEFINED = frozenset(b"\x81\x8d\x8f\x90\x9d")  # in cp1252


def encoding_of(sample: Sample, usual: str = "") -> tuple[str, str]:
    """Return a file's encoding ("" for one that is all ASCII) and the evidence for it.

    `usual` is what other files of its set have: one that is not UTF-8 has that rather than any other.
    """
    start = sample.start
    for mark, encoding in MARKS:
        if start.startswith(mark):
            return encoding, "by its byte order mark"
    wide = _wide(start)
    if wide:
        return wide, "by its zero bytes"
    if start.isascii():
        return "", "all ASCII"
    if is_utf8(start, whole=sample.whole):
        return "utf-8", "since all of its start is valid"
    if _mostly_utf8(start):
        return "utf-8", "since most of its start is valid"
    if usual and not usual.startswith("utf"):
        return usual, "as the others"
    return _single_byte(start)


def is_utf8(start: bytes, *, whole: bool) -> bool:
    """Whether `start` is UTF-8; unless it is the whole its last character may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start, whole)
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(start: bytes) -> bool:
    """Whether most letters are UTF-8: a byte that is wrong must not turn all the others into something else.

    In another encoding hardly a run of high bytes is. Halves of pairs count as meant to be.
    """
    runs = HIGH.findall(start)
    return sum(map(_is_meant, runs)) * 2 > len(runs)


def _is_meant(run: bytes) -> bool:
    try:
        run.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def checked(encoding: str | None, what: str) -> None:
    """Raise ConfigError for an encoding that Python does not know."""
    try:
        text = encoding is None or codecs.lookup(encoding)._is_text_encoding  # noqa: SLF001  (the only way to ask)
    except LookupError:
        text = False
    if not text:
        raise ConfigError(f"the encoding '{encoding}' is unknown", where=what, hint='"cp1252", "utf-16", …')


def without_mark(start: bytes, encoding: str) -> tuple[bytes, str]:
    """Return `start` without its byte order mark, and the encoding: a mark is stronger than what was thought."""
    for mark, told in MARKS:
        if start.startswith(mark):
            return start[len(mark) :], told
    return start, encoding


def _wide(start: bytes) -> str:
    """Return the UTF-16 that zeros in every second byte tell of."""
    even, odd = start[0::2], start[1::2]
    if len(odd) < 2 or b"\0" not in start:
        return ""
    zeros = (even.count(0) / len(even), odd.count(0) / len(odd))
    if max(zeros) < ZEROS or min(zeros) > NO_ZEROS:
        return ""
    return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"


def _single_byte(start: bytes) -> tuple[str, str]:
    """Choose between the western encodings and, where high bytes stand in rows, what fits the letters' frequencies."""
    runs = HIGH.findall(start)
    if sum(len(run) >= FOREIGN for run in runs) * 3 > len(runs):
        guessed = _guessed(start)
        if guessed:
            return guessed, "by the frequency of its letters"
    if UNDEFINED.isdisjoint(start):
        return "cp1252", "since it is not UTF-8"
    return "latin-1", "since it is neither UTF-8 nor cp1252"


def _guessed(start: bytes) -> str:
    try:
        from charset_normalizer import from_bytes  # noqa: PLC0415  (comes with requests, but nobody promises it)
    except ImportError:
        return ""
    lines = b"\n".join(line for line in start.splitlines() if not line.isascii())[:100_000]
    best = from_bytes(lines).best()
    return "" if best is None or best.encoding in {"ascii", "utf_8"} else str(best.encoding)


def _marked(error: UnicodeError) -> tuple[str, int]:
    if isinstance(error, UnicodeDecodeError):
        return "\udcff", error.end
    raise error


@dataclass
class Utf8:
    """A feed of UTF-8 from a file in any encoding; UTF-8 itself passes as it is. Half a character at the end is undecodable."""

    feed: Feed
    encoding: str
    rest: bytes = b""  # what was taken from the feed already
    _decoder: codecs.IncrementalDecoder | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if codecs.lookup(self.encoding).name not in {"utf-8", "ascii"}:
            codecs.register_error(HANDLER, _marked)
            self._decoder = codecs.getincrementaldecoder(self.encoding)(HANDLER)

    def take(self, size: int) -> bytes:
        """Return about `size` bytes, none at the end."""
        found = b""
        while not found and not self._ended:
            data, self.rest = self.rest[:size], self.rest[size:]
            data = data or self.feed.take(size)
            self._ended = not data
            found = data if self._decoder is None else self._encoded(self._decoder.decode(data, self._ended))
        return found

    @staticmethod
    def _encoded(text: str) -> bytes:
        try:
            return text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-8", "surrogatepass")
