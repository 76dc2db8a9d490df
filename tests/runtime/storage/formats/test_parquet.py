"""Parquet: what pyarrow wrote is read, in types a batch may hold; a row group fails alone."""

import io
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_runtime import ContractError, TransientError
from headwater_runtime.storage.arrow_types import FINER, normal, plain_type
from headwater_runtime.storage.parquet import Parquet

from .reading import Drops, bad, checked, chunks, numbered, rows

MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))
UTC = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone.utc))
COLUMNS = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
    pa.decimal128(20, 3): st.decimals(-(10**16), 10**16, places=3),
    pa.decimal256(60, 2): st.decimals(-(10**20), 10**20, places=2),
    pa.string(): st.text(max_size=6),
    pa.large_string(): st.text(max_size=6),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["a", "é", ""]),
    pa.binary(): st.binary(max_size=6),
    pa.binary(4): st.binary(min_size=4, max_size=4),
    pa.date32(): st.dates(),
    pa.time32("ms"): st.times().map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
    pa.time64("us"): st.times(),
    pa.timestamp("s"): MOMENTS.map(lambda at: at.replace(microsecond=0)),
    pa.timestamp("ns"): MOMENTS,
    pa.timestamp("us", "Europe/Paris"): UTC,
    pa.list_(pa.int32()): st.lists(st.integers(-9, 9), max_size=3),
    pa.large_list(pa.timestamp("ms", "UTC")): st.lists(st.none(), max_size=2),
    pa.struct([("x", pa.int8()), ("y", pa.string())]): st.fixed_dictionaries(
        {"x": st.integers(0, 9), "y": st.text(max_size=3)}
    ),
    pa.map_(pa.string(), pa.int32()): st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=2).map(
        lambda one: list(one.items())
    ),
    pa.null(): st.none(),
}


@st.composite
def tables(draw, least: int = 0):
    height = draw(st.integers(least, 9))
    kinds = draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=1, max_size=3))
    arrays = [
        pa.array(draw(st.lists(st.none() | COLUMNS[kind], min_size=height, max_size=height)), kind) for kind in kinds
    ]
    return pa.table(arrays, names=[f"c{number}" for number in range(len(kinds))])


def written(table, **options) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def moved(value):
    """Return a value as it reads in UTC."""
    return value.astimezone(timezone.utc) if isinstance(value, datetime) and value.tzinfo else value


def told(found) -> str:
    return repr([{name: moved(value) for name, value in row.items()} for row in found]).replace(
        "zoneinfo.ZoneInfo(key='UTC')", "datetime.timezone.utc"
    )


@settings(max_examples=150)
@given(
    tables(), st.integers(1, 4), st.sampled_from(["none", "snappy", "zstd", "gzip"]), st.booleans(), st.integers(0, 10)
)
def test_what_was_written_is_read(table, group, compression, dictionary, after):
    data = written(table, row_group_size=group, compression=compression, use_dictionary=dictionary)
    expected = table.to_pylist()
    found = chunks(Parquet(), data)
    assert told(row for chunk in found for row in chunk.records) == told(expected)
    assert told(rows(Parquet(), data, after)) == told(expected[after:])
    for chunk in found:
        for kind in chunk.records.table.schema.types:
            assert plain_type(kind).equals(kind)


def start_of(column) -> int:
    return column.dictionary_page_offset or column.data_page_offset


@settings(max_examples=80)
@given(tables(4), st.data())
def test_a_byte_that_changed_never_takes_an_earlier_row_group_along(table, data):
    whole = written(table, row_group_size=2, compression="snappy", write_page_checksum=True)
    about = pq.ParquetFile(io.BytesIO(whole)).metadata
    groups = [
        [about.row_group(group).column(index) for index in range(about.num_columns)]
        for group in range(about.num_row_groups)
    ]
    starts = [min(map(start_of, group)) for group in groups]
    end = max(start_of(column) + column.total_compressed_size for column in groups[-1])
    at = data.draw(st.integers(4, end - 1))
    broken = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    hit = max((group for group, start in enumerate(starts) if start <= at), default=0)
    found = numbered(chunks(Parquet(), broken, skip=True))
    assert told(found.get(number) or {} for number in range(1, 2 * hit + 1)) == told(table.to_pylist()[: 2 * hit])


@settings(max_examples=100)
@given(st.data())
def test_a_broken_footer_ends_in_rows_or_a_named_failure(data):
    table = pa.table({"a": pa.array(range(6)), "b": ["x", None, "y", "z", "", "é"]})
    whole = written(table, row_group_size=2, compression="none")
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    at = len(whole) - data.draw(st.integers(1, footer))
    broken = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    found = chunks(Parquet(), broken, skip=True)
    assert sum(len(chunk.records) for chunk in found) == 6 or any(chunk.bad for chunk in found)


@pytest.mark.parametrize("cut", [0, 1, 4, 8, 100, -1, -8, -200])
def test_a_cut_file_is_none(cut):
    whole = written(pa.table({"a": range(100)}))
    assert [place for place, _ in bad(Parquet(), whole[:cut])] == ["the file"]
    with pytest.raises(ContractError, match="no whole Parquet"):
        rows(Parquet(), whole[:cut])


def test_a_footer_of_a_huge_declared_size_is_refused():
    assert bad(Parquet(), b"PAR1" + b"x" * 100 + b"\xff\xff\xff\x7fPAR1") == [
        ("the file", "it is no whole Parquet: its footer is larger than any that is read")
    ]


def test_a_row_group_fails_alone():
    whole = bytearray(written(pa.table({"a": range(30_000)}), row_group_size=10_000, compression="snappy"))
    second = pq.ParquetFile(io.BytesIO(whole)).metadata.row_group(1).column(0)
    start = second.dictionary_page_offset or second.data_page_offset
    whole[start : start + second.total_compressed_size] = b"\xff" * second.total_compressed_size
    found = chunks(Parquet(), bytes(whole), skip=True)
    assert [row["a"] for row in numbered(found).values()] == [*range(10_000), *range(20_000, 30_000)]
    assert list(numbered(found))[10_000] == 20_001
    assert [one.place for chunk in found for one in chunk.bad] == ["row group 2, its last 10000 rows"]


def test_moments_are_kept_to_the_microsecond_before():
    table = pa.table({"at": pa.array([1, 1_001, -1, None], pa.timestamp("ns"))})
    found = chunks(Parquet(), written(table))
    epoch = datetime(1970, 1, 1)
    assert found[0].records.column("at") == [
        epoch,
        epoch + timedelta(microseconds=1),
        epoch - timedelta(microseconds=1),
        None,
    ]
    assert found[0].notes == (FINER,)
    assert chunks(Parquet(), written(pa.table({"at": pa.array([1_000], pa.timestamp("ns"))})))[0].notes == ()


def test_old_moments_are_read():
    file = io.BytesIO()
    table = pa.table({"at": pa.array([datetime(2020, 1, 1, 1, 2, 3, 4), None])})
    pq.write_table(table, file, use_deprecated_int96_timestamps=True)
    assert rows(Parquet(), file.getvalue()) == table.to_pylist()


def test_a_row_with_a_moment_beyond_the_year_9999_is_left_out():
    days = pa.array([0, 3_000_000, None], pa.int32()).view(pa.date32())
    moments = pa.array([2**61, 0, None], pa.int64()).view(pa.timestamp("us", "UTC"))
    data = written(pa.table({"id": [1, 2, 3], "day": days, "at": moments}))
    assert rows(Parquet(), data, skip=True) == [{"id": 3, "day": None, "at": None}]
    assert [place for place, _ in bad(Parquet(), data)] == ["row 1", "row 2"]


def test_a_text_that_is_no_utf8_is_left_out():
    texts = pa.array([b"a", b"\xff", None], pa.binary()).view(pa.string())
    data = written(pa.table({"id": [1, 2, 3], "a": texts}), use_dictionary=False)
    assert [row["id"] for row in rows(Parquet(), data, skip=True)] == [1, 3]


def test_identifiers_are_texts():
    one = uuid.uuid4()
    table = pa.table({"id": pa.array([one.bytes, None], pa.uuid())})
    assert rows(Parquet(), written(table)) == [{"id": str(one)}, {"id": None}]


def test_names_twice_or_empty_become_others():
    table = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", ""])
    assert rows(Parquet(), written(table)) == [{"a": 1, "a_2": 2, "column_3": 3}]


def test_only_the_wanted_columns_are_read():
    data = written(pa.table({"a": [1], "b": [2], "c": [3]}))
    assert rows(Parquet(columns=("c", "a", "gone")), data) == [{"a": 1, "c": 3}]


def test_a_file_with_none_of_the_wanted_columns_has_its_rows():
    data = written(pa.table({"a": range(100_000)}), row_group_size=30_000)
    assert rows(Parquet(columns=("gone",)), data) == [{}] * 100_000


def test_a_schema_of_its_own_in_every_file_is_fine():
    assert rows(Parquet(), written(pa.table({"a": [1]}))) == [{"a": 1}]
    assert rows(Parquet(), written(pa.table({"b": ["x"], "a": [1.5]}))) == [{"b": "x", "a": 1.5}]


def test_what_the_file_raises_passes():
    class Resets(io.BytesIO):
        def read(self, size: int = -1) -> bytes:
            if self.tell() < 200_000:
                raise TransientError("reset")
            return super().read(size)

    data = written(pa.table({"a": range(100_000)}), compression="none", use_dictionary=False)
    with pytest.raises(TransientError, match="reset"):
        list(Parquet().read(Resets(data), "f", 0, True))


def test_large_rows_come_in_small_chunks():
    data = written(pa.table({"a": [str(number) * 20_000 for number in range(2_000)]}), use_dictionary=False)
    found = chunks(Parquet(), data)
    assert max(chunk.records.nbytes for chunk in found) < 40_000_000
    assert sum(len(chunk.records) for chunk in found) == 2_000


ODD_TYPES = {
    "half": (pa.array([1.5, None], pa.float32()).cast(pa.float16()), [1.5, None]),
    "duration": (
        pa.array([timedelta(days=1, microseconds=5), None, timedelta(0), -timedelta(seconds=1)]),
        ["PT86400.000005S", None, "PT0S", "-PT1S"],
    ),
    "time of a nanosecond": (pa.array([1_001], pa.int64()).view(pa.time64("ns")), [time(0, 0, 0, 1)]),
    "time of a day too long": (pa.array([86_400_000_000, 1], pa.int64()).view(pa.time64("us")), [time(0, 0, 0, 1)]),
    "milliseconds of a day": (pa.array([86_400_001], pa.int64()).view(pa.date64()), [date(1970, 1, 2)]),
    "list of a fixed size": (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), [[1, 2], None]),
    "list view": (pa.array([[1, 2], None, []], pa.list_view(pa.int8())), [[1, 2], None, []]),
    "text view": (pa.array(["a", None], pa.string_view()), ["a", None]),
    "dictionary of numbers": (pa.array([5, 5, None]).dictionary_encode(), [5, 5, None]),
    "run ends": (pa.RunEndEncodedArray.from_arrays([2, 3], ["a", "b"]), ["a", "a", "b"]),
    "small decimal": (pa.array([Decimal("1.20")], pa.decimal32(5, 2)), [Decimal("1.20")]),
    "list of moments": (pa.array([[datetime(2020, 1, 1)]], pa.list_(pa.timestamp("ns"))), [[datetime(2020, 1, 1)]]),
    "list of moments of no year": (
        pa.array([[2**62], [0]], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("us"))),
        [[datetime(1970, 1, 1)]],
    ),
    "bool of eight bits": (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())), [1, 0]),
}


@pytest.mark.parametrize("kind", ODD_TYPES)
def test_every_type_becomes_one_that_a_batch_may_hold(kind):
    array, expected = ODD_TYPES[kind]
    made = normal(pa.table({"a": array}))
    assert made.table.column("a").to_pylist() == expected
    assert plain_type(made.table.schema.types[0]).equals(made.table.schema.types[0])


def test_reading_does_not_ask_for_a_file_that_can_only_be_read_forward():
    assert Parquet().random
    assert checked(Parquet().read(io.BytesIO(written(pa.table({"a": [1]}))), "f"))[0].records.column("a") == [1]
    assert Drops(b"x").read(1) == b"x"


def test_a_row_group_that_holds_one_row_less_than_it_says_is_told():
    file = io.BytesIO()
    pq.write_table(pa.table({"n": range(50)}), file, use_dictionary=False, write_statistics=False, store_schema=False)
    data = file.getvalue()
    count = data.rindex(b"\x16\x64") + 1  # of the rows, twice over, where the footer lists the row group
    data = data[:count] + b"\x66" + data[count + 1 :]
    assert bad(Parquet(), data) == [("row group 1, its last 1 rows", "it holds fewer rows than it says")]
    assert [row["n"] for row in rows(Parquet(), data, skip=True)] == list(range(50))
