"""The mark: how times are read, when it moves, and never past what is sure."""

import json
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ConfigError, ContractError, TransientError
from headwater_runtime.moments import Stamp, floored, read, written
from headwater_runtime.pages import Page
from headwater_runtime.watermark import Watermark

from .cursor_model import DAY, HOUR, Fake

NOON = datetime(2025, 3, 10, 12, tzinfo=timezone.utc)


def begin(cursor, saved=None, now=NOON, **source):
    return cursor.begin(json.loads(json.dumps(saved or {})), Fake(**source), now)


def times(*values, position=None, **more):
    return Page([{"id": number, "at": value} for number, value in enumerate(values)], position, "GET /x", **more)


def take(progress, one, page):
    assert progress.wanted(one, page)
    progress.moved(one, page)


def test_unordered_the_mark_moves_at_the_end_only():
    progress = begin(Watermark("at"), {"since": "2025-03-01"})
    one = progress.next()
    assert one.start == read("2025-03-01")
    take(progress, one, times("2025-03-09T00:00:00Z", "2025-03-02T00:00:00Z"))
    assert progress.saved() == {"since": "2025-03-01"}
    progress.done(one)
    assert progress.saved() == {"since": "2025-03-09"}
    assert progress.next() is None


def test_the_mark_never_passes_the_beginning_minus_the_lag_nor_goes_back():
    for value, since in (("2030-01-01", "2025-03-10T11:00:00Z"), ("2020-01-01", "2025-03-01")):
        progress = begin(Watermark("at", lag=HOUR), {"since": "2025-03-01"})
        one = progress.next()
        take(progress, one, times(value))
        progress.done(one)
        assert progress.saved() == {"since": since}


def test_it_asks_from_the_lookback_before_the_mark_cut_down_to_the_unit():
    cursor = Watermark("at", start=date(2025, 1, 1), unit=DAY, lookback=HOUR)
    assert begin(cursor).next().start == read("2025-01-01")
    assert begin(cursor, {"since": "2025-03-09T00:30:00Z"}).next().start == read("2025-03-08")
    assert begin(Watermark("at")).next().start is None


def read_once(cursor, saved=None, **source):
    """Read one page to its end; return what was asked from, and what is saved."""
    progress = begin(cursor, saved, **source)
    one = progress.next()
    take(progress, one, times("2025-03-09"))
    progress.done(one)
    return one.start and written(one.start), progress.saved()


def test_an_earlier_start_has_everything_read_anew_and_a_later_one_changes_nothing():
    _, saved = read_once(Watermark("at", start="2025-02-01"))
    assert saved == {"since": "2025-03-09", "from": "2025-02-01"}
    assert read_once(Watermark("at", start="2025-03-01"), saved) == ("2025-03-09", saved)
    assert read_once(Watermark("at", start="2025-01-01"), saved) == (
        "2025-01-01",
        {"since": "2025-03-09", "from": "2025-01-01"},
    )
    assert read_once(Watermark("at"), saved) == (None, {"since": "2025-03-09"})
    assert read_once(Watermark("at", start="2025-01-01"), {"since": "2025-03-09"})[0] == "2025-03-09"


def test_a_first_pass_broken_off_under_one_start_does_not_go_on_under_an_earlier_one():
    keyed = {"durable": True, "paging": "Keyset"}
    progress = begin(Watermark("at", start="2025-02-01"), **keyed)
    one = progress.next()
    take(progress, one, times("2025-03-09", position=17))
    saved = progress.saved()
    assert (saved["from"], saved["at"]) == ("2025-02-01", 17)
    assert begin(Watermark("at", start="2025-01-01"), saved, **keyed).next().at is None
    later = begin(Watermark("at", start="2025-03-01"), saved, **keyed)
    assert later.next().at == 17
    assert later.saved()["from"] == "2025-03-01"  # what is behind the key is read from there on only


def test_ascending_it_moves_page_by_page():
    progress = begin(Watermark("at", order="ascending"), paging="NextLink")
    one = progress.next()
    take(progress, one, times("2025-03-01", "2025-03-02"))
    assert progress.saved() == {"since": "2025-03-02"}
    take(progress, one, times("2025-03-02", "2030-03-02"))
    assert progress.saved() == {"since": "2025-03-10T11:55:00Z"}


@pytest.mark.parametrize("second", [("2025-03-03", "2025-03-02"), ("2025-02-28",)])
def test_disorder_takes_the_mark_back_to_where_the_pass_began(second):
    progress = begin(Watermark("at", order="ascending"), {"since": "2025-02-01"})
    one = progress.next()
    take(progress, one, times("2025-03-01"))
    with pytest.raises(ContractError, match="ascending order of 'at'"):
        progress.wanted(one, times(*second))
    assert progress.saved() == {"since": "2025-02-01"}


def test_ascending_is_refused_under_numbered_pages():
    with pytest.raises(ConfigError, match="token, link or key"):
        Watermark("at", order="ascending").check(Fake())
    Watermark("at", order="ascending").check(Fake(paging="NextToken"))
    Watermark("at").check(Fake())


def test_descending_it_stops_at_the_first_page_wholly_before_the_mark_and_moves_at_the_end():
    progress = begin(Watermark("at", order="descending", lookback=DAY), {"since": "2025-03-05"})
    one = progress.next()
    take(progress, one, times("2025-03-09", "2025-03-04"))
    take(progress, one, times("2025-03-04", "2025-03-01"))
    take(progress, one, times("2025-03-01", None))  # a record without a time may be new
    assert not progress.wanted(one, times("2025-03-01", "2025-02-01"))
    assert progress.saved() == {"since": "2025-03-05"}
    progress.done(one)
    assert progress.saved() == {"since": "2025-03-09"}


def test_a_pass_over_keys_goes_on_where_it_was_broken_off_and_keeps_the_moment_it_began():
    progress = begin(Watermark("at"), {"since": "2025-03-01"}, durable=True, paging="Keyset")
    one = progress.next()
    take(progress, one, times("2025-03-09", position=17))
    saved = progress.saved()
    assert saved == {"since": "2025-03-01", "at": 17, "began": "2025-03-10T12:00:00Z", "seen": "2025-03-09"}
    progress = begin(Watermark("at"), saved, NOON + DAY, durable=True, paging="Keyset")
    one = progress.next()
    assert (one.at, one.start) == (17, read("2025-03-01"))
    take(progress, one, times("2025-03-11"))
    progress.done(one)
    assert progress.saved() == {"since": "2025-03-10T11:55:00Z"}


def test_a_token_is_not_kept_but_a_job_is():
    for more, kept in (({}, False), ({"urgent": True}, True)):
        progress = begin(Watermark("at"), durable=True, paging="NextToken")
        one = progress.next()
        take(progress, one, times("2025-03-09", position="t17", **more))
        assert ("at" in progress.saved()) is kept


def test_the_first_page_must_have_the_field_and_later_records_may_lack_it():
    progress = begin(Watermark("updated"))
    with pytest.raises(ContractError, match="no record of the first page has a 'updated'"):
        progress.wanted(progress.next(), times("2025-03-09"))
    progress = begin(Watermark("at"))
    one = progress.next()
    take(progress, one, times())
    take(progress, one, times(None))
    take(progress, one, Page([{"id": 1}], None, "GET /x"))
    progress.done(one)
    assert progress.saved() == {}


def test_a_failure_is_final():
    progress = begin(Watermark("at"))
    assert not progress.failed(progress.next(), TransientError("slow", heavy=True))


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ("2025-03-10T12:00:00Z", {}, NOON),
        ("2025-03-10T12:00:00", {}, NOON),
        ("2025-03-10T14:00:00.000+02:00", {"zone": "Asia/Tokyo"}, NOON),
        ("2025-03-10T14:00:00", {"zone": "Europe/Helsinki"}, NOON),
        ("2025-03-10 12:00:00 UTC", {"zone": "Europe/Helsinki"}, NOON),
        (1_741_608_000, {"zone": "Europe/Helsinki"}, NOON),
        (1_741_608_000_000, {}, NOON),
        ("1741608000", {"zone": "Europe/Helsinki"}, NOON),
        ("10.03.2025 14:00", {"format": "%d.%m.%Y %H:%M", "zone": "Europe/Helsinki"}, NOON),
        ("2025-10-26T03:30:00", {"zone": "Europe/Helsinki"}, datetime(2025, 10, 26, 0, 30, tzinfo=timezone.utc)),
    ],
)
def test_times_are_read_in_any_usual_form(value, options, expected):
    assert Stamp("at", **options).moment(value, "GET /x") == expected


@pytest.mark.parametrize("value", ["soon", "10.03.2025", True, "0000-00-00", {"a": 1}, 10**30])
def test_a_value_that_is_no_time_is_an_error_with_the_field_and_little_of_the_value(value):
    progress = begin(Watermark("at"))
    with pytest.raises(ContractError, match="'at' of a record is no moment"):
        progress.wanted(progress.next(), times(value, value))


def test_a_nested_field_is_found():
    assert Stamp("a.b").highest(Page([{"a": {"b": "2025-03-10T12:00:00Z"}}, {"a": None}], None, "")) == NOON


STAMPS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)).flatmap(
    lambda moment: st.sampled_from([moment.isoformat(), f"{moment.isoformat()}Z", f"{moment.isoformat()}+05:30"])
)


@given(st.lists(STAMPS | st.integers(10**9, 2 * 10**9), min_size=1, max_size=8))
def test_the_quick_maximum_is_never_later_than_the_true_one_and_always_one_of_the_times(values):
    stamp = Stamp("at")
    true = stamp.moments(values, "")
    quick = stamp.highest(times(*values))
    assert quick in true
    assert quick <= max(true)


@given(st.lists(STAMPS | st.integers(10**9, 2 * 10**9), min_size=1, max_size=8))
def test_values_said_to_sort_like_their_times_do(values):
    stamp = Stamp("at")
    if stamp.comparable(values):
        assert stamp.moments(sorted(values), "") == sorted(stamp.moments(values, ""))
    assert stamp.comparable([f"2025-03-{day}T00:00:00Z" for day in (10, 11, 12)])


@given(st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)), min_size=1, max_size=8))
def test_the_quick_maximum_of_times_of_one_form_is_the_true_one(moments):
    whole = [moment.replace(microsecond=0) for moment in moments]
    quick = Stamp("at").highest(times(*(f"{moment.isoformat()}Z" for moment in whole)))
    assert quick == max(whole).replace(tzinfo=timezone.utc)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.timedeltas(timedelta(seconds=1), timedelta(days=40))
)
def test_moments_survive_the_state_and_are_cut_down_to_units(moment, unit):
    aware = moment.replace(tzinfo=timezone.utc)
    assert read(written(aware)) == aware
    assert floored(aware, unit) <= aware < floored(aware, unit) + unit
    assert floored(floored(aware, unit), unit) == floored(aware, unit)


def test_what_cannot_work_is_refused_when_it_is_declared():
    for options in ({"field": ""}, {"field": "at", "zone": "Mars/Olympus"}, {"field": "at", "order": "random"}):
        with pytest.raises(ConfigError):
            Watermark(**options)


def test_the_name_tells_what_a_mark_means():
    assert Watermark("at").name == "watermark at"
    assert Watermark("at", order="ascending", zone="Asia/Tokyo").name == "watermark at Asia/Tokyo ascending"
