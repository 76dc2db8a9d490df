"""The records of one JSON text of any size, in memory that does not grow with it."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from headwater_runtime.json_text import whole_texts
from headwater_runtime.records import EACH, Row, Steps, absent, not_an_object, records_in, steps_of

__all__ = ["stream_records"]

CHUNK = 1_000  # records handed on at once
STEP = 1 << 17  # characters read at once
LARGEST = 64_000_000  # characters of one value: a longer one is not a record
SPACE = re.compile(r"[ \t\n\r]*")
AFTER_VALUE = frozenset(" \t\n\r,:]}")


def stream_records(file: IO[bytes], path: str, where: str) -> Iterator[list[Row]]:
    """Yield the records at `path` as `select` finds them, in chunks; the first list on the path is never held whole.

    Raises ContractError as `select` does, and ValueError for what is not JSON to its end, maybe after many records.
    """
    steps, optional = steps_of(path)
    yield from _Reader(file, path, where, optional=optional).document(steps)


class _Reader:
    """Walks down the path through a window of the text that slides over it."""

    def __init__(self, file: IO[bytes], path: str, where: str, *, optional: bool) -> None:
        start = file.read(4)
        self._file = file
        self._decoder = codecs.getincrementaldecoder(json.detect_encoding(start))()
        self._name = f"'{path}'" if path else "the body"
        self._path, self._where, self._optional = path, where, optional
        self._text, self._at, self._ended = self._decoder.decode(start), 0, not start
        self._halves = False
        self._decode = json.JSONDecoder().raw_decode

    def document(self, steps: Steps) -> Iterator[list[Row]]:
        yield from self._walk(steps)
        if self._next():
            raise ValueError("text after the end")

    def _walk(self, steps: Steps) -> Iterator[list[Row]]:
        """Yield the records of the value that comes next."""
        kind = self._next()
        if kind == "[" and (not steps or steps[0] is EACH):
            yield from self._list(steps)
        elif kind == "{" and steps:
            yield from self._object(steps)
        else:  # not what the path needs, however long it is
            found: Any = [] if kind == "[" else {} if kind == "{" else self._value()
            yield self._records(found, steps, single=False)

    def _list(self, steps: Steps) -> Iterator[list[Row]]:
        found: list[Row] = []
        for index, _ in enumerate(self._members("]")):
            record = self._value()
            if steps:
                found += self._records(record, steps[1:], single=True)
            elif type(record) is dict:
                found.append(record)
            else:
                raise not_an_object(index, record, self._name, self._where)
            if len(found) >= CHUNK:
                yield found
                found = []
        yield found

    def _object(self, steps: Steps) -> Iterator[list[Row]]:
        names: dict[str, None] = {}
        for _ in self._members("}"):
            name = self._value()
            if not isinstance(name, str) or self._next() != ":":
                raise ValueError("a member without a name")
            self._at += 1
            names[name] = None
            if steps[0] is EACH:
                yield self._records(self._value(), steps[1:], single=True)
            elif steps[0] != name or (self._optional and len(steps) == 1 and self._next() == "n"):
                self._skip()  # another member, or a null where the records may be absent
            else:
                yield from self._walk(steps[1:])
        if steps[0] is not EACH and steps[0] not in names and not (self._optional and len(steps) == 1):
            raise absent(self._name, names, self._where)

    def _members(self, closing: str) -> Iterator[None]:
        """Stand before each member of the list or object that comes next, and then behind it."""
        self._at += 1
        if self._next() == closing:
            self._at += 1
            return
        while True:
            yield None
            mark = self._next()
            self._at += 1
            if mark == closing:
                return
            if mark != ",":
                raise ValueError("no comma between members")

    def _records(self, value: Any, steps: Steps, *, single: bool) -> list[Row]:
        return records_in(value, steps, self._path, self._where, optional=self._optional, single=single)

    def _skip(self) -> None:
        """Go over a value; of a list, which may be long, no more than one element is held."""
        if self._next() != "[":
            self._value()
            return
        for _ in self._members("]"):
            self._value()

    def _value(self) -> Any:
        """Decode the value that comes next. One that ends with the window may go on beyond it."""
        self._next()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except RecursionError:
                raise ValueError("nested too deeply") from None
            except ValueError:
                if self._ended or len(self._text) - self._at > LARGEST:
                    raise
            else:
                if self._ended or (end < len(self._text) and self._text[end] in AFTER_VALUE):
                    self._at = end
                    return whole_texts(value) if self._halves else value
            self._more()

    def _next(self) -> str:
        """Return the character that comes next after white space, "" at the end."""
        while True:
            found = SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def _more(self) -> None:
        rest = self._text[self._at :]
        more = self._file.read(max(STEP, len(rest)))  # twice as much each time: a long value is not decoded too often
        self._text, self._at, self._ended = rest + self._decoder.decode(more, not more), 0, not more
        self._halves = "\\ud" in self._text or "\\uD" in self._text  # of characters, maybe without the other half
