"""Rows go to the sink as the connector gave them, with the result and the errors as if the SDK had encoded each value."""

import datetime as dt
import math
import uuid
from contextlib import nullcontext
from decimal import Decimal

import pytest
from fivetran_connector_sdk import Operations
from fivetran_connector_sdk_cli import operations, runtime, schema_processing
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.engine import DuckDbDestination, content, differences
from headwater.engine.intake import Intake
from headwater.engine.naming import Naming
from headwater.engine.operations import OperationsSink
from headwater.engine.raw_rows import RawRow, raw_rows
from headwater.engine.shape import declared_shapes
from headwater_runtime.clock import FakeClock

from .test_drawn import DRAWN, PATIENT


class Word(str):
    """A text that is not quite one."""

    __slots__ = ()


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, -(2**31) - 1, 2**63 - 1, -(2**63), 2**63, 2**64, 10**400]),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["\ud800", "a\0b", "", "2024-02-30", "2024-01-01", "2024-01-01T00:00:00Z", "007", "1.50", "true"]),
    st.sampled_from([Word("x"), b"\0\xff", bytearray(b"x"), Decimal("1.10"), uuid.UUID(int=7), object, (1, "a"), {1}]),
    st.datetimes(timezones=st.sampled_from([None, dt.timezone.utc])),
    st.dates(),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.lists(st.one_of(st.integers(), st.just("\ud800"), st.just(math.nan)), max_size=2),
)
NAMES = st.sampled_from(["a", "b", "A", "a b", "", "\ud800", 7])
NUMBERS = ["SHORT", "INT", "LONG", "FLOAT", "DOUBLE"]
MOMENTS = ["NAIVE_DATE", "NAIVE_DATETIME", "UTC_DATETIME"]
TYPES = st.sampled_from(["BOOLEAN", *NUMBERS, "STRING", "XML", "JSON", "BINARY", *MOMENTS])
STEPS = st.tuples(st.sampled_from(["upsert", "upsert", "update"]), st.dictionaries(NAMES, VALUES, max_size=3))


@given(st.lists(STEPS, max_size=5), st.dictionaries(st.sampled_from(["a", "b"]), TYPES, max_size=2), st.booleans())
@settings(max_examples=DRAWN * 4, deadline=None, suppress_health_check=PATIENT)
def test_raw_rows_land_and_fail_as_encoded_ones(steps, columns, keyed):
    declaration = {
        "table": "t",
        **({"primary_key": ["id"]} if keyed else {}),
        **({"columns": columns} if columns else {}),
    }
    raw, encoded = landed(steps, declaration, raw_rows()), landed(steps, declaration, nullcontext())
    assert raw[1:] == encoded[1:]
    assert differences(encoded[0], raw[0]) == []


def landed(steps, declaration, way):
    """Emit every step, going on after those that fail; return the tables, what each step raised, and what the end did."""
    destination = DuckDbDestination()
    shapes = declared_shapes(lambda _: [declaration], {}, Naming(destination.open()))
    intake = Intake(shapes, destination, lambda _: None, FakeClock(), lambda _: None)
    sink = OperationsSink(intake)
    runtime.install(sink)
    raised, error = [], None
    try:
        with way:
            for number, (operation, row) in enumerate(steps):
                try:
                    getattr(Operations, operation)("t", {"id": number % 3, **row})
                except Exception as refused:  # noqa: BLE001  (which it is belongs to what is compared)
                    raised.append((number, type(refused), str(refused)))
        sink.finish()
        intake.commit()
    except Exception as refused:  # noqa: BLE001
        error = type(refused)
    finally:
        runtime.install(None)
        schema_processing.reset()
    left = content(destination)
    destination.connect().close()
    return left, raised, error, dict(intake.counts)


@pytest.fixture
def taken():
    """What a sink is given."""

    class Sink:
        def __init__(self):
            self.records = []

        def record(self, record):
            self.records.append(record)

    sink = Sink()
    runtime.install(sink)
    yield sink.records
    runtime.install(None)


def test_a_row_is_as_it_was_when_it_was_emitted(taken):
    row = {"id": 1, "tags": ["a"]}
    with raw_rows():
        Operations.upsert("t", row)
        row["id"], row["tags"][0] = 2, "b"
    assert isinstance(taken[0], RawRow)
    assert taken[0].row_data["id"] == 1
    assert taken[0].row_data["tags"].endswith(b'["a"]')


def test_afterwards_the_sdk_encodes_as_before(taken):
    before = operations._build_row_data_record
    with pytest.raises(KeyError), raw_rows():
        raise KeyError
    assert operations._build_row_data_record is before
    Operations.upsert("t", {"id": 1})
    assert not isinstance(taken[0], RawRow)
