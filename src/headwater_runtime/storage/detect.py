"""The format of files that nobody declared: by what they begin with, and where that does not tell, by their name."""

from __future__ import annotations

import json

from headwater_runtime.errors import ConfigError
from headwater_runtime.storage.avro import Avro
from headwater_runtime.storage.csv_format import Csv
from headwater_runtime.storage.encoding import encoding_of, without_mark
from headwater_runtime.storage.excel import Excel
from headwater_runtime.storage.format import Format, Sample
from headwater_runtime.storage.json_document import Json
from headwater_runtime.storage.json_lines import Jsonl
from headwater_runtime.storage.parquet import Parquet

__all__ = ["detected"]

HINT = "declare it: files(…, format=Csv()) or another"
EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
REFUSED = {b"ORC": "ORC", b"\x89HDF": "HDF5", b"%PDF": "PDF", b"SQLite": "SQLite", b"ARROW1": "Arrow IPC"}
TEXTS = (".csv", ".tsv", ".txt", ".dat", ".psv", ".tab")


def detected(sample: Sample, where: str) -> Format:
    """Return the format of a file. Raises ConfigError where that is not clear."""
    start, name = sample.start, sample.name.lower()
    if start.startswith(b"PAR1"):
        return Parquet()
    if start.startswith(b"Obj\x01"):
        return Avro()
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) and (name.endswith(EXCEL) or b"xl/" in start):
        return Excel()
    for magic, told in REFUSED.items():
        if start.startswith(magic):
            raise ConfigError(f"the file is {told}, which is not read", where=where, hint="have it exported as Parquet")
    return _text(sample, where)


def _text(sample: Sample, where: str) -> Format:
    name = sample.name.lower()
    encoding = encoding_of(sample)[0]
    start, encoding = without_mark(sample.start, encoding)
    text = start.decode(encoding or "utf-8", "replace").lstrip()
    if name.endswith((".jsonl", ".ndjson")):
        return Jsonl()
    if text[:1] == "{":
        return Jsonl() if _a_line_each(text) else Json()
    if text[:1] == "[" and text[1:].lstrip()[:1] in {"{", "]"}:
        return Json()
    if text[:1] == "<":
        hint = "XML and HTML are not read from files; a page that is an error is not data"
        raise ConfigError("the file begins like XML or HTML", where=where, hint=hint)
    if name.endswith(".json"):
        return Json()
    if name.endswith(TEXTS):
        return Csv()
    if "\0" in text or not text:
        raise ConfigError("the format of the file is not clear", where=where, hint=HINT)
    found, _ = Csv().settled([sample], where)
    if len(found.columns) < 2:
        raise ConfigError("the format of the file is not clear", where=where, hint=HINT)
    return Csv()


def _a_line_each(text: str) -> bool:
    """Whether the first line is a whole object."""
    try:
        return isinstance(json.loads(text.partition("\n")[0]), dict)
    except (ValueError, RecursionError):
        return False
