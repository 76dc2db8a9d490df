"""Times as sources write them: ISO 8601 on any Python, and bounds in a zone of the source's."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import Call, ConfigError, End, Start
from headwater_runtime.call import Slice
from headwater_runtime.moments import declared, read
from headwater_runtime.times import iso

from .moments import moment

HELSINKI = "Europe/Helsinki"  # on 2025-10-26 the clocks showed 03:00 to 04:00 twice, from 00:00 and from 01:00 in UTC
WALL = "%Y-%m-%d %H:%M"
EAST = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-01-31", datetime(2025, 1, 31)),
        ("2025-01-31 08:15", datetime(2025, 1, 31, 8, 15)),
        ("2025-01-31T08:15:30.5Z", moment(2025, 1, 31, 8, 15, 30, 500_000)),
        ("2025-01-31T08:15:30.1234567Z", moment(2025, 1, 31, 8, 15, 30, 123_456)),
        ("2025-01-31T08:15:30,12+0000", moment(2025, 1, 31, 8, 15, 30, 120_000)),
        ("2025-01-31 08:15:30+00", moment(2025, 1, 31, 8, 15, 30)),
        (" 2025-01-31 08:15:30 UTC ", moment(2025, 1, 31, 8, 15, 30)),
        ("2025-01-31T08:15:30+0530", datetime(2025, 1, 31, 8, 15, 30, tzinfo=EAST)),
        ("2025-01-31T08:15-05:30", datetime(2025, 1, 31, 8, 15, tzinfo=timezone(-timedelta(hours=5, minutes=30)))),
    ],
)
def test_every_form_of_iso_8601_is_read_on_every_python(text, expected):
    assert (iso(text), iso(text).tzinfo is None) == (expected, expected.tzinfo is None)


@pytest.mark.parametrize(
    "text", ["", "soon", "31.01.2025", "2025-02-31", "2025-01-31T25:00", "2025-01-31T08", "1735689609"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"not ISO 8601|day|hour"):
        iso(text)


@given(st.datetimes(timezones=st.sampled_from([timezone.utc, EAST, None])))
def test_what_python_writes_is_read_back(value):
    assert iso(value.isoformat()) == value


def test_a_start_may_have_any_fraction():
    assert read("2025-01-31T08:15:30.1234567Z") == moment(2025, 1, 31, 8, 15, 30, 123_456)
    with pytest.raises(ConfigError, match="is no date"):
        declared("31.01.2025")


# -- Bounds in a zone -------------------------------------------------------------------------------------------------


def sent(bound, at):
    return bound(Slice(start=at, end=at))


@pytest.mark.parametrize("kind", [Start, End])
def test_a_bound_is_written_in_its_zone(kind):
    at = moment(2025, 6, 30, 22, 15)
    assert sent(kind(), at) == sent(kind(zone="UTC"), at) == "2025-06-30T22:15:00Z"
    assert sent(kind(zone=HELSINKI), at) == "2025-07-01T01:15:00+03:00"
    assert sent(kind(WALL, HELSINKI), at) == "2025-07-01 01:15"
    assert sent(kind("%Y-%m-%d", "America/New_York"), moment(2025, 7, 1, 2)) == "2025-06-30"
    assert kind("%Y-%m-%d", HELSINKI)(Slice()) is None


def test_the_sign_of_an_offset_survives_the_query():
    call = Call("/x", params={"since": Start(zone=HELSINKI)})
    request = call.at("https://api.test", Slice(start=moment(2025, 1, 1)))
    assert requests.Request("GET", request.url, params=request.params).prepare().url.endswith("02%3A00%3A00%2B02%3A00")


@pytest.mark.parametrize(
    ("at", "start", "end"),
    [
        (moment(2025, 10, 25, 23, 59), "02:59", "02:59"),
        (moment(2025, 10, 26, 0, 0), "02:00", "03:00"),
        (moment(2025, 10, 26, 0, 30), "02:30", "03:30"),
        (moment(2025, 10, 26, 1, 30), "03:30", "04:30"),
        (moment(2025, 10, 26, 2, 0), "04:00", "04:00"),
    ],
)
def test_in_the_hour_that_comes_twice_a_bound_lies_too_far_out_rather_than_too_far_in(at, start, end):
    assert sent(Start(WALL, HELSINKI), at) == f"2025-10-26 {start}"
    assert sent(End(WALL, HELSINKI), at) == f"2025-10-26 {end}"
    assert sent(Start(zone=HELSINKI), at) == at.astimezone(ZoneInfo(HELSINKI)).isoformat()
    assert sent(Start(f"{WALL} %z", HELSINKI), at) == at.astimezone(ZoneInfo(HELSINKI)).strftime(f"{WALL} %z")


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from([HELSINKI, "America/New_York", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata"]),
    st.sampled_from([0, 1]),
)
def test_whichever_of_two_moments_the_source_takes_nothing_is_left_out(value, zone, fold):
    """The format has no seconds: a bound is cut down to its minute."""
    at = value.replace(second=0, microsecond=0, tzinfo=timezone.utc)

    def taken(text):
        return datetime.strptime(text, WALL).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(timezone.utc)

    hour = timedelta(hours=1)
    assert (
        at - hour * 2 <= taken(sent(Start(WALL, zone), at)) <= at <= taken(sent(End(WALL, zone), at)) <= at + hour * 2
    )


@pytest.mark.parametrize(("bound", "words"), [(("", "Mars/Olympus"), "time zone"), (("epoch", HELSINKI), "every zone")])
def test_a_zone_that_cannot_be_is_refused_when_it_is_declared(bound, words):
    with pytest.raises(ConfigError, match=words):
        Start(*bound)
