"""Windows of time: what is sent, what is remembered, and how they shrink and grow."""

import json
from datetime import date, datetime, timedelta, timezone

import pytest

from headwater_runtime import ConfigError, ContractError, SourceError, TransientError
from headwater_runtime.bad import Failure
from headwater_runtime.ranges import Windows

from .cursor_model import BORN, DAY, HOUR, MINUTE, NONE, Case, Fake, Pass, Record, happened, page

NOON = datetime(2025, 3, 10, 12, tzinfo=timezone.utc)
HEAVY = TransientError("timed out", heavy=True)


def begin(cursor, saved=None, now=NOON, **source):
    return cursor.begin(saved or {}, Fake(**source), now)


def text(moment):
    return f"{moment:%m-%dT%H:%M}".removesuffix("T00:00")


def handed(progress):
    """Hand out everything; return what is sent and the slices."""
    slices = list(iter(progress.next, None))
    return [(text(one.start), text(one.end)) for one in slices], slices


def finish(progress):
    while (found := progress.next()) is not None:
        progress.done(found)
    return json.loads(json.dumps(progress.saved()))


def test_days_are_sent_with_both_ends_included_and_today_is_read_but_not_done():
    progress = begin(Windows(date(2025, 3, 1), step=4 * DAY, unit=DAY))
    sent, slices = handed(progress)
    assert sent == [("03-01", "03-04"), ("03-05", "03-08"), ("03-09", "03-10T11:55")]
    for one in slices:
        progress.done(one)
    assert progress.saved() == {"from": "2025-03-01", "until": "2025-03-10"}
    assert handed(begin(Windows(date(2025, 3, 1), step=4 * DAY, unit=DAY), progress.saved()))[0] == [
        ("03-10", "03-10T11:55")
    ]


def test_without_a_unit_a_window_ends_where_the_next_begins_and_the_last_one_now_minus_the_lag():
    progress = begin(Windows("2025-03-10T00:00:00Z", step=5 * HOUR, lag=HOUR))
    sent, _ = handed(progress)
    assert sent == [("03-10", "03-10T05:00"), ("03-10T05:00", "03-10T10:00"), ("03-10T10:00", "03-10T11:00")]
    assert progress.saved()["until"] == "2025-03-10T11:00:00Z"


def test_a_step_without_end_is_one_window():
    sent, _ = handed(begin(Windows(date(2025, 3, 1), step=timedelta.max, lag=NONE)))
    assert sent == [("03-01", "03-10T12:00")]


def test_what_is_being_read_is_open_and_neighbours_are_saved_as_one():
    progress = begin(Windows(date(2025, 3, 1), step=2 * DAY, unit=DAY))
    _, slices = handed(progress)
    assert progress.saved()["open"] == [["2025-03-01", "2025-03-10"]]
    progress.done(slices[1])
    assert progress.saved()["open"] == [["2025-03-01", "2025-03-03"], ["2025-03-05", "2025-03-10"]]
    progress.done(slices[0])
    assert progress.saved()["open"] == [["2025-03-05", "2025-03-10"]]


def test_the_lookback_is_opened_once_however_often_a_pass_is_killed():
    cursor = Windows(date(2025, 1, 1), step=3 * DAY, unit=DAY, lookback=9 * DAY)
    saved = {"from": "2025-01-01", "until": "2025-03-10"}
    for expected in ("03-01", "03-04", "03-07"):
        progress = begin(cursor, saved, NOON)
        one = progress.next()
        assert text(one.start) == expected
        progress.done(one)
        saved = json.loads(json.dumps(progress.saved()))


def test_what_shows_late_while_a_pass_is_broken_off_for_longer_than_the_lookback_is_found():
    """The next pass looks back from where the pass began, not from where it was when it ended."""
    case = Case(Windows(BORN - DAY, step=6 * HOUR, lookback=HOUR, lag=NONE), happened(NONE), late=HOUR, lanes=4)
    sync = Pass(case)
    while sync.open():
        pass
    last = sync.lanes[3].slice
    assert last.end == BORN
    while any(lane.slice is last for lane in sync.lanes):
        sync.step(3)
    sync.checkpoint()
    sync.kill()
    sync.model.now += 10 * MINUTE
    sync.model.records[1] = Record(1, BORN - 30 * MINUTE, BORN)  # shows late, in a window that is done
    sync.model.now += 5 * HOUR
    sync.complete()
    assert sync.missing() == [1]
    sync.complete()
    assert sync.missing() == []


@pytest.mark.parametrize("unit", [DAY, NONE])
def test_a_clock_of_ours_that_is_ahead_loses_nothing(unit):
    """Two seconds before the source's midnight ours has a new day: what still happens in the old one is read by the next pass."""
    case = Case(Windows(BORN - DAY, step=DAY, unit=unit), happened(unit))
    sync = Pass(case)
    sync.model.now, sync.clock = datetime(2025, 1, 10, 23, 59, 58, tzinfo=timezone.utc), timedelta(seconds=2)
    sync.complete()
    sync.model.now += timedelta(seconds=1)
    sync.add(1.0)
    sync.model.now += HOUR
    sync.complete()
    assert sync.missing() == []


def test_an_earlier_start_opens_the_difference_and_a_later_one_nothing():
    saved = {"from": "2025-03-01", "until": "2025-03-10"}
    sent, _ = handed(begin(Windows(date(2025, 2, 1), step=timedelta.max, unit=DAY, lag=NONE), saved))
    assert sent == [("02-01", "02-28"), ("03-10", "03-10T12:00")]
    progress = begin(Windows(date(2025, 3, 5), step=timedelta.max, unit=DAY, lag=NONE), saved)
    assert handed(progress)[0] == [("03-10", "03-10T12:00")]
    assert progress.saved()["from"] == "2025-03-01"


def test_a_start_that_lies_ahead_is_waited_for_and_may_be_taken_back():
    cursor = Windows(date(2025, 3, 12), step=DAY, unit=DAY, lag=NONE)
    progress = begin(cursor)
    assert progress.next() is None
    saved = progress.saved()
    assert handed(begin(cursor, saved, NOON + 2 * DAY))[0] == [("03-12", "03-12T12:00")]
    earlier = Windows(date(2025, 3, 9), step=timedelta.max, unit=DAY, lag=NONE)
    assert handed(begin(earlier, saved))[0] == [("03-09", "03-10T12:00")]


def test_a_clock_that_goes_back_takes_the_end_of_the_axis_with_it():
    saved = {"from": "2025-03-01", "until": "2025-03-10", "open": [["2025-03-08", "2025-03-10"]]}
    progress = begin(Windows(date(2025, 3, 1), step=DAY, unit=DAY, lag=NONE), saved, NOON - DAY)
    assert progress.saved()["until"] == "2025-03-09"
    assert handed(progress)[0] == [("03-08", "03-08"), ("03-09", "03-09T12:00")]


def test_a_heavy_window_comes_again_in_halves_down_to_the_smallest_and_grows_back():
    progress = begin(Windows(date(2025, 1, 1), step=8 * DAY, unit=DAY, smallest=2 * DAY, tries=2))
    for days in (8, 4):
        one = progress.next()
        assert one.end - one.start == (days - 1) * DAY
        assert progress.failed(one, HEAVY)
    widths = []
    for _ in range(8):
        one = progress.next()
        widths.append((one.end - one.start) // DAY + 1)
        progress.done(one)
    assert widths == [2, 2, 2, 2, 4, 4, 4, 8]  # the rest of the first window is not as wide as asked for
    assert "width" not in progress.saved()


def test_the_width_outlives_the_pass():
    cursor = Windows(date(2025, 1, 1), step=8 * DAY, unit=DAY, smallest=DAY)
    progress = begin(cursor)
    assert progress.failed(progress.next(), HEAVY)
    assert progress.saved()["width"] == 4 * 86_400
    one = begin(cursor, json.loads(json.dumps(progress.saved()))).next()
    assert one.end - one.start == 3 * DAY


def test_the_smallest_window_is_tried_as_often_as_declared_and_stays_open():
    progress = begin(Windows(date(2025, 3, 9), step=DAY, unit=DAY, smallest=DAY, tries=3))
    answers = [progress.failed(progress.next(), HEAVY) for _ in range(3)]
    assert answers == [True, True, False]
    assert progress.saved()["open"] == [["2025-03-09", "2025-03-10"]]


@pytest.mark.parametrize("error", [TransientError("refused"), SourceError("no", status=400), ContractError("no field")])
def test_what_no_size_would_mend_is_not_tried_in_halves(error):
    progress = begin(Windows(date(2025, 3, 1), step=8 * DAY, smallest=DAY))
    assert not progress.failed(progress.next(), error)


def test_a_failed_job_is_tried_in_halves_and_its_id_forgotten():
    progress = begin(Windows(date(2025, 3, 1), step=8 * DAY, smallest=DAY, lag=NONE), durable=True, paging="Job")
    one = progress.next()
    progress.moved(one, page([], "job-1", urgent=True))
    assert progress.saved()["open"] == [
        ["2025-03-01", "2025-03-09", {"at": "job-1"}],
        ["2025-03-09", "2025-03-10T12:00:00Z"],
    ]
    assert progress.failed(one, SourceError("the job ended as 'Error'"))
    assert progress.next().at is None


def test_fixed_windows_leave_a_failure_as_it_is():
    progress = begin(Windows(date(2025, 3, 1), step=8 * DAY))
    assert not progress.failed(progress.next(), HEAVY)


def test_a_broken_off_window_goes_on_at_its_position_where_that_is_durable():
    cursor = Windows(date(2025, 3, 1), step=8 * DAY, lag=NONE)
    progress = begin(cursor, durable=True, paging="Keyset")
    one = progress.next()
    progress.moved(one, page([], "k17"))
    again = begin(cursor, json.loads(json.dumps(progress.saved())), NOON + DAY, durable=True, paging="Keyset").next()
    assert (again.start, again.end, again.at) == (one.start, one.end, "k17")
    progress = begin(cursor, paging="NextToken", durable=True)
    one = progress.next()
    progress.moved(one, page([], "t17"))
    assert progress.saved()["open"] == [["2025-03-01", "2025-03-10T12:00:00Z"]]


def many(count):
    return [Record(number, BORN, BORN) for number in range(count)]


def test_a_full_answer_was_cut_by_the_source_and_comes_in_halves():
    progress = begin(Windows(date(2025, 3, 9), step=2 * DAY, unit=DAY, most=10, lag=NONE))
    one = progress.next()
    progress.moved(one, page(many(6)))
    progress.moved(one, page(many(4)))
    progress.done(one)
    assert progress.saved()["open"] == [["2025-03-09", "2025-03-10"]]
    assert [text(progress.next().end), text(progress.next().end)] == ["03-09", "03-10T12:00"]


def test_records_that_failed_alone_count_towards_a_full_answer():
    progress = begin(Windows(date(2025, 3, 9), step=2 * DAY, unit=DAY, most=10))
    one = progress.next()
    lacking = Failure("https://api.test/x?at=7", "", 500, "it failed", NOON)
    progress.moved(one, page(many(9), failed=(lacking,)))
    progress.done(one)
    assert progress.saved()["open"] == [["2025-03-09", "2025-03-10"]]


def test_a_unit_with_a_full_answer_is_an_error_and_stays_open():
    progress = begin(Windows(date(2025, 3, 9), step=DAY, unit=DAY, most=10))
    one = progress.next()
    progress.moved(one, page(many(10)))
    with pytest.raises(ContractError, match="at most 10 records"):
        progress.done(one)
    assert progress.saved()["open"] == [["2025-03-09", "2025-03-10"]]


def test_what_the_source_forgets_is_warned_of_once_it_matters():
    cursor = Windows(date(2024, 1, 1), step=timedelta.max, unit=DAY, reach=90 * DAY)
    source = Fake()
    progress = cursor.begin({}, source, NOON)
    assert text(progress.next().start) == "12-11"
    assert len(source.warnings) == 1
    source = Fake()
    cursor.begin({"from": "2024-01-01", "until": "2025-03-09"}, source, NOON)
    Windows(None, step=7 * DAY, reach=90 * DAY).begin({}, source, NOON)
    assert source.warnings == []


def test_a_sync_that_is_killed_after_every_window_still_ends():
    cursor, saved = Windows(date(2024, 1, 1), step=7 * DAY, unit=DAY, lookback=30 * DAY, lag=HOUR), {}
    for number in range(200):
        progress = begin(cursor, saved, NOON + number * MINUTE)
        one = progress.next()
        if one is None or one.end == NOON + number * MINUTE - HOUR:
            assert number > 50
            return
        progress.done(one)
        saved = json.loads(json.dumps(progress.saved()))
    pytest.fail("it never came to the last window")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": None, "step": DAY}, "start"),
        ({"start": "31.12.2024", "step": DAY}, "is no date"),
        ({"start": "2025-01-01", "step": HOUR, "unit": DAY}, "one unit"),
        ({"start": "2025-01-01", "step": DAY, "smallest": 2 * DAY}, "smallest"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_declared(options, words):
    with pytest.raises(ConfigError, match=words):
        Windows(**options)
