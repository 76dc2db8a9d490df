"""Lanes: the order of what comes out depends on the source alone, and nothing is left behind."""

import threading
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_runtime import SourceError
from headwater_runtime.lanes import AHEAD_BYTES, Lanes
from headwater_runtime.pages import Page


def page(name, size=1, **more):
    return Page([{"id": name}], name, "GET /things", size, **more)


def alive():
    return [thread for thread in threading.enumerate() if thread.name == "headwater-lane"]


def jobs(*names):
    left = list(names)
    return lambda: left.pop(0) if left else None


def out(lanes):
    """What comes out: (job, id), (job, None), (job, message)."""
    with closing(lanes):
        return [(job, item.records[0]["id"] if isinstance(item, Page) else item and item.what) for job, item in lanes]


def round_robin(lengths, width, failing=frozenset()):
    """What must come out, told by a model without threads."""
    waiting, lanes, result, turn = list(range(len(lengths))), [], [], 0
    while True:
        while len(lanes) < width and waiting:
            job = waiting.pop(0)
            lanes.insert(turn, [job, 0])
            turn += 1
        if not lanes:
            return result
        turn %= len(lanes)
        job, at = lanes[turn]
        if at < lengths[job]:
            result.append((job, f"{job}.{at}"))
            lanes[turn][1] += 1
            turn += 1
        else:
            result.append((job, "broken" if job in failing else None))
            lanes.pop(turn)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 4), max_size=7),
    width=st.integers(1, 4),
    failing=st.sets(st.integers(0, 6)),
    order=st.randoms(use_true_random=False),
    ordered=st.booleans(),
)
def test_the_order_depends_on_the_source_alone(lengths, width, failing, order, ordered):
    """Each page comes when a drawn order lets it: a page waits for those drawn before it, of lanes that run by then."""
    changed, running, done = threading.Condition(), set(), set()
    steps = [(job, at) for job, length in enumerate(lengths) for at in range(length)]
    rank = {step: place for place, step in enumerate(order.sample(steps, len(steps)))}

    def mine(job, at):
        others = [(one, nth) for one, nth in rank if one in running and one != job and (one, nth) not in done]
        firsts = {one: min(nth for other, nth in others if other == one) for one, _ in others}
        return all(rank[one, nth] > rank[job, at] for one, nth in firsts.items())

    def read(job):
        with changed:
            running.add(job)
        for at in range(lengths[job]):
            with changed:
                changed.wait_for(lambda at=at: mine(job, at), timeout=0.005)
                done.add((job, at))
                changed.notify_all()
            yield page(f"{job}.{at}", AHEAD_BYTES)
        if job in failing:
            raise SourceError("broken")

    expected = round_robin(lengths, 1 if ordered else width, failing)  # in order it is as if one was read at a time
    assert out(Lanes(jobs(*range(len(lengths))), width, read, ordered=ordered)) == expected
    assert alive() == []


def test_a_failure_comes_after_the_pages_before_it_and_the_others_go_on():
    def read(job):
        yield page(f"{job}.0")
        if job == "b":
            raise SourceError("broken")
        yield page(f"{job}.1")

    expected = [("a", "a.0"), ("b", "b.0"), ("a", "a.1"), ("b", "broken"), ("a", None)]
    assert out(Lanes(jobs("a", "b"), 2, read)) == expected


def test_a_slice_that_failed_may_come_again():
    left, tries = [["a"]], []

    def read(job):
        tries.append(job)
        if len(tries) == 1:
            raise SourceError("too much")
        yield page(job)

    with closing(Lanes(lambda: left.pop(0)[0] if left else None, 3, read)) as lanes:
        for job, item in lanes:
            if isinstance(item, SourceError):
                left += [[f"{job}1"], [f"{job}2"]]
    assert sorted(tries) == ["a", "a1", "a2"]


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()])
def test_what_is_not_the_source_s_failure_is_raised_as_it_was(error):
    def read(job):
        yield page("1")
        raise error

    with closing(Lanes(jobs("a"), 2, read)) as lanes, pytest.raises(type(error)) as caught:
        list(lanes)
    assert caught.value is error


def test_a_first_page_that_fails_fails_its_lane_alone_and_any_iterator_will_do():
    def broken():
        raise SourceError("no")
        yield

    assert out(Lanes(jobs("a", "b"), 2, lambda job: broken() if job == "a" else iter([page("b")]))) == [
        ("a", "no"),
        ("b", "b"),
        ("b", None),
    ]


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_an_early_close_leaves_no_thread_and_closes_what_was_read(taken):
    closed = []

    def read(job):
        try:
            for number in range(1000):
                yield page(f"{job}.{number}", AHEAD_BYTES)
        finally:
            closed.append(job)

    begun = []
    with closing(Lanes(jobs("a", "b", "c"), 3, lambda job: begun.append(job) or read(job))) as lanes:
        for number, _ in enumerate(lanes, 1):
            if number >= taken:
                break
    assert alive() == []
    assert sorted(closed) == sorted(begun) == ["a", "b", "c"]
    assert list(lanes) == []


def test_a_dropped_job_is_handed_over_no_more():
    def read(job):
        for number in range(5):
            yield page(f"{job}.{number}")

    seen = []
    with closing(Lanes(jobs("a", "b", "c"), 2, read)) as lanes:
        for job, item in lanes:
            seen.append((job, item and item.position))
            if item is not None and item.position == "a.1":
                lanes.drop(job)
    assert [name for job, name in seen if job == "a"] == ["a.0", "a.1"]
    assert [name for job, name in seen if job == "b"] == [f"b.{number}" for number in range(5)] + [None]
    assert [name for job, name in seen if job == "c"] == [f"c.{number}" for number in range(5)] + [None]
    assert alive() == []


@pytest.mark.parametrize("width", [1, 3])
def test_a_lane_goes_on_behind_an_urgent_page_only_when_it_is_dealt_with(width):
    saved = []

    def read(job):
        yield page(f"{job}.0")
        yield page(f"{job}.id", urgent=True)
        assert f"{job}.id" in saved
        yield page(f"{job}.1")

    with closing(Lanes(jobs("a", "b", "c"), width, read)) as lanes:
        for _, item in lanes:
            if item is not None:
                saved.append(item.position)
    assert len(saved) == 9


@pytest.mark.parametrize(
    ("weight", "width", "most"), [(AHEAD_BYTES // 8, 1, 8), (AHEAD_BYTES, 1, 1), (AHEAD_BYTES, 4, 4)]
)
def test_what_is_read_ahead_is_bounded_by_weight(weight, width, most):
    read_so_far, taken = [], []

    def read(job):
        for number in range(30):
            read_so_far.append(number)
            yield page(number, weight)

    with closing(Lanes(jobs(*range(width)), width, read)) as lanes:
        for _ in lanes:
            taken.append(1)
            assert len(read_so_far) - len(taken) <= most
    assert alive() == []
