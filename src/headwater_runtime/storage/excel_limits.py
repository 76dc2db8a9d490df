"""What a workbook must not be, looked at before it is opened.

Calamine holds the whole rectangle from a sheet's first cell to its last, and two cells can span seventeen thousand million.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

__all__ = ["check"]

UNPACKED = 1_000_000_000  # bytes of all members
MEMBERS = 10_000
CELLS = 50_000_000  # of a sheet's rectangle
NARROW = 26  # columns named with one letter: no sheet of so many is too large
TALLEST = 1_048_576
STEP = 1 << 20
WIDE = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{2,9})\d")
ANY_CELL = re.compile(rb"\br\s*=\s*[\"'][A-Za-z]*(\d{1,9})[\"']")
TAIL = 64  # bytes of a chunk that are looked at again with the next


def check(file: IO[bytes]) -> None:
    """Raise ValueError, saying why, for a workbook in a zip that is too large, too wide, encrypted or defines entities."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError("it is no whole zip, which workbooks are") from error
    if len(members) > MEMBERS:
        raise ValueError(f"it has more than {MEMBERS:,} members")
    left = UNPACKED
    for member in members:
        seen = _Seen(member.filename.lower())
        for data in _unpacked(file, member):
            left -= len(data)
            if left < 0:
                raise ValueError(f"it unpacks to more than {UNPACKED // 1_000_000:,} MB")
            seen.look(data)
        seen.end()


def _unpacked(file: IO[bytes], member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what a member unpacks to, which may be more than it says."""
    if member.flag_bits & 1:
        raise ValueError("it is encrypted")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError("it is packed in a way that is not read")
    file.seek(member.header_offset)
    head = file.read(30)
    file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    left = member.compress_size
    unpacker = zlib.decompressobj(-15) if member.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0 and (data := file.read(min(left, STEP))):
        left -= len(data)
        try:
            while data:
                yield data if unpacker is None else unpacker.decompress(data, STEP)
                data = b"" if unpacker is None else unpacker.unconsumed_tail
        except zlib.error as error:
            raise ValueError("a member of it is broken") from error


class _Seen:
    """What was seen of one member."""

    def __init__(self, name: str) -> None:
        self._sheet = name.startswith("xl/worksheets/") and name.endswith(".xml")
        self._xml = name.endswith((".xml", ".rels"))
        self._table = _OdsTable() if name == "content.xml" else None
        self._tail = b""
        self._columns, self._rows = NARROW, 0

    def look(self, data: bytes) -> None:
        text, self._tail = self._tail + data, data[-TAIL:]
        if self._xml and (b"<!ENTITY" in text or b"<!DOCTYPE" in text):
            raise ValueError("its XML defines entities, which no spreadsheet needs")
        if self._table is not None:
            self._table.look(data)
        if self._sheet:
            letters = max(set(WIDE.findall(text)), key=lambda one: (len(one), one.upper()), default=b"")
            self._columns = max(self._columns, _column(letters.upper()))
            self._rows = max(self._rows, max(map(int, ANY_CELL.findall(text)), default=0))
            if self._rows > TALLEST or (self._columns > NARROW and self._columns * self._rows > CELLS):
                raise ValueError(f"a sheet of it spans more than {CELLS // 1_000_000} million cells")

    def end(self) -> None:
        if self._table is not None:
            self._table.end()


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


class _OdsTable:
    """The size of the tables of an OpenDocument, in which cells and rows may be repeated."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._row = self._column = self._widest = self._filled = self._repeat = 0

    def look(self, data: bytes) -> None:
        try:
            self._parser.Parse(data, False)
        except expat.ExpatError as error:
            raise ValueError("its XML is broken") from error

    def end(self) -> None:
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise ValueError("its XML is broken") from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._row = self._widest = 0
        elif name == "table:table-row":
            self._repeat, self._column, self._filled = _times(attributes, "table:number-rows-repeated"), 0, 0
        elif name in {"table:table-cell", "table:covered-table-cell"}:
            self._column += _times(attributes, "table:number-columns-repeated")
            if any(one.startswith("office:") for one in attributes):
                self._filled = self._column

    def _end(self, name: str) -> None:
        if name != "table:table-row":
            return
        self._row += self._repeat
        if self._filled:
            self._widest = max(self._widest, self._filled)
            if self._widest * self._row > CELLS:
                raise ValueError(f"a sheet of it spans more than {CELLS // 1_000_000} million cells")


def _times(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "1")
    return int(text) if text.isdecimal() and len(text) < 10 else 1_000_000_000
