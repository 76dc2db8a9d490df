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
from hypothesis import HealthCheck, assume, given, settings

from headwater.engine import DuckDbDestination, content, differences
from headwater.engine.batch import BatchSink
from headwater.engine.intake import Intake
from headwater.engine.naming import Naming
from headwater.engine.operations import OperationsSink
from headwater.engine.shape import declared_shapes
from headwater_runtime import Table
from headwater_runtime.clock import FakeClock
from headwater_runtime.emit import SdkEmit

from .harness import Operation, Sync, boom, compared, ok, ours, table, up
from .test_differential import KINDS, TEXTS

DRAWN = int(os.environ.get("HEADWATER_DRAWN", "15"))
PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]

TYPES = [
    "BOOLEAN", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "NAIVE_DATE", "NAIVE_DATETIME", "UTC_DATETIME", "BINARY", "STRING",
    "JSON", "XML",
]  # fmt: skip
COLUMNS = ["a", "b", "userName"]
NAMES = [*COLUMNS, "user_name"]  # two of them are one in Fivetran's naming

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
DECIMALS = st.builds(
    lambda p, s: {"type": "DECIMAL", "precision": p, "scale": s}, st.integers(1, 38), st.integers(0, 9)
)
NUMBERS = st.one_of(st.integers(-(10**6), 10**6), st.decimals(-1000, 1000, places=3).map(str), st.none(), st.just(""))
KEYS = st.integers(0, 4)
KEYINGS = st.sampled_from([("id",)] * 6 + [("id", "k"), ("k",), ()])
SCHEMAS = st.sampled_from([None] * 5 + ["Second Schema"])
KINDS_OF_ROW = {"upsert": 6, "update": 2, "delete": 1}
OTHERS = {"checkpoint": 2, "truncate": 1, "undeclared": 1, "warning": 0.2, "error": 0.1, "boom": 0.2}


def weighted(weights):
    return st.sampled_from([name for name, weight in weights.items() for _ in range(int(weight * 10))])


@st.composite
def rows(draw, *, key=(), merging=False):
    values = draw(st.dictionaries(st.sampled_from(NAMES), CELLS, max_size=3))
    if draw(st.integers(0, 3)) == 0:
        values["n"] = draw(NUMBERS)
    if draw(st.integers(0, 3)) == 0:
        values["k"] = draw(KEYS)
    for name in key:
        values[name] = draw(KEYS)
    if key and draw(st.integers(0, 60)) == 0:
        values[draw(st.sampled_from(key))] = None
    if merging:  # an update to the empty text is a known difference
        values = {name: value for name, value in values.items() if value != ""}
    return dict(draw(st.permutations(list(values.items()))))


@st.composite
def operations(draw, key):
    kind = draw(weighted(KINDS_OF_ROW | OTHERS))
    if kind in KINDS_OF_ROW:
        values = draw(rows(key=key, merging=kind != "upsert"))
        return Operation(kind, ("t", values), draw(SCHEMAS))
    if kind == "undeclared":
        return up("u", **draw(rows()))
    if kind == "truncate":
        return Operation(kind, (draw(st.sampled_from("ttu")),), draw(SCHEMAS))
    return {
        "checkpoint": ok(n=draw(st.integers(0, 9))),
        "warning": Operation("warning", ("careful",)),
        "error": Operation("error", ("bad", "trace")),
        "boom": boom,
    }[kind]


@st.composite
def syncs(draw):
    columns = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TYPES), max_size=2))
    if draw(st.booleans()):
        columns["n"] = draw(DECIMALS)
    key = draw(KEYINGS)
    declared = [table("t", *key, **columns), table("t", *key, schema="Second Schema"), table("u")]
    return Sync(declared, draw(st.lists(operations(key), max_size=8)), forgets=draw(st.integers(0, 4)) == 0)


@given(
    st.lists(syncs(), min_size=1, max_size=3),
    st.sampled_from(["FIVETRAN_NAMING"] * 3 + ["SOURCE_NAMING"]),
)
@settings(max_examples=DRAWN, deadline=None, suppress_health_check=PATIENT)
def test_drawn_connectors_leave_the_same(drawn, naming):
    # A value that does not fit its column fails the sync here, also if an update replaces it: see docs/engine.md
    updates = any(getattr(operation, "name", "") == "update" for one in drawn for operation in one.operations)
    assume(not (updates and any("does not fit its column" in str(outcome.error) for outcome in ours(drawn, naming))))
    with tempfile.TemporaryDirectory() as folder:
        assert "\n".join(compared(drawn, Path(folder), naming)) == ""


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
        (emit if pages else sink).finish()
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
