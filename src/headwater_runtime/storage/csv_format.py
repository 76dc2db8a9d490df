"""Comma-separated values and their kin: every value a text, since the destination infers per cell and 007 is no number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import IO

from headwater_runtime.errors import require
from headwater_runtime.storage.csv_blocks import Blocks
from headwater_runtime.storage.csv_dialect import dialect_of, has_header
from headwater_runtime.storage.csv_lines import Dialect, first_row, parser, text_of
from headwater_runtime.storage.encoding import Utf8, checked, encoding_of, without_mark
from headwater_runtime.storage.format import SAMPLE, WHOLE, Bad, Feed, FileChunk, Piece, Sample, chunked, named

__all__ = ["Csv"]

HINT = "pass errors=Errors(…) to the stream to go on without such rows, or declare what Csv(…) should know of the file"
LOOKED_AT = 1_000  # lines of a sample
TOLD = 10  # names of columns
CONTROLS = bytes({*range(32)} - {*b"\t\n\r\x01\x1f"})  # which texts do not have, but for those that part cells
TEXT = 50  # bytes of which one at most is a control character


@dataclass(frozen=True)
class Csv:
    """A table of texts. What is None is found in a sample of the files and told in the log; declare it to be sure.

    `quote` and `escape` may be "": there is none. `header` is whether the first row names the columns, or the names where
    it does not. A cell equal to `null` is null, quoted or not. `skip_lines` stand before the header. Rows end with any of
    the usual line ends; empty lines are no rows; a row of another width than the header's is bad, and so is one in which a
    closing quote is followed by text, that does not decode, or that holds a zero byte.
    """

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    header: bool | tuple[str, ...] | None = None
    null: str | None = ""
    skip_lines: int = 0
    columns: tuple[str, ...] = field(default=(), repr=False)  # those of the sample: a file with others is told of
    usual: str = field(default="", repr=False)  # the encoding of the samples, for a file that shows none
    guessed: bool = field(default=False, repr=False)  # the header is
    name: str = field(default="CSV", init=False, repr=False)
    suffixes: tuple[str, ...] = field(default=(".csv", ".tsv", ".txt"), init=False, repr=False)
    random: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        for mark, what in (
            (self.delimiter, "delimiter"),
            (self.quote or None, "quote"),
            (self.escape or None, "escape"),
        ):
            single = mark is None or (len(mark) == 1 and mark not in "\r\n\0")
            require(single, f"the {what} of a CSV is one character", hint='Csv(delimiter=";")')
        marks = [mark for mark in (self.delimiter, self.quote, self.escape) if mark]
        require(len(set(marks)) == len(marks), "delimiter, quote and escape of a CSV are not the same", hint="Csv(…)")
        names = self.header if isinstance(self.header, tuple) else ("x",)
        require(
            len(set(names)) == len(names) > 0, "the header names no column, or one twice", hint="mend Csv(header=…)"
        )
        require(self.skip_lines >= 0, "skip_lines is a number of lines", hint="Csv(skip_lines=2)")
        checked(self.encoding, "Csv(encoding=…)")

    def settled(self, samples: Sequence[Sample], where: str) -> tuple[Csv, str]:  # noqa: ARG002  (the seam)
        """Find encoding, dialect and header: the encoding in all samples, the rest in the first that has a row."""
        form, told = self, list[str]()
        found = [pair for pair in map(encoding_of, samples) if pair[0]]
        if self.encoding is None and found:
            form = replace(form, usual=found[0][0])
            told.append(f"encoding {found[0][0]} ({found[0][1]})")
        for sample in samples:
            start, encoding = without_mark(sample.start, _encoding(form, sample))
            text = Utf8(Feed(io.BytesIO()), encoding, start).take(SAMPLE)
            lines = text.splitlines(keepends=True)[self.skip_lines :]
            if any(not line.isspace() for line in lines):
                return _settled_by(form, lines if sample.whole else _whole_lines(lines), told)
        return form, ""

    def read(self, file: IO[bytes], where: str, after: int = 0, skip: bool = False) -> Iterator[FileChunk]:  # noqa: FBT001, FBT002
        """Yield the rows of one file, with its own header and byte order mark."""
        return chunked(self._pieces(file), where, HINT, after, skip=skip)

    def _pieces(self, file: IO[bytes]) -> Iterator[Piece]:
        feed = Feed(file)
        start = feed.take(SAMPLE)
        sample = Sample("", start, len(start) < SAMPLE)
        encoding = _encoding(self, sample)
        start, encoding = without_mark(start, encoding)
        source = Utf8(feed, encoding, start)
        text = source.take(SAMPLE)
        lines = text.splitlines(keepends=True)[self.skip_lines :]
        if not any(not line.isspace() for line in lines):
            return
        form = self
        if None in (self.delimiter, self.quote, self.escape, self.header):
            form, _ = _settled_by(self, _whole_lines(lines), [])
        dialect = Dialect(form.delimiter or ",", form.quote or "", form.escape or "")
        try:
            row, used = first_row(lines, dialect, encoding)
            _check_first(form, row, text, encoding)
        except ValueError as error:
            yield Piece([], 0, [], [(0, Bad(WHOLE, f"its first row cannot be read: {error}"))])
            return
        names, used = _named(form, row), used if form.header is True else 0
        yield Piece([], 0, notes=_unlike(form, names))
        before = self.skip_lines + used
        rest = b"".join(lines[used:])
        line_end = b"\n" if b"\n" in text else b"\r"
        yield from Blocks(source, dialect, names, self.null, encoding, rest, before, line_end).pieces()


def _check_first(form: Csv, row: Sequence[str], text: bytes, encoding: str) -> None:
    """Raise ValueError, saying why, for a file whose first row is no header: what follows would be lost, or odd."""
    start = "".join(row[0].split())[:2]
    if form.header is True and (start[:1] in {"<", "{"} or start in {"[{", "[[", "[]"} or list(row) == ["["]):
        raise ValueError("its first line looks like another format")
    if form.encoding is None and not encoding.startswith("utf"):
        controls = len(text) - len(text.translate(None, CONTROLS))
        if controls * TEXT > len(text):
            raise ValueError("it is no text")
    unlike = form.guessed and form.header is True and not set(_named(form, row)) & set(form.columns)
    if unlike and (not has_header(row) or len(row) == 1 < len(form.columns)):
        raise ValueError("it is no header like that of the first file: declare Csv(header=…, delimiter=…)")


def _encoding(form: Csv, sample: Sample) -> str:
    """Return the encoding of a file: what it shows of itself, else that of its set."""
    if form.encoding is not None:
        return form.encoding
    usual = "" if form.usual.startswith("utf") else form.usual
    return encoding_of(sample, usual)[0] or usual or "utf-8"


def _settled_by(form: Csv, lines: Sequence[bytes], told: list[str]) -> tuple[Csv, str]:
    """Find dialect and header in the first lines of a file."""
    lines = lines[:LOOKED_AT]
    dialect = dialect_of(lines, (form.delimiter, form.quote, form.escape))
    header = form.header
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(filter(None, csv.reader(map(text_of, lines), **parser(dialect))))
    if header is None:
        header = bool(rows) and has_header(rows[0])
        told.append("a header" if header else "no header")
    if form.delimiter is None:
        told.append(f"delimiter {dialect.delimiter!r}")
    if form.quote is None and dialect.quote != '"':
        told.append(f"quote {dialect.quote!r}")
    if form.escape is None and dialect.escape:
        told.append(f"escape {dialect.escape!r}")
    columns = tuple(_named(replace(form, header=header), rows[0])) if rows else ()
    found = replace(form, delimiter=dialect.delimiter, quote=dialect.quote, escape=dialect.escape)
    return replace(found, header=header, columns=columns, guessed=form.header is None), ", ".join(told)


def _named(form: Csv, row: Sequence[str]) -> list[str]:
    if isinstance(form.header, tuple):
        return list(form.header)
    return named([name.strip() for name in row] if form.header else [""] * len(row))


def _unlike(form: Csv, names: Sequence[str]) -> tuple[str, ...]:
    """Say how a file's header differs from that of its set."""
    new = [name for name in names if name not in form.columns]
    gone = [name for name in form.columns if name not in names]
    if form.header is not True or not form.columns or not (new or gone):
        return ()
    parts = [f"{what} {', '.join(some[:TOLD])}" for what, some in (("new:", new), ("absent:", gone)) if some]
    return (f"a file has other columns than the first of its set ({'; '.join(parts)}): they are taken by name",)


def _whole_lines(lines: list[bytes]) -> list[bytes]:
    """Return `lines` without a last one that is cut."""
    return lines[:-1] if len(lines) > 1 and not lines[-1].endswith((b"\n", b"\r")) else lines
