"""Packages that only make reading faster, or are only needed by some, may be absent."""

import subprocess
import sys
import textwrap

import pytest

READ = """
    import io, sys
    for name in {absent!r}:
        sys.modules[name] = None
    from headwater_runtime.storage.csv_format import Csv
    from headwater_runtime.storage.json_document import Json
    from headwater_runtime.storage.json_lines import Jsonl
    from headwater_runtime import ConfigError
    def rows(form, data):
        return [row for chunk in form.read(io.BytesIO(data), "f", 0, True) for row in chunk.records]
    quoted = b'id,name\\n1,"a, b"\\n2,"c\\nd"\\n' * 1
    assert rows(Csv(), quoted) == [{{"id": "1", "name": "a, b"}}, {{"id": "2", "name": "c\\nd"}}]
    assert rows(Csv(), "a,b\\nпривет мир,1\\n".encode("cp1251"))[0]["b"] == "1"
    lines = b'{{"a": 1}}\\nno\\n{{"a": 18446744073709551617}}\\n'
    assert rows(Jsonl(), lines) == [{{"a": 1}}, {{"a": 18446744073709551617}}]
    assert rows(Json(), b'[{{"a": 0.1}}]') == [{{"a": 0.1}}]
    from headwater_runtime.storage.avro import Avro
    from headwater_runtime.storage.excel import Excel
    for form, data, named in ((Avro(), {avro!r}, "fastavro"), (Excel(), b"PK", "python-calamine")):
        try:
            rows(form, data)
        except ConfigError as error:
            assert named in error.hint, error.hint
        else:
            raise SystemExit("nobody said what is missing")
"""
HEADER = b'Obj\x01\x02\x16avro.schemaP{"type":"record","name":"r","fields":[{"name":"a","type":"long"}]}\x00'


@pytest.mark.parametrize("absent", [("numpy", "orjson", "charset_normalizer", "fastavro", "python_calamine")])
def test_reading_does_without(absent):
    schema = HEADER[HEADER.index(b"{") : -1]
    length = bytes([(len(schema) * 2) & 127 | 128, (len(schema) * 2) >> 7])
    avro = b"Obj\x01\x02\x16avro.schema" + length + schema + b"\x00" + bytes(16)
    code = textwrap.dedent(READ).format(absent=absent, avro=avro)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
