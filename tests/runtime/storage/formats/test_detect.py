"""The format of files that nobody declared: found where it is clear, else refused."""

import io

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater_runtime import ConfigError
from headwater_runtime.storage.detect import detected
from headwater_runtime.storage.format import SAMPLE, Sample


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), file)
    return file.getvalue()


def avro() -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, {"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}]}, [{"a": 1}])
    return file.getvalue()


def excel() -> bytes:
    file = io.BytesIO()
    openpyxl.Workbook().save(file)
    return file.getvalue()


CLEAR = {
    "Parquet": [("x", parquet())],
    "Avro": [("x.bin", avro())],
    "Excel": [("a.xlsx", excel()), ("export", excel()), ("old.XLS", b"\xd0\xcf\x11\xe0" + bytes(99))],
    "CSV": [
        ("a.csv", b"x\n1\n"),
        ("a.TSV", b"x\ty\n"),
        ("export", b"a;b\n1;2\n"),
        ("data", b"1,2\n3,4\n"),
        ("a.csv", b""),
    ],
    "JSON lines": [
        ("a.jsonl", b""),
        ("a", b'{"a": 1}\n{"a": 2}\n'),
        ("a.json", b'{"a": 1}\n{"a": 2}\n'),
        ("a", '{"a": "é"}\n'.encode("utf-16")),
    ],
    "JSON": [
        ("a.json", b""),
        ("a", b'[{"a": 1}]'),
        ("a", b'\xef\xbb\xbf [\n {"a": 1}]'),
        ("a", b'{\n "a": 1\n}'),
        ("a", b"[]"),
    ],
}


@pytest.mark.parametrize(("name", "sample"), [(name, sample) for name, samples in CLEAR.items() for sample in samples])
def test_what_is_clear_is_found(name, sample):
    assert detected(Sample(sample[0], sample[1][:SAMPLE]), "files").name == name


UNCLEAR = {
    "words": (Sample("readme", b"hello there\n"), "the format of the file is not clear"),
    "nothing": (Sample("x", b""), "the format of the file is not clear"),
    "a page": (Sample("a.csv", b"<!DOCTYPE html><html>"), "begins like XML or HTML"),
    "bytes": (Sample("x", bytes(range(256))), "the format of the file is not clear"),
    "ORC": (Sample("a.orc", b"ORC\x00"), "the file is ORC, which is not read"),
}


@pytest.mark.parametrize("kind", UNCLEAR)
def test_what_is_not_clear_is_refused(kind):
    sample, reason = UNCLEAR[kind]
    with pytest.raises(ConfigError, match=reason):
        detected(sample, "files")
