"""The forms a page's records come in: JSON, lines of JSON, CSV, XML; packed or not; whole or made while it is sent."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from xml.sax.saxutils import escape, quoteattr

from headwater.simulate.message import Handler, Reply, Request
from headwater.simulate.place import put
from headwater.simulate.population import Record

__all__ = ["Csv", "Json", "JsonLines", "Shape", "Xml", "gzip_file", "gzipped", "streamed", "zip_file"]

FEW = 200  # records in one chunk of a stream
Wrap = Callable[[Handler], Handler]


class Shape(Protocol):
    """Writes records. `fields` are what stands beside them, by dotted path: a total, a next token."""

    @property
    def content_type(self) -> str:
        """What the header says."""

    def chunks(self, records: Iterable[Record], fields: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield the body piece by piece."""


@dataclass(frozen=True)
class Json:
    """An object with the records at the dotted path `records`; "" makes the records the whole body, an array."""

    records: str = "data"
    content_type: str = "application/json"

    def chunks(self, records: Iterable[Record], fields: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield the fields, then the records."""
        before, after = "[", "]"
        if self.records:
            body: dict[str, Any] = {}
            for path, value in fields.items():
                put(body, path, value)
            put(body, self.records, "\0")  # JSON writes this so that nothing else can look like it
            before, after = _text(body).split('"\\u0000"')
            before, after = f"{before}[", f"]{after}"
        yield before.encode()
        for number, record in enumerate(records):
            yield ("," if number else "").encode() + _text(record).encode()
        yield after.encode()


@dataclass(frozen=True)
class JsonLines:
    """One JSON value a line. What stands beside the records has no place in it."""

    content_type: str = "application/x-ndjson"

    def chunks(self, records: Iterable[Record], fields: Mapping[str, Any]) -> Iterator[bytes]:  # noqa: ARG002
        """Yield a line a record."""
        for record in records:
            yield _text(record).encode() + b"\n"


@dataclass(frozen=True)
class Csv:
    """Comma-separated values under a heading of the first record's fields. `bom` precedes UTF-8 with its mark."""

    delimiter: str = ","
    quote: str = '"'
    newline: str = "\r\n"
    encoding: str = "utf-8"
    bom: bool = False
    heading: bool = True
    content_type: str = "text/csv"

    def chunks(self, records: Iterable[Record], fields: Mapping[str, Any]) -> Iterator[bytes]:  # noqa: ARG002
        """Yield a line a record; nested values as JSON, null as nothing."""
        if self.bom:
            yield "\ufeff".encode(self.encoding)
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, quotechar=self.quote, lineterminator=self.newline)
        for number, record in enumerate(records):
            if number == 0 and self.heading:
                writer.writerow(record)
            writer.writerow([_text(cell) if isinstance(cell, dict | list) else cell for cell in record.values()])
            yield text.getvalue().encode(self.encoding)
            text.seek(0)
            text.truncate()


@dataclass(frozen=True)
class Xml:
    """An element a record under one root, an element a field in it; lists repeat, what stands beside becomes attributes."""

    root: str = "response"
    row: str = "record"
    content_type: str = "application/xml"

    def chunks(self, records: Iterable[Record], fields: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield the root around an element a record; null as an empty element."""
        beside = "".join(f" {name}={quoteattr(str(value))}" for name, value in fields.items() if value is not None)
        yield f'<?xml version="1.0" encoding="UTF-8"?>\n<{self.root}{beside}>\n'.encode()
        for record in records:
            yield (_element(self.row, record) + "\n").encode()
        yield f"</{self.root}>\n".encode()


def streamed(records: Callable[[], Iterable[Record]], shape: Shape) -> Handler:
    """Return a route that sends all of `records()` in one body, made while it is sent and never held."""

    def handler(_request: Request) -> Reply:
        return Reply(200, b"", {"Content-Type": shape.content_type}, chunks=lambda: _gathered(records(), shape))

    return handler


def gzipped(handler: Handler) -> Handler:
    """Return `handler` with `Content-Encoding: gzip`: what every HTTP client unpacks unasked."""

    def packed(request: Request) -> Reply:
        reply = _whole(handler(request))
        return replace(reply, body=gzip.compress(reply.body, mtime=0)).with_headers(Content_Encoding="gzip")

    return packed


def gzip_file(handler: Handler) -> Handler:
    """Return `handler` with its body as a gzip file, which a client must unpack itself."""

    def packed(request: Request) -> Reply:
        reply = _whole(handler(request))
        return replace(reply, body=gzip.compress(reply.body, mtime=0)).with_headers(Content_Type="application/gzip")

    return packed


def zip_file(**members: Handler) -> Handler:
    """Return a route whose body is a zip file; `members` are file names (`_` stands for the last dot) and their contents."""

    def packed(request: Request) -> Reply:
        into = io.BytesIO()
        with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, handler in members.items():
                stem, _, suffix = name.rpartition("_")
                archive.writestr(f"{stem}.{suffix}", _whole(handler(request)).body)
        return Reply(200, into.getvalue(), {"Content-Type": "application/zip"})

    return packed


def _gathered(records: Iterable[Record], shape: Shape) -> Iterator[bytes]:
    """Yield the body in chunks worth sending."""
    some: list[bytes] = []
    for piece in shape.chunks(records, {}):
        some.append(piece)
        if len(some) == FEW:
            yield b"".join(some)
            some.clear()
    yield b"".join(some)


def _whole(reply: Reply) -> Reply:
    return replace(reply, body=b"".join(reply.chunks()), chunks=None) if reply.chunks else reply


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, dict):
        inner = "".join(_element(field, one) for field, one in value.items())
        return f"<{name}>{inner}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}/>" if value is None else f"<{name}>{escape(text)}</{name}>"
