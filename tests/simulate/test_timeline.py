"""When records came to be and changed, and indices in runs."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import SimulatorError
from headwater.simulate import Following, Ordered, Population, Spans, Timeline
from headwater_runtime.clock import FakeClock

NOW = datetime(2025, 1, 1, tzinfo=timezone.utc)
EVER = (datetime(2000, 1, 1, tzinfo=timezone.utc), datetime(2100, 1, 1, tzinfo=timezone.utc))
runs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4)


def ascending(pairs):
    """Return runs that follow one another with gaps."""
    found, at = [], 0
    for gap, length in pairs:
        found.append(range(at + gap, at + gap + length))
        at += gap + length + 1
    return found


def population(count, **how):
    return Population(
        lambda seed, index, version: {"id": index, "version": version}, count, timeline=Timeline(count, **how)
    )


@given(runs, runs)
def test_spans_are_lists_of_indices(one, other):
    a, b = Spans(ascending(one)), Spans(ascending(other))
    plain = [index for run in ascending(one) for index in run]
    assert list(a) == plain == [a[at] for at in range(len(a))] == a[:]
    assert a[1:5] == plain[1:5]
    assert list(a.meet(b)) == sorted(set(plain) & set(b))
    assert list(a.without(list(b))) == sorted(set(plain) - set(b))
    with pytest.raises(IndexError):
        a[len(a)]


def test_records_lie_evenly_in_the_past_and_neighbours_share_moments():
    timeline = Timeline(100, ties=4)
    moments = [timeline.at(index) for index in range(100)]
    assert moments == sorted(moments)
    assert len(set(moments)) == 25
    assert moments[0].year == 2024
    assert moments[-1] < NOW


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_window_holds_just_the_records_of_its_moments(first, last):
    timeline = Timeline(50, ties=3)
    start, stop = (NOW - timedelta(days=366 - days) for days in (first, last))
    assert list(timeline.between(start, stop)) == [index for index in range(50) if start <= timeline.at(index) < stop]


def test_what_is_added_and_changed_later_has_the_moment_of_the_clock():
    things, clock = population(10), FakeClock()
    things.timeline.clock = clock
    things.grow(2)
    clock.sleep(60)
    things.edit(3)
    things.grow(1, late=86_400)
    timeline = things.timeline
    assert [timeline.at(index) for index in (10, 11, 12)] == [NOW, NOW, NOW + timedelta(seconds=60 - 86_400)]
    assert timeline.changed(3) == NOW + timedelta(seconds=60)
    assert list(timeline.changed_between(NOW, EVER[1])) == [3, 10, 11]
    assert list(timeline.between(NOW - timedelta(days=1), EVER[1])) == [10, 11, 12]
    assert list(timeline.changed_between(*EVER)) == list(range(13))


def test_a_population_can_follow_another():
    leader = population(10)
    follower = Population(
        lambda seed, index, version: {"id": index},
        lambda: len(leader) // 2,
        timeline=Following(leader.timeline, lambda index: 2 * index, lambda: len(leader) // 2),
    )
    assert len(follower) == 5
    leader.grow(4)
    assert len(list(follower.records())) == 7
    assert follower.timeline.at(1) == leader.timeline.at(2)
    assert list(follower.timeline.between(leader.timeline.at(4), NOW)) == [2, 3, 4]
    assert list(follower.timeline.between(NOW, EVER[1])) == [5, 6]
    with pytest.raises(SimulatorError, match="follows from another"):
        follower.grow(1)


def test_a_deleted_record_is_gone_and_the_others_keep_their_index():
    things = population(5)
    things.delete(2)
    assert [one["id"] for one in things.records()] == [0, 1, 3, 4]
    assert (things.deleted, len(things)) == ((2,), 5)
    assert things.as_it_was(2)["id"] == 2
    for deed in (things.record, things.edit, things.delete):
        with pytest.raises(IndexError):
            deed(2)


def test_a_mixed_order_holds_everything_once_and_growth_moves_nothing():
    mixed = list(Ordered(range(40), "mixed", 40))
    assert sorted(mixed) == list(range(40)) != mixed
    assert list(Ordered(range(70), "mixed", 40))[:40] == mixed
    assert list(Ordered(range(5), "newest", 0)) == [4, 3, 2, 1, 0]
    assert Ordered(range(5), "oldest", 0)[-1] == 4
    with pytest.raises(IndexError):
        Ordered(range(5), "oldest", 0)[5]
