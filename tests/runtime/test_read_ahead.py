"""Reading ahead changes when pages are fetched, and nothing else."""

import threading
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime.read_ahead import ReadAhead


@given(st.lists(st.integers(), max_size=30))
def test_items_come_whole_and_in_order(items):
    with closing(ReadAhead(iter(items))) as ahead:
        assert list(ahead) == items


def test_an_error_comes_after_the_items_before_it_as_it_was():
    raised = KeyError("x")

    def source():
        yield 1
        yield 2
        raise raised

    seen = []
    with closing(ReadAhead(source())) as ahead, pytest.raises(KeyError) as caught:
        seen.extend(ahead)
    assert seen == [1, 2]
    assert caught.value is raised


def test_the_next_item_is_fetched_while_this_one_is_used_and_no_more_than_two_beyond_it():
    fetched, third = [], threading.Event()

    def source():
        for number in range(100):
            fetched.append(number)
            if number == 2:
                third.set()
            yield number

    with closing(ReadAhead(source())) as ahead:
        assert next(iter(ahead)) == 0
        assert third.wait(5), "nobody asked for it yet"
        assert len(fetched) <= 3


@pytest.mark.parametrize("used", [0, 1, 5])
def test_leaving_stops_the_reading(used):
    endless = iter(int, 1)
    with closing(ReadAhead(endless)) as ahead:
        items = iter(ahead)
        for _ in range(used):
            next(items)
    assert not ahead._thread.is_alive()
