"""What is made of a batch by column is what was made of it row by row: its rows, the SDK's rows, their errors, its ends."""

from __future__ import annotations

import json
import tracemalloc
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.engine import differences
from headwater_runtime import ContractError, Table
from headwater_runtime.batch import FEW, JSON, SENT, Batch
from headwater_runtime.emit import SdkEmit
from headwater_runtime.moments import Stamp
from headwater_runtime.pages import Page
from headwater_runtime.values import sdk_row
from tests.engine import test_batches
from tests.engine.harness import Sync, ok, reference
from tests.engine.test_drawn import TYPES

PATIENT = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JSON_TEXTS = test_batches.JSON_VALUES.map(json.dumps)
KINDS = {
    **test_batches.KINDS,
    "tiny decimals": (pa.decimal128(38, 30), test_batches.decimals(38, 30) | test_batches.decimals(38, 30, 3)),
    "round decimals": (pa.decimal128(5, -3), st.integers(-99999, 99999).map(lambda number: Decimal(f"{number}e3"))),
    "structs": (
        pa.list_(pa.struct({"a": pa.decimal128(9, 2), "b": pa.timestamp("us", "UTC"), "c": pa.list_(pa.float32())})),
        st.lists(
            st.fixed_dictionaries(
                {
                    "a": test_batches.decimals(9, 2),
                    "b": test_batches.NAIVE.map(lambda moment: moment.replace(tzinfo=timezone.utc)),
                    "c": st.none() | st.lists(st.floats(width=32), max_size=2),
                }
            ),
            max_size=2,
        ),
    ),
    "seconds": (pa.timestamp("s"), test_batches.SHORT),
    "moments of a zone": (
        pa.timestamp("us", "Europe/Helsinki"),
        test_batches.SHORT.map(lambda moment: moment.replace(tzinfo=timezone.utc)),
    ),
}
DECLARED = st.none() | st.sampled_from(TYPES) | test_batches.DECIMAL


@st.composite
def columns(draw, kinds=KINDS):
    """A table, often in pieces or a slice of another, long enough to be worth making by column or not."""
    length, names, fields, arrays = draw(st.integers(1, 5)), ["id", "a", ".b"], [], []
    for name in names[: draw(st.integers(1, 3))]:
        kind, values = kinds[draw(st.sampled_from(sorted(kinds)))]
        marked = kind == pa.string() and draw(st.booleans())
        values = JSON_TEXTS if marked else values
        some = draw(st.lists(st.one_of(st.none(), values, values, values), min_size=length, max_size=length))
        arrays.append(pa.array(some, kind))
        fields.append(pa.field(name, kind, metadata=JSON if marked else None))
    piece = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    table = pa.concat_tables([piece] * draw(st.sampled_from([1, 1 + FEW // length, 1 + FEW])))
    start = draw(st.integers(0, 2))
    form = draw(st.sampled_from(["table", "one piece", "record batch"]))
    if form == "record batch":
        return table.combine_chunks().to_batches()[0].slice(start)
    return (table.combine_chunks() if form == "one piece" else table).slice(start)


def as_arrow_makes_them(table):
    marked = [field.name for field in table.schema if field.metadata]
    rows = table.to_pylist()
    for row in rows:
        row.update({name: None if row[name] is None else json.loads(row[name]) for name in marked})
    return rows


def shown(value):
    if isinstance(value, datetime) and value.tzinfo is not None:
        return "aware", value.astimezone(timezone.utc).replace(tzinfo=None)
    return type(value), repr(value)


def outcome(rows):
    """Return each row, every value with its type; last what was raised, its words, and what it came of."""
    found = []
    try:
        found.extend([(name, shown(value)) for name, value in row.items()] for row in rows)
    except Exception as error:  # noqa: BLE001  (which error it is belongs to what is compared)
        found.append((type(error), str(error), type(error.__cause__)))
    return found


@PATIENT
@given(columns())
def test_the_rows_of_a_batch_are_those_that_arrow_makes(table):
    expected = outcome(as_arrow_makes_them(table))
    assert outcome(Batch(table)) == expected
    assert outcome(Batch(table)[index] for index in range(table.num_rows)) == expected
    for name in table.schema.names:
        assert [shown(v) for v in Batch(table).column(name)] == [shown(row[name]) for row in as_arrow_makes_them(table)]


@PATIENT
@given(columns(), st.dictionaries(st.sampled_from(["id", "a", ".b", "absent"]), DECLARED.filter(bool)))
def test_what_the_sdk_is_sent_of_a_batch_is_what_it_is_sent_of_its_rows(table, declared):
    expected = outcome(sdk_row(row, declared, "table t") for row in as_arrow_makes_them(table))
    assert outcome(Batch(table).sent(declared, "table t")) == expected


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_each_kind_is_sent_as_each_type_like_its_rows(kind, data):
    some = data.draw(st.lists(st.none() | KINDS[kind][1], min_size=1, max_size=4))
    table = pa.table({"a": pa.array(some * (FEW + 1), KINDS[kind][0])})
    for declared in (None, *TYPES, {"type": "DECIMAL", "precision": 38, "scale": 9}):
        columns = {} if declared is None else {"a": declared}
        expected = outcome(sdk_row(row, columns, "table t") for row in as_arrow_makes_them(table))
        assert outcome(Batch(table).sent(columns, "table t")) == expected


EXTREMES = {
    "int64": [-(2**63), -(2**63) + 1, 2**63 - 1, 0, None],
    "uint64": [2**64 - 1, 2**63, 2**63 - 1, 0, None],
    "int32": [-(2**31), 2**31 - 1, None],
    "uint32": [2**32 - 1, 2**31, None],
    "float64": [0.0, -0.0, 5e-324, -2.2e-308, 1e16, -1e16, 9.9e-5, 1e-4, float("nan"), float("-inf"), 1.5, -7.25, None],
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("declared", [None, "SHORT", "INT", "LONG", "DOUBLE", "FLOAT", "STRING"], ids=str)
def test_the_ends_of_a_type_are_sent_as_ever(name, declared):
    columns = {} if declared is None else {"a": declared}
    for value in EXTREMES[name]:
        table = pa.table({"a": pa.array([0, value] * FEW, getattr(pa, name)())})
        expected = outcome(sdk_row(row, columns, "t") for row in table.to_pylist())
        assert outcome(Batch(table).sent(columns, "t")) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.decimal128(15, 0), Decimal(999999999999999)),
        (pa.decimal128(16, 0), Decimal(9007199254740993)),
        (pa.decimal128(16, 2), Decimal("-90071992547409.93")),
        (pa.decimal128(17, 2), Decimal("900719925474099.35")),
        (pa.decimal256(19, 0), Decimal(1234567890123456789)),
    ],
    ids=str,
)
def test_a_decimal_that_no_float_holds_is_sent_with_every_digit(kind, value):
    table = pa.table({"a": pa.array([value] * (FEW + 1), kind)})
    assert outcome(Batch(table).sent({}, "t")) == outcome([sdk_row({"a": value}, {}, "t")] * (FEW + 1))


def test_what_is_refused_is_told_behind_the_rows_before_it_of_a_long_batch():
    count = 2 * SENT + 1_500
    table = pa.table({"id": range(count), "n": ["7"] * (count - 1) + ["seven"]})
    sent = []
    with pytest.raises(ContractError, match="column 'n' is declared INT but holds str that does not fit it") as caught:
        sent.extend(Batch(table).sent({"n": "INT"}, "table t"))
    assert "table t" in str(caught.value)
    assert sent == [{"id": number, "n": 7} for number in range(count - 1)]


NO_DAYS = [-719_163, 2_932_897, -719_894, 2**31 - 1]  # the last of the year 0, the first of 10000, and farther


@pytest.mark.parametrize("days", NO_DAYS)
@pytest.mark.parametrize("declared", [{}, {"a": "STRING"}, {"a": "NAIVE_DATE"}, {"a": "UTC_DATETIME"}], ids=str)
def test_a_moment_that_python_has_none_for_is_never_sent(days, declared):
    moments = pa.array([0] * SENT + [min(days, 2**62 // 86_400_000_000) * 86_400_000_000], pa.int64())
    for array in (
        pa.array([0] * SENT + [days], pa.int32()).cast(pa.date32()),
        moments.cast(pa.timestamp("us")),
        moments.cast(pa.timestamp("us", "UTC")),
    ):
        for table in (pa.table({"a": array}), pa.RecordBatch.from_arrays([array], ["a"])):
            sent = []
            with pytest.raises((ValueError, OverflowError)):
                sent.extend(Batch(table).sent(declared, "t"))
            assert len(sent) == SENT


def test_rows_without_columns_and_columns_of_one_name_are_what_arrow_makes_of_them():
    bare = pa.table({"a": range(FEW + 1)}).select([])
    twins = pa.table([[1, 2] * FEW, ["x", None] * FEW], ["a", "a"])
    for table in (bare, twins, bare.slice(0, 0), twins.slice(0, 2)):
        assert list(Batch(table)) == table.to_pylist()
        assert list(Batch(table).sent({}, "t")) == table.to_pylist()


def test_only_some_rows_exist_at_a_time():
    count = 25 * SENT
    batch = Batch(pa.table({"id": range(count), "text": [f"text {number}" for number in range(count)]}))
    tracemalloc.start()
    try:
        assert sum(1 for _ in batch.sent({}, "t")) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < SENT * 1_000  # all of them take more than five times that


MANY = pa.concat_tables([test_batches.ORDERS] * (FEW // 4 + 1))
MANY = MANY.set_column(0, "id", pa.array(range(len(MANY)), pa.int32()))


@pytest.mark.parametrize("declared", [{}, test_batches.DECLARED], ids=["inferred", "declared"])
def test_in_the_sdk_s_own_runner_a_batch_lands_as_its_rows(declared, tmp_path):
    stored, landed = Table("t", "id", declared), []
    for number, rows in enumerate((MANY.to_pylist(), Batch(MANY))):
        operations = [lambda rows=rows: SdkEmit().upsert(stored, rows), ok()]
        landed += reference([Sync([stored.declaration()], operations)], tmp_path / str(number))
    by_row, by_column = landed
    assert (by_row.error, by_column.error) == (None, None)
    assert by_column.counts == by_row.counts == {**by_row.counts, "upserts": len(MANY)}
    assert differences(by_row.tables, by_column.tables) == []


# -- The ends of a column -----------------------------------------------------------------------------------------------

SORTED = {name: KINDS[name] for name in ("int8", "uint16", "int64", "uint64", "day", "moment", "utc")}


@PATIENT
@given(columns())
def test_the_ends_of_a_column_are_its_lowest_and_highest_value_or_not_told(table):
    for name in table.schema.names:
        ends = Batch(table).ends(name)
        if ends is not None:
            values = [row[name] for row in table.to_pylist() if row[name] is not None]
            assert [shown(end) for end in ends] == [shown(min(values)), shown(max(values))]
    assert Batch(table).ends("absent") is None


@PATIENT
@given(columns(SORTED))
def test_the_ends_are_told_of_numbers_moments_and_days(table):
    for name in table.schema.names:
        there = isinstance(table, pa.Table) and table.column(name).null_count < table.num_rows
        assert (Batch(table).ends(name) is not None) == there


def test_the_ends_of_what_may_sort_otherwise_are_not_told():
    nan, east = (
        float("nan"),
        pa.array([datetime(2024, 10, 27), datetime(2024, 10, 28)], pa.timestamp("us", "Asia/Tokyo")),
    )
    table = pa.table({"real": [nan, 1.0], "text": ["a", "b"], "east": east, "flag": [True, False]})
    assert [Batch(table).ends(name) for name in table.schema.names] == [None] * 4


@PATIENT
@given(columns(), st.sampled_from(["", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"]), st.sampled_from(["UTC", "Europe/Helsinki"]))
def test_the_highest_stamp_of_a_batch_is_that_of_its_rows(table, form, zone):
    def highest(records):
        try:
            return Stamp("id", form, zone).highest(Page(records, None, "table t"))
        except Exception as error:  # noqa: BLE001  (which error it is belongs to what is compared)
            return type(error), str(error)

    assert highest(Batch(table)) == highest(as_arrow_makes_them(table))


def test_the_highest_stamp_of_days_and_of_an_empty_batch():
    days = pa.table({"born": pa.array([date(2024, 1, 1), None, date(2025, 1, 1)])})
    assert Stamp("born").highest(Page(Batch(days), None, "t")) == datetime(2025, 1, 1, tzinfo=timezone.utc)
    assert Stamp("born").highest(Page(Batch(days.slice(1, 1)), None, "t")) is None
    assert Stamp("born").highest(Page(Batch(days.slice(0, 0)), None, "t")) is None
