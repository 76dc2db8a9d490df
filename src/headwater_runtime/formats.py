"""The formats of a body: each reads an answer into chunks of records. Gzip and zip are known by their first bytes.

JSON and XML show where they end. Of a Jsonl or Csv body only the length the source promised does: one sent without a length and
cut between two lines, or replaced by an empty one where no header line is due, cannot be told from a whole one.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, Any, Protocol
from xml.parsers.expat import ExpatError

from headwater_runtime import json_text
from headwater_runtime.errors import ConfigError, ContractError, UnreadableError, require
from headwater_runtime.json_stream import stream_records
from headwater_runtime.records import EACH, Row, records_in, select, steps_of
from headwater_runtime.transport import SPOOL_LIMIT, WHOLE_LIMIT, Response
from headwater_runtime.xml_stream import xml_records

__all__ = ["Csv", "Format", "Json", "Jsonl", "Xml", "unpacked", "unreadable"]

CHUNK = 1_000  # records handed on at once
STEP = 1 << 16  # bytes unpacked at once
LINE = 64_000_000  # characters of one line or cell
MEMBERS = 1_000  # of a zip
DIRECTORY = 1_000_000  # bytes of a zip's list of members
SUFFIXES = {  # of a zip's members that are read
    "JSON": (".json",),
    "JSON lines": (".jsonl", ".ndjson", ".json"),
    "CSV": (".csv", ".tsv", ".txt"),
    "XML": (".xml",),
}
GZIP, ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
Chunks = Iterator[tuple[list[Row], Any]]
BROKEN = (ValueError, OSError, EOFError, RuntimeError, csv.Error, zlib.error, zipfile.BadZipFile, ExpatError)


class Format(Protocol):
    """One format."""

    @property
    def spooled(self) -> bool:
        """Whether the answer may go to a temporary file, since it is read in chunks."""

    def read(self, response: Response, records: str, where: str) -> Chunks:
        """Yield chunks of records, at least one, with the whole body (None if it is streamed).

        Raises UnreadableError for what is not in the format to its end, maybe after many chunks, and ContractError.
        """


@dataclass(frozen=True)
class Json:
    """One JSON text. `large`: it is read record by record, so it can be of any size, but its other fields are not kept."""

    large: bool = False

    @property
    def spooled(self) -> bool:
        """Only a large one."""
        return self.large

    def read(self, response: Response, records: str, where: str) -> Chunks:
        """Yield the records at the path `records`."""
        packed = response.body[:2] == GZIP or response.body[:4] in ZIP
        if self.large and (packed or response.file is not None):
            yield from _parsed(response, records, where, "JSON", stream_records)
            return
        try:
            body = json_text.loads(_unpacked_whole(response, where) if packed else response.body)
        except BROKEN:
            # Not chained: the decoder's exception carries the whole body.
            raise unreadable(response, "JSON", where) from None
        yield select(body, records, where), None if self.large else body


@dataclass(frozen=True)
class Jsonl:
    """One JSON value a line, the path `records` within each. Empty lines are skipped."""

    spooled: bool = field(default=True, init=False)

    def read(self, response: Response, records: str, where: str) -> Chunks:
        """Yield the lines' records."""
        yield from _parsed(response, records, where, "JSON lines", _lines)


@dataclass(frozen=True)
class Csv:
    """A table of texts: each line after the header is a record; `header` names the columns where the file does not.

    `sniff` lists the delimiters the source uses by turns: the one most frequent in the first line counts. A cell equal to
    `null` is null. A line of another width than the header is an error: the file is cut or quoted in another way.
    """

    delimiter: str = ","
    sniff: str = ""
    null: str | None = ""
    header: tuple[str, ...] | None = None
    encoding: str = "utf-8-sig"
    spooled: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        single = all(len(mark) == 1 and mark not in '"\r\n' for mark in (self.delimiter, *self.sniff))
        require(single, "the delimiter of a CSV is one character", hint='write Csv(delimiter=";") in api.py')
        named = self.header is None or len(set(self.header)) == len(self.header) > 0
        require(named, "the header of a CSV names no column, or one twice", hint="mend Csv(header=…) in api.py")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ConfigError(f"the encoding '{self.encoding}' is unknown", hint='"cp1252", "utf-16", …') from None

    def read(self, response: Response, records: str, where: str) -> Chunks:
        """Yield a record a line."""
        yield from _parsed(response, records, where, "CSV", self._rows)

    def _rows(self, file: IO[bytes], _: str, where: str) -> Iterator[list[Row]]:
        csv.field_size_limit(LINE)  # the process's, but nobody is served by a smaller one
        with io.TextIOWrapper(file, self.encoding, newline="") as text:
            lines = _text_lines(text)
            first = next(lines, "")
            delimiter = max(self.sniff, key=first.count) if self.sniff else self.delimiter
            reader = csv.reader(chain((first,), lines), delimiter=delimiter, strict=True)
            names = self._names(reader, where)
            while cells := list(islice(reader, CHUNK)):
                yield self._table(names, cells)

    def _names(self, reader: Iterator[list[str]], where: str) -> list[str]:
        header = self.header or next(reader)
        if not header or header[0].lstrip()[:1] in {"<", "{", "["}:  # a page or an error, which would be no records
            raise ValueError("the header line looks like another format" if header else "there is no header line")
        names = [name.strip() or f"column_{number}" for number, name in enumerate(header, 1)]
        if len(set(names)) < len(names):
            raise ContractError("two columns of the CSV have one name", where=where, hint="name them: Csv(header=…)")
        return names

    def _table(self, names: list[str], lines: list[list[str]]) -> list[Row]:
        null, found = self.null, []
        for cells in lines:
            if len(cells) == len(names):
                row: Row = dict(zip(names, cells))  # noqa: B905  (just compared)
                found.append({name: None if row[name] == null else row[name] for name in row} if null in cells else row)
            elif cells:  # an empty line is none
                raise ValueError(f"a line has {len(cells)} cells, the header {len(names)}")
        return found


@dataclass(frozen=True)
class Xml:
    """An XML document; `records` leads from the root's name to the repeated element: "feed.entry".

    An element is an object: attributes as `@name`, children by name (a list where one repeats), an element of nothing but
    text is that text, null if it is empty; text beside anything else is `#text`. Document type declarations are refused,
    and with them every entity bomb.
    """

    spooled: bool = field(default=True, init=False)

    def read(self, response: Response, records: str, where: str) -> Chunks:
        """Yield the elements at the path `records`."""
        yield from _parsed(response, records, where, "XML", xml_records)


def _parsed(
    response: Response, records: str, where: str, kind: str, parse: Callable[[IO[bytes], str, str], Iterator[list[Row]]]
) -> Chunks:
    """Yield what `parse` finds, at least one chunk, with what it raises made an UnreadableError."""
    none = True
    try:
        for file in unpacked(response.open(), SUFFIXES[kind], SPOOL_LIMIT, where):
            for found in filter(None, parse(file, records, where)):
                yield found, None
                none = False
    except BROKEN as error:
        told = isinstance(error, (csv.Error, ExpatError)) or type(error) is ValueError  # others quote what they read
        raise unreadable(response, kind, where, f": {error}" if told else "") from None
    if none:
        yield [], None


def _unpacked_whole(response: Response, where: str) -> bytes:
    files = [file.read() for file in unpacked(response.open(), SUFFIXES["JSON"], WHOLE_LIMIT, where)]
    if len(files) > 1:
        hint = "declare format=Json(large=True) in api.py"
        raise ContractError("the zip holds several texts", where=where, hint=hint)
    return files[0]


def unreadable(response: Response, kind: str, where: str, why: str = "") -> UnreadableError:
    """Return the error for a body that is not `kind`."""
    content = response.headers.get("content-type", "no content type")
    what = f"the source answered {response.status} with {response.size} bytes of {content} that are not {kind}{why}"
    hint = "check base_url: an HTML page usually means a login or landing page"
    return UnreadableError(what, where=where, hint=hint)


def _lines(file: IO[bytes], path: str, where: str) -> Iterator[list[Row]]:
    steps, optional = steps_of(path)
    found: list[Row] = []
    while line := file.readline(LINE):
        if len(line) == LINE:
            raise _too_long()
        if line.isspace():
            continue
        value = json_text.loads(line)
        if type(value) is dict and not steps:
            found.append(value)
        else:  # without a path, anything but an object is refused
            found += records_in([value], (EACH, *steps) if steps else (), path, where, optional=optional)
        if len(found) >= CHUNK:
            yield found
            found = []
    yield found


def _text_lines(file: IO[str]) -> Iterator[str]:
    while line := file.readline(LINE):
        if len(line) == LINE:
            raise _too_long()
        yield line


def _too_long() -> ValueError:
    return ValueError(f"a line is longer than {LINE / 1e6:,.0f} MB")


class _Bounded(io.RawIOBase):
    """What unpacks from `source`, until `budget`, which several may share, is used up."""

    def __init__(self, source: IO[bytes] | gzip.GzipFile, budget: list[int], where: str) -> None:
        self._source, self._budget, self._where = source, budget, where

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        self._budget[0] -= len(data)
        if self._budget[0] < 0:
            hint = "ask for less at once, or declare format=Json(large=True) in api.py if it is JSON"
            raise ContractError("the answer unpacks to more than can be read", where=self._where, hint=hint)
        buffer[: len(data)] = data
        return len(data)


def unpacked(file: IO[bytes], suffixes: tuple[str, ...], limit: int, where: str) -> Iterator[IO[bytes]]:
    """Yield what is in `file`: itself, or what a gzip or the fitting members of a zip unpack to, `limit` bytes in all."""
    start = file.read(4)
    file.seek(0)
    budget = [limit]
    if start[:2] == GZIP:
        yield io.BufferedReader(_Bounded(gzip.GzipFile(fileobj=file), budget, where), STEP)
    elif start not in ZIP:
        yield file
    else:
        _check_directory(file)
        with zipfile.ZipFile(file) as archive:
            for member in _fitting(archive.infolist(), suffixes, where):
                with archive.open(member) as packed:
                    yield io.BufferedReader(_Bounded(packed, budget, where), STEP)


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a zip whose list of members, which is read whole, could fill the memory."""
    file.seek(max(0, file.seek(0, io.SEEK_END) - 65_577))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if int.from_bytes(tail[end + 12 : end + 16], "little") > DIRECTORY or b"PK\x06\x07" in tail[end - 20 : end]:
        raise ValueError("the zip is larger than 4 GB or lists too many files")


def _fitting(members: list[zipfile.ZipInfo], suffixes: tuple[str, ...], where: str) -> list[zipfile.ZipInfo]:
    found = [one for one in members if one.filename.lower().endswith(suffixes) and one.filename[:9] != "__MACOSX/"]
    if not found or len(found) > MEMBERS:
        what = f"the zip holds {len(members)} files, {len(found)} of them named …{' or …'.join(suffixes)}"
        hint = f"from 1 to {MEMBERS:,} are read: is `format=` in api.py the right one?"
        raise ContractError(what, where=where, hint=hint)
    if any(one.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for one in found):
        raise ContractError("the zip is packed in a way that is not read", where=where, hint="ask for one with deflate")
    return found
