"""Reading by id: ranges that do not touch, what was added, and what changed below."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from headwater_runtime import Call, Client, ConfigError, ContractError, Keyset, Sizes, TransientError, UpTo
from headwater_runtime.sequence import Sequence

from .cursor_model import DAY, HOUR, Fake, Model, Record, page

NOON = datetime(2025, 3, 10, 12, tzinfo=timezone.utc)
LAG = timedelta(minutes=5)


def newest(number):
    records = {number: Record(number, NOON, NOON)} if number else {}
    return Fake(durable=True, paging="Keyset", model=Model(records=records))


def begin(cursor, saved=None, now=NOON, size=10):
    source = Fake(durable=True, paging="Keyset")
    source.paging.size = size
    return cursor.begin(json.loads(json.dumps(saved or {})), source, now)


def handed(progress):
    slices = list(iter(progress.next, None))
    return [(one.at, one.up_to) for one in slices], slices


def read(progress, one, *ids, changed=NOON):
    records = [Record(number, NOON, changed) for number in ids]
    assert progress.wanted(one, page(records, ids[-1] if ids else None))
    progress.moved(one, page(records, ids[-1] if ids else None))


def test_the_ids_up_to_the_newest_are_read_in_ranges_that_do_not_touch():
    sent, slices = handed(begin(Sequence(newest(100)), size=30))
    assert sent == [(None, 30), (30, 60), (60, 90), (90, 100)]
    assert {one.start for one in slices} == {None}
    assert len(handed(begin(Sequence(newest(1_000_000)), size=1_000))[0]) == 32


def test_a_range_shrinks_from_below_page_by_page_and_leaves_when_it_is_read():
    progress = begin(Sequence(newest(40)), size=20)
    _, (low, high) = handed(progress)
    read(progress, low, 3, 7)
    read(progress, high, 22, 31)
    assert progress.saved()["open"] == [[7, 20], [31, 40]]
    progress.done(high)
    assert progress.saved()["open"] == [[7, 20]]
    progress.done(low)
    assert progress.saved() == {"until": 40, "rows": 4}


def test_what_was_added_is_read_above_the_last_id_and_what_changed_below_it_by_its_time():
    cursor = Sequence(newest(50), changed="changed", unit=DAY)
    sent, slices = handed(begin(cursor, {"until": 40, "since": "2025-03-09T15:00:00Z", "rows": 40}, size=100))
    assert sent == [(40, 50), (None, 40)]
    assert [one.start for one in slices] == [None, datetime(2025, 3, 9, tzinfo=timezone.utc)]


def test_the_mark_moves_at_the_end_to_what_was_seen_but_not_past_the_beginning():
    for changed, since in ((NOON - HOUR, "2025-03-10T11:00:00Z"), (NOON + HOUR, "2025-03-10T11:55:00Z")):
        progress = begin(Sequence(newest(2), changed="changed", lag=LAG))
        one = progress.next()
        read(progress, one, 1, 2, changed=changed)
        assert "since" not in progress.saved()
        progress.done(one)
        assert progress.saved() == {"until": 2, "rows": 2, "since": since}


def test_a_broken_off_pass_keeps_its_ranges_and_the_moment_it_began_and_adds_new_ids():
    cursor = Sequence(newest(40), changed="changed")
    progress = begin(cursor, {"until": 30, "since": "2025-03-01"}, size=100)
    _, (_, changes) = handed(progress)
    read(progress, changes, 8, changed=NOON - DAY)
    saved = progress.saved()
    assert saved["open"] == [[30, 40], [8, 30, {"since": "2025-03-01"}]]
    assert (saved["until"], saved["began"], saved["seen"]) == (40, "2025-03-10T12:00:00Z", "2025-03-09T12:00:00Z")
    progress = begin(Sequence(newest(45), changed="changed"), saved, NOON + 2 * DAY, size=100)
    sent, slices = handed(progress)
    assert sent == [(30, 40), (8, 30), (40, 45)]
    for one in slices:
        read(progress, one, one.up_to, changed=NOON + DAY)
        progress.done(one)
    assert progress.saved()["since"] == "2025-03-10T11:55:00Z"  # by the clock of the first beginning


def test_without_the_newest_one_range_has_no_end():
    progress = begin(Sequence(), {"until": 7})
    sent, (one,) = handed(progress)
    assert sent == [(7, None)]
    read(progress, one, 8, 9)
    assert progress.saved()["until"] == 9
    progress.done(one)
    assert progress.saved() == {"until": 9, "rows": 2}


def test_where_the_highest_id_has_become_lower_so_has_until():
    progress = begin(Sequence(newest(5)), {"until": 9, "began": "2025-03-01", "open": [[3, 9]]})
    assert handed(progress)[0] == [(3, 5)]
    assert progress.saved()["until"] == 5


def test_ids_that_show_late_are_looked_back_for_on_request():
    assert handed(begin(Sequence(newest(50), lookback=5), {"until": 40}))[0] == [(35, 45), (45, 50)]
    assert handed(begin(Sequence(newest(40)), {"until": 40}))[0] == []


def test_a_pass_broken_off_for_longer_than_the_lookback_looks_back_from_where_it_began():
    cursor = Sequence(newest(40), lookback=5)
    progress = begin(cursor, {"until": 30, "rows": 30})
    _, (low, _) = handed(progress)
    read(progress, low, 31)
    saved = progress.saved()
    assert (saved["until"], saved["open"]) == (40, [[31, 40]])
    progress = begin(Sequence(newest(90), lookback=5), saved)  # it goes on when there are 50 ids more
    for one in handed(progress)[1]:
        progress.done(one)
    saved = progress.saved()
    assert (saved["until"], saved["base"]) == (90, 40)
    sent, _ = handed(begin(Sequence(newest(90), lookback=5), saved, size=100))
    assert sent == [(35, 90)]  # 36 to 40 may have shown late, after their range was read and long before the pass ended
    progress = begin(Sequence(newest(90), lookback=5), saved, size=100)
    progress.done(progress.next())
    assert progress.saved() == {"until": 90, "rows": 31}
    assert handed(begin(Sequence(newest(90), lookback=5), progress.saved()))[0] == [(85, 90)]


def test_a_range_is_no_smaller_than_the_largest_of_several_page_sizes():
    client = Client("https://api.test")
    paging = Keyset("id", param="after", size_param="take", size=Sizes(300, 10, 1))
    source = client.pages(Call("/things", params={"to": UpTo()}), records="list", paging=paging)
    progress = Sequence(newest(1_000)).begin({}, source, NOON)
    assert handed(progress)[0] == [(None, 300), (300, 600), (600, 900), (900, 1000)]


class Hesitant(Fake):
    """Gives an empty page before the one with the newest record."""

    def read(self, *arguments, **more):
        yield page([])
        yield from super().read(*arguments, **more)


def test_an_empty_page_before_the_newest_record_is_not_the_end():
    records = {7: Record(7, NOON, NOON)}
    source = Hesitant(durable=True, paging="Keyset", model=Model(records=records))
    assert handed(begin(Sequence(source)))[0] == [(None, 7)]


def test_an_empty_source_leaves_nothing_open():
    progress = begin(Sequence(newest(0), changed="changed"))
    assert progress.next() is None
    assert progress.saved() == {"until": 0, "rows": 0}


def test_a_state_without_a_mark_has_everything_below_read_again():
    sent, slices = handed(begin(Sequence(newest(50), changed="changed"), {"until": 40}, size=100))
    assert sent == [(40, 50), (None, 40)]
    assert [one.start for one in slices] == [None, None]


def test_a_failure_is_final_and_the_range_stays_open():
    progress = begin(Sequence(newest(5)))
    assert not progress.failed(progress.next(), TransientError("slow", heavy=True))
    assert progress.saved()["open"] == [[0, 5]]


def test_a_source_that_ignores_the_upper_end_is_told_of_before_a_row_is_emitted():
    progress = begin(Sequence(newest(20)))
    with pytest.raises(ContractError, match="ids up to 10 were asked for"):
        progress.wanted(progress.next(), page([Record(11, NOON, NOON)], 11))


def test_ids_must_be_whole_numbers_also_as_text():
    progress = begin(Sequence())
    one = progress.next()
    progress.moved(one, page([], "17"))
    assert progress.saved()["until"] == 17
    with pytest.raises(ContractError, match="whole numbers"):
        progress.moved(one, page([], "a17"))


def test_records_without_the_time_of_change_are_told_of():
    progress = begin(Sequence(newest(9), changed="modified"))
    with pytest.raises(ContractError, match="no record of the first page has a 'modified'"):
        progress.wanted(progress.next(), page([Record(1, NOON, NOON)], 1))


def test_only_keyset_goes_from_id_to_id():
    with pytest.raises(ConfigError, match="needs Keyset"):
        Sequence().check(Fake())
    Sequence().check(Fake(durable=True, paging="Keyset"))


def test_it_says_which_bounds_it_fills():
    assert Sequence().fills == frozenset()
    assert Sequence(newest(1), changed="changed").fills == {"start", "up_to"}
