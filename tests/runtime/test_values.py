"""Values land as they are: seen in the warehouse of the SDK's own runner, not assumed."""

import json
import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import duckdb
import pytest
from fivetran_connector_sdk import Connector, Logging
from fivetran_connector_sdk_cli import core_adapter
from fivetran_connector_sdk_common import constants
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headwater.engine import differences
from headwater_runtime import ContractError, Table
from headwater_runtime.emit import SdkEmit
from headwater_runtime.formats import Json, Jsonl
from headwater_runtime.transport import Response
from headwater_runtime.values import sdk_row, sdk_value
from tests.engine.test_drawn import landed as landed_here

EAST = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture
def landed(tmp_path):
    """Return a function that sends rows through the SDK's runner and gives back (types, rows) of the warehouse."""
    constants.DEBUGGING = True
    Logging.LOG_LEVEL = Logging.Level.WARNING

    def land(values, columns=None):
        table = Table("t", key="id", columns=columns)

        def update(configuration, state):
            emit = SdkEmit()
            emit.upsert(table, [{"id": f"r{index}", **value} for index, value in enumerate(values)])
            emit.checkpoint({})

        connector = Connector(update=update, schema=lambda _: [table.declaration()])
        core_adapter.run(connector, str(tmp_path), {}, {})
        with duckdb.connect(str(tmp_path / "files/warehouse.db"), read_only=True) as warehouse:
            warehouse.sql("set timezone = 'UTC'")
            types = dict(
                warehouse.sql(
                    "select column_name, data_type from information_schema.columns where table_name = 't'"
                ).fetchall()
            )
            rows = warehouse.sql("select * from tester.t order by id").to_arrow_table().to_pylist()
        return types, rows

    return land


FLOATS = [213.77, 16777217.5, 1e39, -0.0, 1e-300, 1.7976931348623157e308, 0.1, 100.0, 123456789012345680.0]


def test_undeclared_floats_land_as_exact_doubles(landed):
    types, rows = landed([{"v": value} for value in FLOATS])
    assert types["v"] == "DOUBLE"
    assert [row["v"] for row in rows] == FLOATS


def test_undeclared_values_keep_every_digit(landed):
    types, (row,) = landed(
        [
            {
                "big": 2**63,
                "least": -(2**63),
                "long": 2**63 - 1,
                "exact": Decimal("12.5"),
                "many": Decimal("-1.2345678901234567890123"),
                "aware": datetime(2025, 1, 1, 5, 30, tzinfo=EAST),
                "naive": datetime(2025, 1, 1, 5, 30, 1, 250),
                "day": date(2025, 1, 2),
                "clock": time(1, 2, 3),
                "uuid": UUID(int=7),
                "nested": {
                    "when": date(2025, 1, 2),
                    "sum": Decimal("1.10"),
                    "bad": math.nan,
                    "raw": b"\xff",
                    "set": {2, 1},
                },
                "flag": True,
                "raw": b"\x00\xff",
                "gone": None,
            }
        ]
    )
    assert (row["big"], row["least"], row["long"]) == (str(2**63), -(2**63), 2**63 - 1)
    assert (row["exact"], types["exact"]) == (12.5, "DOUBLE")
    assert Decimal(row["many"]) == Decimal("-1.2345678901234567890123")
    assert row["aware"] == datetime(2025, 1, 1, tzinfo=timezone.utc)
    assert types["aware"] == "TIMESTAMP WITH TIME ZONE"
    assert (row["naive"], row["day"]) == (datetime(2025, 1, 1, 5, 30, 1, 250), date(2025, 1, 2))
    assert (row["clock"], row["uuid"]) == ("01:02:03", "00000000-0000-0000-0000-000000000007")
    assert json.loads(row["nested"]) == {"when": "2025-01-02", "sum": 1.1, "bad": "nan", "raw": "\\xff", "set": [1, 2]}
    assert (row["flag"], row["raw"]) == (True, b"\x00\xff")


DECLARED = {
    "BOOLEAN": [("true", True), ("NO", False), (1, True), ("", None), (False, False)],
    "INT": [("12", 12), (3.0, 3), (True, 1), ("", None), ("-7 ", -7)],
    "LONG": [("9223372036854775807", 2**63 - 1), (Decimal(5), 5), ("", None)],
    "DOUBLE": [("1e39", 1e39), (213.77, 213.77), (Decimal("0.5"), 0.5), (7, 7.0), ("", None)],
    "STRING": [
        (7, "7"),
        (True, "true"),
        ({"a": [1]}, '{"a": [1]}'),
        (1.5, "1.5"),
        ("007", "007"),
        (date(2025, 1, 2), "2025-01-02"),
    ],
    "UTC_DATETIME": [
        ("2025-01-01", datetime(2025, 1, 1, tzinfo=timezone.utc)),
        ("2025-01-01T05:30:00+05:30", datetime(2025, 1, 1, tzinfo=timezone.utc)),
        ("2025-01-01 00:00:00", datetime(2025, 1, 1, tzinfo=timezone.utc)),
        ("2025-01-01T00:00:00.123456789Z", datetime(2025, 1, 1, 0, 0, 0, 123456, tzinfo=timezone.utc)),
        (1735689600, datetime(2025, 1, 1, tzinfo=timezone.utc)),
        (1735689600123, datetime(2025, 1, 1, 0, 0, 0, 123000, tzinfo=timezone.utc)),
        ("1735689600", datetime(2025, 1, 1, tzinfo=timezone.utc)),
        (1735689600.25, datetime(2025, 1, 1, 0, 0, 0, 250000, tzinfo=timezone.utc)),
        (datetime(2025, 1, 1), datetime(2025, 1, 1, tzinfo=timezone.utc)),
        ("", None),
    ],
    "NAIVE_DATETIME": [
        ("2025-01-01T05:30:00+05:30", datetime(2025, 1, 1)),
        ("2025-01-01 01:02", datetime(2025, 1, 1, 1, 2)),
    ],
    "NAIVE_DATE": [("2025-01-01T23:59:59Z", date(2025, 1, 1)), (datetime(2025, 1, 2, 3), date(2025, 1, 2)), ("", None)],
    "BINARY": [(b"\x01", b"\x01"), ("é", "é".encode()), (bytearray(b"x"), b"x")],
    "JSON": [({"a": Decimal("1.5")}, '{"a": 1.5}'), ([date(2025, 1, 2)], '["2025-01-02"]'), (3, "3")],
}


@pytest.mark.parametrize("kind", DECLARED)
def test_declared_types_take_what_sources_send(landed, kind):
    _, rows = landed([{"v": value} for value, _ in DECLARED[kind]], {"v": kind})
    assert [row["v"] for row in rows] == [expected for _, expected in DECLARED[kind]]


def test_decimals_land_exactly(landed):
    values = [Decimal("1234567890123.4567"), "0.1", 213.77, 5, Decimal("1E+3"), ""]
    _, rows = landed([{"v": value} for value in values], {"v": {"type": "DECIMAL", "precision": 20, "scale": 4}})
    assert [row["v"] for row in rows] == [
        Decimal("1234567890123.4567"),
        Decimal("0.1000"),
        Decimal("213.7700"),
        Decimal("5.0000"),
        Decimal("1000.0000"),
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("INT", "x"),
        ("INT", 1.5),
        ("INT", 2**31),
        ("LONG", 2**63),
        ("BOOLEAN", "perhaps"),
        ("BOOLEAN", 2),
        ("UTC_DATETIME", "yesterday"),
        ("UTC_DATETIME", True),
        ("NAIVE_DATE", "2025-13-01"),
        ("DOUBLE", "x"),
        ("BINARY", 5),
        ("STRING", b"\xff"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_that_names_its_column_and_not_its_content(kind, value):
    with pytest.raises(ContractError, match=f"column 'v' is declared {kind} but holds") as caught:
        sdk_row({"v": value}, {"v": kind}, "table t")
    assert "table t" in str(caught.value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_float_reads_back_as_the_same_float(value):
    text = sdk_value(value)
    assert "." in text.partition("e")[0]
    assert math.copysign(1, float(text)) == math.copysign(1, value)
    assert float(text) == value


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.decimals()
    | st.dates()
    | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.dictionaries(st.text(min_size=1, max_size=5), JSON_VALUES, max_size=5))
def test_whatever_a_row_holds_the_sdk_takes_it_and_json_stays_json(row):
    from fivetran_connector_sdk_cli.type_coercion import encode_row_data

    sent = sdk_row(row, {})
    assert encode_row_data({}, sent).keys() == row.keys()
    for value in sent.values():
        if isinstance(value, (dict, list)):
            json.loads(json.dumps(value), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


# -- Both ways out: the SDK's operations, and pages of rows into the local engine ---------------------------------------

TYPES = st.sampled_from([None, *DECLARED, "SHORT", "FLOAT", "XML"]) | st.builds(
    lambda precision, scale: {"type": "DECIMAL", "precision": precision, "scale": scale},
    st.integers(10, 38),
    st.integers(0, 9),
)
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.sampled_from([None, timezone.utc, EAST]))
ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "a\0b",
        "007",
        "+1",
        "1e5",
        "1.50",
        "true",
        "NaN",
        "2024-02-30",
        "2024-01-01",
        "2024-01-01T00:00:00+05:30",
        "\x7f",
    ]
)
ODD_NUMBERS = st.sampled_from(
    [2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, 1e39, 5e-324, -0.0, 10**11, 10**17]
)
ANY = JSON_VALUES | MOMENTS | st.times() | st.uuids() | st.binary(max_size=3) | ODD_TEXTS | ODD_NUMBERS


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ANY | st.none(), min_size=1, max_size=4), TYPES)
def test_whatever_a_column_holds_lands_the_same_by_either_way_or_is_refused_by_both(values, declared):
    table = Table("t", "id", {} if declared is None else {"v": declared})
    steps = [("upsert", [{"id": number, "v": value} for number, value in enumerate(values)]), "checkpoint"]
    by_page, by_row = landed_here(steps, table, pages=True), landed_here(steps, table, pages=False)
    assert by_page[1:] == by_row[1:]
    assert differences(by_row[0], by_page[0]) == []
    if len(by_row) == 2:
        assert by_row[1] is ContractError


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1e-4)
@example(9.999999999999999e-05)
@example(-1e-4)
@example(-0.0)
@example(1e16)
@example(9999999999999998.0)
def test_a_float_of_any_size_goes_as_its_own_text_with_a_point(value):
    text = sdk_row({"v": value}, {})["v"]
    assert repr(float(text)) == repr(value)
    assert text == repr(value) or (text.replace(".0e", "e") == repr(value))
    assert "." in text


@st.composite
def meant(draw):
    """A value of a kind a column holds, its declaration, and a reader of the text it lands as."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    values, declared, reader = KINDS[kind]
    return draw(st.lists(values, min_size=1, max_size=4)), declared, reader


NORMAL = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
EXACT = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
RECENT = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from([timezone.utc, EAST]))


def in_utc(text):
    """Return the moment DuckDB writes as "2025-03-10 12:00:00.5+00": before 3.11 Python reads no such text."""
    whole, _, fraction = text.removesuffix("+00").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction:0<6}+00:00")


NO_NUL = st.characters(exclude_categories=["Cs"], exclude_characters="\0")  # the SDK drops it
KINDS = {
    "integers": (st.integers(), None, int),
    "integers in text": (st.integers(-(2**63), 2**63 - 1).map(lambda number: f" {number} "), "LONG", " {} ".format),
    "floats": (NORMAL, None, float),
    "doubles": (NORMAL, "DOUBLE", float),
    "decimals": (st.decimals(allow_nan=False, allow_infinity=False, places=4), None, Decimal),
    "exact decimals": (
        st.decimals(-(10**9), 10**9, places=4),
        {"type": "DECIMAL", "precision": 20, "scale": 4},
        Decimal,
    ),
    "texts": (st.text(NO_NUL, max_size=5), "STRING", str),
    "booleans": (st.booleans(), None, {"true": True, "false": False}.get),
    "moments": (RECENT, None, in_utc),
    "declared moments": (RECENT, "UTC_DATETIME", in_utc),
    "days": (st.dates(), None, date.fromisoformat),
    "objects": (st.dictionaries(st.text(max_size=3), EXACT, max_size=3), None, json.loads),
    "lists": (st.lists(EXACT, max_size=3), "JSON", json.loads),
    "bytes": (st.binary(max_size=4), None, bytes.fromhex),
}


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(meant(), st.booleans())
def test_a_column_of_one_kind_lands_as_what_it_was(drawn, pages):
    values, declared, reader = drawn
    table = Table("t", "id", {} if declared is None else {"v": declared})
    steps = [("upsert", [{"id": number, "v": value} for number, value in enumerate(values)]), "checkpoint"]
    tables, _, error = landed_here(steps, table, pages=pages)
    assert error is None
    rows = {int(number): text for _, number, text in tables["t"].rows}
    assert [reader(rows[number]) for number in range(len(values))] == values


def test_nesting_beyond_the_recursion_limit_is_refused_by_either_way():
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    table = Table("t", "id")
    for pages in (True, False):
        assert landed_here([("upsert", [{"id": 1, "v": deep}]), "checkpoint"], table, pages=pages)[1] is ContractError


@pytest.mark.parametrize("pages", [True, False])
def test_half_an_emoji_from_a_source_that_cuts_texts_lands_as_its_escape(pages):
    body = rb'{"data": [{"id": 1, "v": "cut \ud83d", "w": {"k\uDE00": ["\ud83d\ude00"]}}]}'
    lines = body[len(b'{"data": [') : -2]
    table = Table("t", "id")
    for form, path, data in ((Json(), "data", body), (Jsonl(), "", lines)):
        ((records, _),) = form.read(Response(200, {}, data), path, "GET /x")
        tables, _, error = landed_here([("upsert", records), "checkpoint"], table, pages=pages)
        assert error is None
        ((_, _, text, nested),) = tables["t"].rows
        assert text == r"cut \ud83d"
        assert json.loads(nested) == {r"k\ude00": ["\U0001f600"]}
