"""Avro: what fastavro wrote is read; a broken block costs that block; nothing is unpacked or nested without bounds."""

import io
import json
import uuid
import zlib
from datetime import date, datetime, timezone
from decimal import Decimal

import fastavro
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_runtime import ContractError, TransientError
from headwater_runtime.storage.avro import Avro
from headwater_runtime.storage.avro_codecs import EXPANDED, expanded

from .reading import Drops, bad, chunks, numbered, rows

FIELDS = {
    "boolean": ("boolean", st.booleans()),
    "int": ("int", st.integers(-(2**31), 2**31 - 1)),
    "long": ("long", st.integers(-(2**63), 2**63 - 1)),
    "float": ("float", st.floats(width=32, allow_nan=False)),
    "double": ("double", st.floats(allow_nan=False)),
    "bytes": ("bytes", st.binary(max_size=4)),
    "string": ("string", st.text(max_size=4)),
    "null": ("null", st.none()),
    "maybe": (["null", "string"], st.none() | st.text(max_size=4)),
    "number or text": (["long", "string"], st.integers(-9, 9) | st.text(max_size=3)),
    "enum": ({"type": "enum", "name": "e", "symbols": ["A", "B"]}, st.sampled_from("AB")),
    "fixed": ({"type": "fixed", "name": "f", "size": 3}, st.binary(min_size=3, max_size=3)),
    "array": ({"type": "array", "items": ["null", "long"]}, st.lists(st.none() | st.integers(0, 9), max_size=3)),
    "map": ({"type": "map", "values": "string"}, st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2)),
    "record": (
        {"type": "record", "name": "inner", "fields": [{"name": "x", "type": "long"}]},
        st.fixed_dictionaries({"x": st.integers(0, 9)}),
    ),
    "date": ({"type": "int", "logicalType": "date"}, st.dates()),
    "moment": (
        {"type": "long", "logicalType": "timestamp-micros"},
        st.datetimes(datetime(1900, 1, 1), timezones=st.just(timezone.utc)).map(lambda at: at.replace(fold=0)),
    ),
    "local moment": (
        {"type": "long", "logicalType": "local-timestamp-micros"},
        st.datetimes(datetime(1900, 1, 1)).map(lambda at: at.replace(fold=0)),
    ),
    "time": ({"type": "long", "logicalType": "time-micros"}, st.times().map(lambda at: at.replace(fold=0))),
    "decimal": (
        {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2},
        st.decimals(-(10**7), 10**7, places=2),
    ),
    "uuid": ({"type": "string", "logicalType": "uuid"}, st.uuids()),
}


def schema_of(*kinds: str) -> dict:
    fields = [{"name": f"c{number}", "type": FIELDS[kind][0]} for number, kind in enumerate(kinds)]
    return {"type": "record", "name": "row", "namespace": "n", "fields": fields}


def written(schema, table, codec: str = "null", interval: int = 100) -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, schema, table, codec=codec, sync_interval=interval)
    return file.getvalue()


@st.composite
def tables(draw):
    kinds = draw(st.lists(st.sampled_from(list(FIELDS)), min_size=1, max_size=4, unique=True))
    row = st.fixed_dictionaries({f"c{number}": FIELDS[kind][1] for number, kind in enumerate(kinds)})
    kinds = [*kinds, "boolean"]  # records that take no bytes are refused
    row = row.flatmap(lambda one: st.booleans().map(lambda flag: {**one, f"c{len(kinds) - 1}": flag}))
    return schema_of(*kinds), draw(st.lists(row, max_size=12))


def told(found) -> str:
    text = repr(
        [
            {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in sorted(row.items())}
            for row in found
        ]
    )
    return text.replace("zoneinfo.ZoneInfo(key='UTC')", "datetime.timezone.utc")


@settings(max_examples=150)
@given(tables(), st.sampled_from(["null", "deflate", "bzip2", "xz"]), st.integers(1, 200), st.integers(0, 13))
def test_what_was_written_is_read(drawn, codec, interval, after):
    schema, table = drawn
    data = written(schema, table, codec, interval)
    assert told(rows(Avro(), data)) == told(table)
    assert told(rows(Avro(), data, after)) == told(table[after:])


def blocks(data: bytes) -> list[tuple[int, int]]:
    """Return where each block of a file starts, and its number of records."""
    return [(block.offset, block.num_records) for block in fastavro.block_reader(io.BytesIO(data))]


@settings(max_examples=100)
@given(st.data(), st.sampled_from(["null", "deflate"]))
def test_a_byte_that_changed_never_takes_an_earlier_block_along(data, codec):
    table = [{"c0": number, "c1": "x" * (number % 7)} for number in range(60)]
    whole = written(schema_of("long", "string"), table, codec, 60)
    placed = blocks(whole)
    at = data.draw(st.integers(placed[0][0], len(whole) - 1))
    broken = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    hit = max(number for number, (start, _) in enumerate(placed) if start <= at)
    before = sum(count for _, count in placed[:hit])
    behind = sum(count for _, count in placed[hit + 2 :])
    found = list(numbered(chunks(Avro(), broken, skip=True)).values())
    assert found[:before] == table[:before]
    assert found[len(found) - behind :] == table[len(table) - behind :]


@settings(max_examples=100)
@given(st.data())
def test_a_broken_header_ends_in_rows_or_a_named_failure(data):
    table = [{"c0": number, "c1": None} for number in range(9)]
    whole = written(schema_of("long", "maybe"), table)
    at = data.draw(st.integers(0, blocks(whole)[0][0] - 1))
    broken = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    found = chunks(Avro(), broken, skip=True)
    assert sum(len(chunk.records) for chunk in found) == 9 or any(chunk.bad for chunk in found)


def number(value: int) -> bytes:
    """Write a number as Avro does."""
    value = (value << 1) ^ (value >> 63)
    found = b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


def container(schema, codec: str, *packed: tuple[int, bytes]) -> bytes:
    about = {"avro.schema": json.dumps(schema).encode(), "avro.codec": codec.encode()}
    head = b"".join(number(len(text)) + text for pair in about.items() for text in (pair[0].encode(), pair[1]))
    sync = b"0123456789abcdef"
    body = b"".join(number(count) + number(len(data)) + data + sync for count, data in packed)
    return b"Obj\x01" + number(2) + head + number(0) + sync + body


def deflated(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


PACKED = {
    "deflate": deflated,
    "zstandard": lambda data: zstandard.ZstdCompressor().compress(data),
    "snappy": lambda data: pa.compress(data, "snappy", asbytes=True) + zlib.crc32(data).to_bytes(4, "big"),
}


@pytest.mark.parametrize("codec", PACKED)
def test_other_ways_to_pack(codec):
    data = b"".join(number(one) for one in range(1_000))
    assert [
        row["c0"] for row in rows(Avro(), container(schema_of("long"), codec, (1_000, PACKED[codec](data))))
    ] == list(range(1_000))


@pytest.mark.parametrize("codec", PACKED)
def test_a_block_that_unpacks_beyond_all_bounds_is_left_out(codec):
    bomb, good = PACKED[codec](bytes(EXPANDED + 10)), PACKED[codec](number(7))
    assert len(bomb) < EXPANDED / 10
    data = container(schema_of("long"), codec, (5, bomb), (1, good))
    assert bad(Avro(), data) == [("block 1", f"it unpacks to more than {EXPANDED // 1_000_000} MB")]
    assert {number: row["c0"] for number, row in numbered(chunks(Avro(), data, skip=True)).items()} == {6: 7}


ATTACKS = {
    "lists of what takes no bytes": schema_of("long")
    | {"fields": [{"name": "a", "type": {"type": "array", "items": "null"}}]},
    "records that take no bytes": schema_of("null"),
    "values that are no records": "long",
}


@pytest.mark.parametrize("kind", ATTACKS)
def test_schemas_with_which_a_file_can_hold_any_number_are_refused(kind):
    data = container(ATTACKS[kind], "null", (1, number(-(2**40))))
    assert [place for place, _ in bad(Avro(), data)] == ["the file"]
    with pytest.raises(ContractError, match="it is no Avro"):
        rows(Avro(), data)


def test_more_records_than_bytes_are_refused():
    assert bad(Avro(), container(schema_of("long"), "null", (60_000_000, b"\x02"))) == [
        ("block 1", "it says it has more records than it has bytes")
    ]


def test_data_nested_beyond_all_bounds_is_refused():
    schema = {"type": "record", "name": "n", "fields": [{"name": "next", "type": ["null", "n"]}]}
    data = container(schema, "null", (1, b"\x02" * 1_000_000 + b"\x00"), (1, b"\x02\x00"))
    assert bad(Avro(), data) == [("block 1", "it cannot be decoded (RecursionError)")]
    assert rows(Avro(), data, skip=True) == [{"next": {"next": None}}]


def test_a_block_that_holds_more_than_it_says_is_told_of():
    data = container(schema_of("long"), "null", (1, number(1) + number(2)))
    assert bad(Avro(), data) == [("block 1", "it holds more than it says")]


@pytest.mark.parametrize("cut", [0, 3, 10, 100])
def test_a_file_cut_in_its_header_is_none(cut):
    whole = written(schema_of("long"), [{"c0": 1}])
    assert [place for place, _ in bad(Avro(), whole[:cut])] == ["the file"]


def test_rows_before_a_cut_are_kept():
    table = [{"c0": number} for number in range(100)]
    whole = written(schema_of("long"), table, interval=20)
    found = chunks(Avro(), whole[:-30], skip=True)
    assert list(numbered(found).values()) == table[: len(numbered(found))]
    assert [one.reason for chunk in found for one in chunk.bad] == ["the file is cut"]


def test_what_the_file_raises_comes_behind_the_rows_before_it():
    table = [{"c0": number} for number in range(2_000_000)]
    whole = written(schema_of("long"), table, interval=16_000)
    found = []
    with pytest.raises(TransientError, match="reset"):
        found.extend(Avro().read(Drops(whole, error=TransientError("reset"), at=3_000_000), "f", 0, True))
    got = [row["c0"] for chunk in found for row in chunk.records]
    assert len(got) > 500_000
    assert got == list(range(len(got)))


def test_values_are_those_of_python():
    table = [{"c0": Decimal("1.50"), "c1": date(2020, 1, 1), "c2": uuid.UUID(int=5)}]
    found = rows(Avro(), written(schema_of("decimal", "date", "uuid"), table))
    assert found == [{"c0": Decimal("1.50"), "c1": date(2020, 1, 1), "c2": str(uuid.UUID(int=5))}]


def test_an_unknown_way_to_pack_is_told():
    with pytest.raises(ValueError, match="packed with 'rar', which is not read"):
        expanded(b"x", "rar")
