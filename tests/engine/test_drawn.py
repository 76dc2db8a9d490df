"""Drawn connectors on this engine and on the SDK's own runner, and drawn rows through both ways into this engine.

HEADWATER_DRAWN sets how many connectors are drawn.
"""

from __future__ import annotations

import os
import string
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import hypothesis.strategies as st
from fivetran_connector_sdk_cli import runtime, schema_processing
from hypothesis import HealthCheck, given, settings

from headwater.engine import DuckDbDestination, content, differences
from headwater.engine.batch import BatchSink
from headwater.engine.intake import Intake
from headwater.engine.naming import Naming
from headwater.engine.operations import OperationsSink
from headwater.engine.shape import declared_shapes
from headwater_runtime import Table
from headwater_runtime.clock import FakeClock
from headwater_runtime.emit import SdkEmit

from .harness import Sync, clear, compared, mod, ok, rm, table, up
from .test_differential import KINDS, TEXTS

DRAWN = int(os.environ.get("HEADWATER_DRAWN", "15"))
PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]

TYPES = [
    "BOOLEAN", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "NAIVE_DATE", "NAIVE_DATETIME", "UTC_DATETIME", "BINARY", "STRING",
    "JSON",
]  # fmt: skip
COLUMNS = ["a", "b", "userName"]

TEXT = st.one_of(st.sampled_from(TEXTS), st.text(string.printable, max_size=5))
CELLS = st.one_of(
    st.sampled_from(list(KINDS.values())),
    TEXT,
    st.integers(-(2**66), 2**66),
    st.integers(-3, 3),
    st.floats(width=32),
    st.floats(),
    st.booleans(),
    st.none(),
    st.dates().map(str),
)
KEYS = st.integers(0, 4)
ROWS = st.dictionaries(st.sampled_from(COLUMNS), CELLS, max_size=3)


@st.composite
def operations(draw):
    kind = draw(st.sampled_from(["up"] * 6 + ["mod", "mod", "rm", "ok", "clear", "keyless"]))
    if kind == "ok":
        return ok(n=draw(st.integers(0, 9)))
    if kind == "clear":
        return clear("t")
    if kind == "keyless":
        return up("u", **draw(ROWS))
    values = draw(ROWS)
    if kind != "up":  # an update to the empty text is a known difference
        values = {name: value for name, value in values.items() if value != ""}
    return {"up": up, "mod": mod, "rm": rm}[kind]("t", id=draw(KEYS), **values)


@st.composite
def syncs(draw):
    columns = draw(st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(TYPES), max_size=1))
    declared = [table("t", "id", **columns), table("u")]
    return Sync(declared, draw(st.lists(operations(), max_size=8)))


@given(st.lists(syncs(), min_size=1, max_size=2))
@settings(max_examples=DRAWN, deadline=None, suppress_health_check=PATIENT)
def test_drawn_connectors_leave_the_same(drawn):
    with tempfile.TemporaryDirectory() as folder:
        assert "\n".join(compared(drawn, Path(folder))) == ""


ZONES = st.sampled_from([timezone.utc, timezone(timedelta(hours=5, minutes=30))])
VALUES = st.one_of(
    CELLS,
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.one_of(st.none(), ZONES)),
    st.dates(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.one_of(st.floats(allow_nan=False), st.none()), max_size=2),
)
PLAIN = st.sampled_from(
    [st.integers(), st.floats(), TEXT, st.booleans(), st.none(), st.floats(-1e6, 1e6), st.integers(-9, 9), VALUES]
)


@st.composite
def pages(draw):
    """Pages of rows whose columns are mostly of one kind of value, as real ones are."""
    kinds = {name: draw(PLAIN) for name in COLUMNS}
    rows = st.fixed_dictionaries(
        {"id": KEYS}, optional={name: st.one_of(kind, st.none()) for name, kind in kinds.items()}
    )
    steps = st.tuples(st.sampled_from(["upsert"] * 4 + ["update", "delete"]), st.lists(rows, min_size=1, max_size=6))
    return draw(st.lists(st.one_of(steps, st.just("checkpoint"), st.just("truncate")), min_size=1, max_size=6))


@given(
    pages(),
    st.booleans(),
    st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(["STRING", "JSON", "DOUBLE", "LONG"]), max_size=1),
)
@settings(max_examples=DRAWN * 4, deadline=None, suppress_health_check=PATIENT)
def test_pages_land_as_if_row_by_row(drawn, keyed, columns):
    stored = Table("t", "id" if keyed else (), columns)
    by_page, by_row = landed(drawn, stored, pages=True), landed(drawn, stored, pages=False)
    assert by_page[1:] == by_row[1:]
    assert differences(by_row[0], by_page[0]) == []


def landed(drawn, stored, *, pages):
    """Send the same through the batch sink, or row by row through the SDK's operations; return tables, counts, error type."""
    destination = DuckDbDestination()
    naming = Naming(destination.open())
    shapes = declared_shapes(lambda _: [stored.declaration()], {}, naming)
    intake = Intake(shapes, destination, lambda _: None, FakeClock(), lambda _: None)
    sink = OperationsSink(intake)
    emit = BatchSink(intake) if pages else SdkEmit()
    runtime.install(sink)
    error = None
    try:
        for step in drawn:
            if step == "checkpoint":
                emit.checkpoint({})
            elif step == "truncate":
                emit.truncate(stored)
            else:
                getattr(emit, step[0])(stored, step[1])
        sink.finish()
        intake.commit()
    except Exception as raised:  # noqa: BLE001  (which error it is belongs to what is compared)
        error = raised
    finally:
        runtime.install(None)
        schema_processing.reset()
    left = content(destination)
    destination.connect().close()
    counts = dict(intake.counts)
    return (left, type(error)) if error else (left, counts, None)
