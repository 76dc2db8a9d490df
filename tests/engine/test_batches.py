"""Arrow batches land as their rows would: the same tables, types and counts, whatever they hold and whatever came before."""

from __future__ import annotations

import json
import math
import tempfile
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from fivetran_connector_sdk_cli import runtime, schema_processing
from hypothesis import given, settings

from headwater.engine import DuckDbDestination, Killed, ParquetDestination, PostgresDestination, content, differences
from headwater.engine.batch import BatchSink
from headwater.engine.intake import Intake
from headwater.engine.naming import Naming
from headwater.engine.operations import OperationsSink
from headwater.engine.shape import declared_shapes
from headwater.engine.statements import ROW_GROUP
from headwater.errors import HeadwaterError
from headwater_runtime import Table
from headwater_runtime.batch import JSON, Batch
from headwater_runtime.clock import FakeClock
from headwater_runtime.emit import SdkEmit
from headwater_runtime.errors import ContractError
from headwater_runtime.values import sdk_row

from .harness import Operation, Sync, ok, reference
from .readers import held
from .test_differential import TEXTS
from .test_drawn import DRAWN, PATIENT, TYPES

UTC = timezone.utc
MICROSECONDS, MOMENTS = pa.timestamp("us"), pa.timestamp("us", "UTC")
NAIVE = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999))
SHORT = st.datetimes(datetime(1600, 1, 1), datetime(2400, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
MILLI = SHORT.flatmap(lambda moment: st.integers(0, 999).map(lambda ms: moment + timedelta(milliseconds=ms)))
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
ODD = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 2.2e-308, 1e16, 1e-5, 0.1, 1.5, 1e39]
REALS = st.one_of(st.sampled_from(ODD), st.floats(), st.floats(-1e6, 1e6))
PLAIN = st.text(max_size=4) | st.sampled_from(TEXTS)


def whole(bits, *, signed=True):
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return st.one_of(
        st.integers(max(least, -9), min(most, 9)), st.integers(least, most), st.sampled_from([least, most])
    )


def decimals(precision, scale, digits=None):
    most = 10 ** min(precision, digits or precision) - 1
    return st.integers(-most, most).map(lambda number: Decimal(f"{number}e-{scale}"))


def spelled(moments, separator="T", ending=""):
    return moments.map(lambda moment: moment.isoformat(separator) + ending)


KINDS = {
    "bool": (pa.bool_(), st.booleans()),
    **{f"int{bits}": (getattr(pa, f"int{bits}")(), whole(bits)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (getattr(pa, f"uint{bits}")(), whole(bits, signed=False)) for bits in (8, 16, 32, 64)},
    "float32": (pa.float32(), st.floats(width=32)),
    "float64": (pa.float64(), REALS),
    "finite": (pa.float64(), st.floats(-1e9, 1e9)),
    "decimal": (pa.decimal128(7, 2), decimals(7, 2)),
    "decimal38": (pa.decimal128(38, 6), decimals(38, 6) | decimals(38, 6, 9)),
    "decimal0": (pa.decimal128(19, 0), decimals(19, 0) | decimals(19, 0, 3)),
    "decimal256": (pa.decimal256(50, 4), decimals(50, 4) | decimals(50, 4, 6)),
    "text": (pa.string(), PLAIN),
    "large_text": (pa.large_string(), PLAIN),
    "bytes": (pa.binary(), st.binary(max_size=4)),
    "large_bytes": (pa.large_binary(), st.binary(max_size=4)),
    "day": (pa.date32(), DAYS),
    "time": (pa.time64("us"), st.times() | st.just(time(10, 30))),
    "moment": (MICROSECONDS, NAIVE | SHORT | MILLI),
    "utc": (MOMENTS, (NAIVE | SHORT | MILLI).map(lambda moment: moment.replace(tzinfo=UTC))),
    "list": (pa.list_(pa.int64()), st.lists(st.integers(-3, 3), max_size=2)),
    "struct": (pa.struct({"a": pa.float64(), "b": pa.string()}), st.fixed_dictionaries({"a": REALS, "b": PLAIN})),
    "map": (pa.map_(pa.string(), pa.date32()), st.lists(st.tuples(st.text(max_size=2), DAYS), max_size=2)),
    "null": (pa.null(), st.none()),
    "words": (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b", "", "12", "2024-02-29"])),
    # What is written in a file of texts.
    "integers": (pa.string(), st.integers(-(2**40), 2**40).map(str) | st.sampled_from(["0", "-0", "-007", "", "12"])),
    "odd_integers": (pa.string(), st.sampled_from(["12", "007", "+5", str(2**63), str(-(2**63)), "0x1F", " 5", "5\0"])),
    "reals": (pa.string(), st.floats(-1e9, 1e9).map(str) | st.sampled_from(["1.50", "-0.0", ".5", "5.", "7", ""])),
    "odd_reals": (pa.string(), st.sampled_from(["1.5", "NaN", "Infinity", "1.5e300", "1.5e999", "1e5", "1.2.3", "07"])),
    "booleans": (pa.string(), st.sampled_from(["true", "false"]) | st.sampled_from(["true", "False", "t", "yes", ""])),
    "days": (pa.string(), DAYS.map(str) | st.sampled_from(["", "2024-02-30", "0000-01-01"])),
    "iso": (pa.string(), spelled(NAIVE | SHORT | MILLI)),
    "spaced": (pa.string(), spelled(SHORT, " ") | spelled(NAIVE, " ") | st.sampled_from(["", "2024-02-29 10:00"])),
    "zoned": (pa.string(), spelled(SHORT | NAIVE, "T", "Z")),
    "offset": (pa.string(), spelled(SHORT, "T", "+05:30") | spelled(SHORT, "T", "Z") | spelled(SHORT, " ", "Z")),
    "padded": (pa.string(), spelled(SHORT, "T", ".000000") | spelled(SHORT, "T", ".120")),
}  # fmt: skip
NAMES = ["a", "b", "userName", "user_name", "_fivetran_synced"]
KEYS = {
    "number": (pa.int64(), st.integers(0, 6)),
    "small": (pa.int16(), st.integers(0, 6)),
    "text": (pa.string(), st.sampled_from(["a", "b", "7", "c\0"])),
    "day": (pa.date32(), st.dates(date(2024, 1, 1), date(2024, 1, 5))),
    "digits": (pa.string(), st.integers(0, 6).map(str)),
}
BETWEEN = st.sampled_from([[], [("checkpoint", None)]])
DECIMAL = st.builds(lambda p, s: {"type": "DECIMAL", "precision": p, "scale": s}, st.integers(1, 38), st.integers(0, 9))


@st.composite
def tables(draw, kinds, keys):
    """An Arrow table whose columns are of `kinds`, most of them in more than one piece."""
    length = draw(st.integers(0, 6))
    columns = {}
    for name, (kind, values) in {**keys, **kinds}.items():
        some = values if name in keys and draw(st.integers(0, 60)) else st.one_of(st.none(), values, values, values)
        columns[name] = pa.array(draw(st.lists(some, min_size=length, max_size=length)), kind)
    table = pa.table(columns)
    if length > 2 and draw(st.booleans()):
        table = pa.concat_tables([table.slice(1, 2), table.slice(0, length - 1)])
    return Batch(table.combine_chunks().to_batches()[0]) if length and draw(st.booleans()) else Batch(table)


@st.composite
def syncs(draw):
    """A table and what is sent to it: batches whose columns may be of another kind each time, rows, and what lies between."""
    key = draw(st.sampled_from([("id",)] * 6 + [("id", "k"), ()]))
    keys = {name: KEYS[draw(st.sampled_from(list(KEYS)))] for name in key or ("id",)}
    usual = {name: draw(st.sampled_from(list(KINDS))) for name in draw(st.sets(st.sampled_from(NAMES), max_size=4))}
    declared = draw(st.dictionaries(st.sampled_from(NAMES[:3]), st.sampled_from(TYPES) | DECIMAL, max_size=2))
    steps = []
    for what in draw(
        st.lists(st.sampled_from(["upsert"] * 6 + ["rows", "update", "delete", "checkpoint", "truncate"]), max_size=6)
    ):
        if what in ("checkpoint", "truncate"):
            steps.append((what, None))
            continue
        kinds = {
            name: kind if draw(st.integers(0, 3)) else draw(st.sampled_from(list(KINDS)))
            for name, kind in usual.items()
        }
        batch = draw(tables({name: KINDS[kind] for name, kind in kinds.items()}, keys))
        steps.append(("upsert", list(batch)) if what == "rows" else (what, batch))
    return Table("t", key, declared), steps


def as_rows(steps):
    return [(what, list(rows) if isinstance(rows, Batch) else rows) for what, rows in steps]


def send(emit, stored, steps):
    for what, rows in steps:
        if what == "checkpoint":
            emit.checkpoint({})
        elif what == "truncate":
            emit.truncate(stored)
        else:
            getattr(emit, what)(stored, rows)


def landed(destination, stored, steps, *, by_row=False, **options):
    """Send the steps, as they are or row by row through the SDK's operations; return counts, or the type of the error."""
    shapes = declared_shapes(lambda _: [stored.declaration()], {}, Naming(destination.open("FIVETRAN_NAMING")))
    intake = Intake(shapes, destination, lambda _: None, FakeClock(), lambda _: None, **options)
    sink = OperationsSink(intake)
    emit = SdkEmit() if by_row else BatchSink(intake)
    runtime.install(sink)
    try:
        send(emit, stored, steps)
        (sink if by_row else emit).finish()
        intake.commit()
    except (Exception, Killed) as raised:  # noqa: BLE001  (which error it is belongs to what is compared)
        return type(raised)
    finally:
        runtime.install(None)
        schema_processing.reset()
        intake.drop()
    return dict(intake.counts)


def in_memory(stored, steps, **options):
    destination = DuckDbDestination()
    ended = landed(destination, stored, steps, **options)
    left = content(destination)
    destination.connect().close()
    return ended, left


@given(syncs())
@settings(max_examples=DRAWN * 12, deadline=None, suppress_health_check=PATIENT)
def test_batches_land_as_their_rows_do_one_by_one(drawn):
    stored, steps = drawn
    expected, left = in_memory(stored, as_rows(steps), by_row=True)
    ended, found = in_memory(stored, steps)
    assert differences(left, found) == []
    assert ended == expected


@given(st.data())
@settings(max_examples=DRAWN * 12, deadline=None, suppress_health_check=PATIENT)
def test_each_kind_lands_as_each_type(data):
    """Two batches of one column: what the first is kept as has to give what the second makes of it."""
    declared = data.draw(st.none() | st.sampled_from(TYPES) | DECIMAL)
    key = data.draw(st.sampled_from(["id", "id", ()]))
    stored, steps, first = Table("t", key, {"a": declared} if declared else {}), [], 0
    for _ in range(data.draw(st.integers(1, 2))):
        kind, values = KINDS[data.draw(st.sampled_from(list(KINDS)))]
        column = data.draw(st.lists(st.none() | values | values | values, min_size=1, max_size=4))
        ids = range(first, first + len(column))
        steps += [("upsert", Batch(pa.table({"id": ids, "a": pa.array(column, kind)}))), *data.draw(BETWEEN)]
        first += len(column)
    expected, left = in_memory(stored, as_rows(steps), by_row=True)
    ended, found = in_memory(stored, steps)
    assert differences(left, found) == []
    assert ended == expected


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | PLAIN,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.lists(st.none() | JSON_VALUES.map(json.dumps), min_size=1, max_size=5),
    st.sampled_from([None, "JSON", "STRING"]),
    st.booleans(),
)
@settings(max_examples=DRAWN * 4, deadline=None, suppress_health_check=PATIENT)
def test_texts_marked_as_json_land_as_what_they_say(texts, declared, keyed):
    fields = [pa.field("id", pa.int64()), pa.field("a", pa.string(), metadata=JSON)]
    batch = Batch(pa.table({"id": range(len(texts)), "a": pa.array(texts, pa.string())}, schema=pa.schema(fields)))
    stored = Table("t", ("id",) if keyed else (), {"a": declared} if declared else {})
    expected, left = in_memory(stored, as_rows([("upsert", batch)]), by_row=True)
    ended, found = in_memory(stored, [("upsert", batch)])
    assert (differences(left, found), ended) == ([], expected)


@given(syncs())
@settings(max_examples=DRAWN, deadline=None, suppress_health_check=PATIENT)
def test_batches_that_wait_on_disk_land_the_same(drawn):
    stored, steps = drawn
    expected, left = in_memory(stored, steps)
    ended, found = in_memory(stored, steps, buffer_bytes=1)
    assert (differences(left, found), ended) == ([], expected)


@given(syncs())
@settings(max_examples=DRAWN, deadline=None, suppress_health_check=PATIENT)
def test_in_parquet(drawn):
    stored, steps = drawn
    expected, left = in_memory(stored, as_rows(steps), by_row=True)
    with tempfile.TemporaryDirectory() as folder:
        destination = ParquetDestination(folder)
        ended = landed(destination, stored, steps)
        destination.close()
        assert (differences(left, held("parquet", folder)), ended) == ([], expected)


@given(syncs())
@settings(max_examples=DRAWN, deadline=None, suppress_health_check=PATIENT)
def test_in_postgresql(postgres, drawn):
    stored, steps = drawn
    expected, left = in_memory(stored, as_rows(steps), by_row=True)
    place = postgres.place()
    destination = PostgresDestination(**json.loads(place))
    ended = landed(destination, stored, steps)
    destination.close()
    assert (differences(left, held("postgres", place)), ended) == ([], expected)


ORDERS = pa.table(
    {
        "id": pa.array([1, 2, 3, 2], pa.int32()),
        "Total": pa.array([Decimal("1.50"), None, Decimal("-0.25"), Decimal("99999.99")], pa.decimal128(7, 2)),
        "share": pa.array([0.1, math.nan, -0.0, 5e-324], pa.float64()),
        "paid": pa.array([True, None, False, True]),
        "at": pa.array([datetime(2024, 2, 29, 10), None, datetime(1, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 120000)], MICROSECONDS),
        "seen": pa.array([datetime(2024, 2, 29, 10, 0, 0, 120000, UTC)] * 3 + [None], MOMENTS),
        "day": pa.array([date(2024, 2, 29), None, date(9999, 12, 31), date(1, 1, 1)]),
        "clock": pa.array([time(12, 30), time(0, 0, 0, 5), None, time(23, 59, 59)], pa.time64("us")),
        "big": pa.array([2**64 - 1, 0, None, 5], pa.uint64()),
        "raw": pa.array([b"\0\1", b"", None, b"x"]),
        "tags": pa.array([["a", None], [], None, ["b"]], pa.list_(pa.string())),
        "word": pa.array(["x", "", None, "x"]).dictionary_encode(),
        "code": pa.array(["1", "02", None, ""]),
        "number": pa.array(["1", "-7", "", "0"]),
        "none": pa.nulls(4),
    }
)  # fmt: skip
DECLARED = {
    "Total": {"type": "DECIMAL", "precision": 9, "scale": 3},
    "share": "FLOAT",
    "seen": "UTC_DATETIME",
    "day": "NAIVE_DATETIME",
    "code": "JSON",
    "number": "SHORT",
}
LATER = pa.table({"id": [2, 4], "Total": ["abc", None], "seen": ["soon", ""], "day": [1, 2], "number": ["x", "1"]})


@pytest.mark.parametrize("columns", [{}, DECLARED], ids=["inferred", "declared"])
@pytest.mark.parametrize("between", [[], [("checkpoint", None)]], ids=["one checkpoint", "two"])
def test_as_the_sdk_s_own_runner_lands_the_rows(columns, between, tmp_path):
    stored = Table("t", "id", columns)
    steps = [("upsert", Batch(ORDERS)), *between]
    if not columns:
        steps.append(("upsert", Batch(LATER)))
    operations = []
    for what, rows in as_rows(steps):
        operations += [Operation(what, ("t", sdk_row(row, stored.columns))) for row in rows] if rows else [ok()]
    (expected,) = reference([Sync([stored.declaration()], operations)], tmp_path)
    assert expected.error is None
    _, found = in_memory(stored, steps)
    assert differences(expected.tables, found) == []


STORED = Table("t", "id")


def numbers(start, stop, text="x"):
    return Batch(pa.table({"id": range(start, stop), "a": [text] * (stop - start)}))


def left_of(steps, **options):
    ended, left = in_memory(STORED, steps, **options)
    if "t" not in left:
        return ended, {}
    place = {name: number for number, name in enumerate(left["t"].columns)}
    return ended, {int(row[place["id"]]): row[place["a"]] for row in left["t"].rows.elements() if row[place["a"]]}


def test_rows_and_batches_apply_in_the_order_in_which_they_came():
    steps = [
        ("upsert", [{"id": 1, "a": "first"}, {"id": 2, "a": "row"}]),
        ("upsert", numbers(1, 2, "batch")),
        ("upsert", [{"id": 1, "a": "last"}]),
        ("upsert", numbers(2, 4, "batch")),
        ("update", Batch(pa.table({"id": [3], "a": ["changed"]}))),
        ("delete", Batch(pa.table({"id": [2]}))),
        ("upsert", numbers(2, 3, "back")),
    ]
    for between in ([], [("checkpoint", None)]):
        _, left = left_of([one for step in steps for one in (step, *between)])
        assert left == {1: "last", 2: "back", 3: "changed"}


@pytest.mark.parametrize("kill_at", [0, 7, 11, 20])
def test_a_sync_killed_in_the_middle_of_a_batch_has_the_checkpoints_before_it(kill_at):
    steps = [("upsert", numbers(0, 10)), ("checkpoint", None), ("upsert", numbers(10, 20, "y")), ("checkpoint", None)]
    ended, left = left_of(steps, kill_at=kill_at)
    assert ended is Killed
    assert set(left) == (set(range(10)) if kill_at >= 11 else set())


def test_a_kill_counts_the_rows_of_a_batch_that_came_before_it():
    destination = DuckDbDestination()
    shapes = declared_shapes(lambda _: [STORED.declaration()], {}, Naming(destination.open()))
    intake = Intake(shapes, destination, lambda _: None, FakeClock(), lambda _: None, kill_at=7)
    with pytest.raises(Killed):
        BatchSink(intake).upsert(STORED, numbers(0, 10))
    assert intake.counts["upserts"] == 7


@pytest.mark.parametrize("key", [None, math.nan])
def test_a_batch_with_a_row_without_a_key_fails_the_sync(key):
    batch = Batch(pa.table({"id": pa.array([1.5, key], pa.float64()), "a": ["x", "y"]}))
    ended, left = left_of([("upsert", numbers(0, 3)), ("checkpoint", None), ("upsert", batch)])
    assert issubclass(ended, HeadwaterError)
    assert len(left) == 3


def test_a_value_that_does_not_fit_its_declaration_is_named():
    stored = Table("t", "id", {"a": "INT"})
    intake = Intake(
        declared_shapes(lambda _: [stored.declaration()], {}, Naming("FIVETRAN_NAMING")),
        DuckDbDestination(),
        lambda _: None,
        FakeClock(),
        lambda _: None,
    )
    with pytest.raises(ContractError, match="column 'a' is declared INT"):
        BatchSink(intake).upsert(stored, Batch(pa.table({"id": [1], "a": [2**40]})))


def test_a_batch_of_many_rows_and_one_of_none():
    many = pa.table({"id": range(150_000), "a": pa.repeat("x", 150_000)})
    none = Batch(many.slice(0, 0))
    ended, left = left_of([("upsert", none), ("upsert", Batch(many)), ("upsert", none), ("checkpoint", None)])
    assert (ended["upserts"], len(left)) == (150_000, 150_000)


@pytest.mark.parametrize("piece", [ROW_GROUP, 7_777, 200_000])
def test_full_groups_of_rows_are_written_by_several_threads_and_hold_what_was_sent(piece, tmp_path):
    count = 3 * 2 * ROW_GROUP
    texts = [f"{number * 7919 % 1_000_003:x}" for number in range(count)]
    table = pa.table({"id": range(count), "a": texts})
    pieces = pa.Table.from_batches(table.to_batches(max_chunksize=piece))
    steps = []
    for start in range(0, count, 2 * ROW_GROUP):
        steps += [("upsert", Batch(pieces.slice(start, 2 * ROW_GROUP))), ("checkpoint", {"at": start})]
    destination = DuckDbDestination(tmp_path / "warehouse.db")
    landed(destination, STORED, steps)
    destination.close()
    with duckdb.connect(str(tmp_path / "warehouse.db")) as connection:
        groups = (
            "SELECT DISTINCT row_group_id, start, count FROM pragma_storage_info('tester.t') WHERE column_name = 'id'"
        )
        sizes = connection.execute(f"SELECT sum(count) FROM ({groups}) GROUP BY row_group_id").fetchall()
        assert connection.execute("SELECT id, a FROM tester.t ORDER BY id").fetchall() == list(enumerate(texts))
    assert sizes == [(ROW_GROUP,)] * 6


def test_slices_of_a_table_hold_only_their_own_texts():
    table = pa.table({"id": range(9), "a": ["1", "2\0", "3", "x", "4", "", None, "5", "2024-02-29"]})
    for start, stop in ((0, 1), (2, 3), (4, 5), (4, 8), (8, 9), (1, 3), (3, 9)):
        steps = [("upsert", Batch(table)[start:stop])]
        ended, left = in_memory(STORED, steps)
        assert (ended, differences(in_memory(STORED, as_rows(steps), by_row=True)[1], left)) == (
            {**ended, "upserts": stop - start},
            [],
        )
