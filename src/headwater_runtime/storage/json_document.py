"""JSON that is not one value a line: a list, the list at a path, or objects one behind the other; of any size."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, cast

from headwater_runtime.errors import ContractError, HeadwaterError
from headwater_runtime.json_stream import stream_records
from headwater_runtime.json_text import whole_texts
from headwater_runtime.records import Row, kind_of
from headwater_runtime.storage.encoding import Utf8
from headwater_runtime.storage.format import LONGEST, WHOLE, Bad, Feed, FileChunk, Piece, Sample, chunked
from headwater_runtime.storage.json_lines import utf8
from headwater_runtime.storage.row_columns import table_of

__all__ = ["Json"]

HINT = "the file is cut, or is not JSON: have it written anew; the rows before that place are kept"
STEP = 1 << 17  # bytes read at once
ROWS = 10_000  # of a piece
SPACE = re.compile(r"[ \t\n\r]*")
TOO_LONG = (
    f"an object is longer than {LONGEST // 1_000_000} MB: if it holds a list of records, Json(records=…) leads there"
)
HALF = re.compile(r"\\u[dD]")  # of a pair of characters, maybe without the other


@dataclass(frozen=True)
class Json:
    """One JSON text. `records` leads to its list of records, as in an answer's body; "" is a list or object at the top.

    Objects that follow each other without commas are a record each. Nothing can be read behind a place that is not JSON.
    """

    records: str = ""
    name: str = field(default="JSON", init=False, repr=False)
    suffixes: tuple[str, ...] = field(default=(".json",), init=False, repr=False)
    random: bool = field(default=False, init=False, repr=False)

    def settled(self, samples: Sequence[Sample], where: str) -> tuple[Json, str]:  # noqa: ARG002  (the seam)
        """Nothing has to be found."""
        return self, ""

    def read(self, file: IO[bytes], where: str, after: int = 0, skip: bool = False) -> Iterator[FileChunk]:  # noqa: FBT001, FBT002
        """Yield the records."""
        return chunked(self._pieces(Feed(file), where), where, HINT, after, skip=skip)

    def _pieces(self, feed: Feed, where: str) -> Iterator[Piece]:
        source = _Text(utf8(feed))
        start = source.peek()
        if not start:
            return
        found = self._found(source, start, where)
        rows: list[Row] = []
        bad: list[tuple[int, Bad]] = []
        try:
            for some in found:
                rows += some
                if len(rows) >= ROWS:
                    yield _piece(rows, source)
                    rows = []
        except _StoppedError:
            pass
        except ContractError as error:  # no list of objects is where it should be
            bad = [(len(rows), Bad(WHOLE, error.what))]
        except ValueError as error:
            told = str(error)
            why = (
                told
                if told == TOO_LONG
                else "it is nested too deeply"
                if "deeply" in told
                else "from here on it is not JSON"
            )
            bad = [(len(rows), Bad("the rest", why))]
        yield _piece(rows, source, bad)
        if source.error is not None:
            raise source.error

    def _found(self, source: _Text, start: bytes, where: str) -> Iterator[list[Row]]:
        if self.records or start not in {b"{", b"["}:
            return stream_records(cast("IO[bytes]", source), self.records, where)
        return ([row] for row in (_objects if start == b"{" else _elements)(_Window(source)))


class _StoppedError(Exception):
    """The file could not be read further."""


class _Text:
    """UTF-8 with the face of a file. What the file raises is kept, apart from what its content makes a decoder raise."""

    def __init__(self, source: Utf8) -> None:
        self._source, self._rest = source, b""
        self.error: Exception | None = None
        self.taken = 0  # bytes since it was last looked at

    def peek(self) -> bytes:
        """Return the first byte that is not white space, and begin there."""
        while not self._rest and (taken := self._source.take(STEP)):
            self._rest = taken.lstrip()
        return self._rest[:1]

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer at the end or before what the file raises."""
        while len(self._rest) < size and self.error is None:
            try:
                more = self._source.take(size)
            except (HeadwaterError, OSError) as error:
                self.error = error
            else:
                if not more:
                    break
                self._rest += more
        if self.error is not None and not self._rest:
            raise _StoppedError
        found, self._rest = self._rest[:size], self._rest[size:]
        self.taken += len(found)
        return found


def _piece(rows: list[Row], source: _Text, bad: Sequence[tuple[int, Bad]] = ()) -> Piece:
    size, source.taken = source.taken, 0
    table = table_of(rows)
    offsets = list(range(len(rows))) if bad else None
    return Piece(rows if table is None else table, len(rows) + len(bad), offsets, bad, size)


class _Window:
    """A window of text that slides over the file. `at` is where reading stands in it."""

    def __init__(self, source: _Text) -> None:
        self._source, self._decoder = source, codecs.getincrementaldecoder("utf-8")()
        self._decode = json.JSONDecoder().raw_decode
        self._text, self._ended = "", False
        self.at = 0

    def next(self) -> str:
        """Return the character that comes next after white space, "" at the end."""
        while True:
            space = SPACE.match(self._text, self.at)
            self.at = space.end() if space else self.at
            if self.at < len(self._text) or self._ended:
                return self._text[self.at : self.at + 1]
            self._more()

    def record(self) -> Row:
        """Return the object that comes next. Raises ValueError for what is not JSON, ContractError for another value."""
        self.next()
        while True:
            try:
                value, end = self._decode(self._text, self.at)
            except RecursionError:
                raise ValueError("nested too deeply") from None
            except ValueError:
                if self._ended:
                    raise
                if len(self._text) - self.at > LONGEST:
                    raise ValueError(TOO_LONG) from None
                self._more()
                continue
            if type(value) is not dict:
                raise ContractError(f"it holds {kind_of(value)} among its objects")
            begun, self.at = self.at, end
            return whole_texts(value) if HALF.search(self._text, begun, end) else value

    def _more(self) -> None:
        rest = self._text[self.at :]
        more = self._source.read(max(STEP, len(rest)))  # twice as much each time: a long one is not decoded too often
        self._text, self.at, self._ended = rest + self._decoder.decode(more, not more), 0, not more


def _objects(text: _Window) -> Iterator[Row]:
    """Yield objects that follow each other, with nothing but white space between them."""
    while text.next():
        yield text.record()


def _elements(text: _Window) -> Iterator[Row]:
    """Yield the objects of a list, each as soon as it is there."""
    text.next()
    text.at += 1
    if text.next() == "]":
        text.at += 1
    else:
        while True:
            yield text.record()
            mark = text.next()
            text.at += 1
            if mark == "]":
                break
            if mark != ",":
                raise ValueError("no comma between elements")
    if text.next():
        raise ValueError("text after the end")
