"""Page sizes that step down where queries fail, up where they do not, and over records that fail alone."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_runtime import Client, ContractError, Offset, Retry, SourceError, TransientError
from headwater_runtime.call import Body, Call
from headwater_runtime.clock import FakeClock
from headwater_runtime.errors import TransportError
from headwater_runtime.keyset import Keyset
from headwater_runtime.paging import Sizes
from headwater_runtime.transport import Response

from .conftest import HOME

STEPS = (100, 50, 10, 5, 1)
KINDS = ["keyset", "offset"]


class Source:
    """Records with ids from 1, one query each. `poison`: a page that holds one of these fails; `heavy`: so do larger pages."""

    def __init__(self, count, *, poison=(), heavy=1000, failure=lambda: Response(500), clock=None, slow=None, down=()):
        self.ids = list(range(1, count + 1))
        self.poison, self.heavy, self.failure, self.down = set(poison), heavy, failure, down
        self.clock, self.slow = clock, slow
        self.asked = []  # (key or offset, skip, size)

    def send(self, request):
        size = int(request.params["take"])
        if request.body is None:
            at = int(request.params["offset"])
            self.asked.append((at, 0, size))
            found = self.ids[at : at + size]
        else:
            key, skip = json.loads(request.body)["after"], int(request.params["skip"])
            self.asked.append((key, skip, size))
            found = [one for one in self.ids if one > key][skip : skip + size]
        if self.slow:
            self.clock.sleep(self.slow(size))
        if len(self.asked) in self.down or size > self.heavy or self.poison & set(found):
            failure = self.failure()
            if isinstance(failure, Exception):
                raise failure
            return failure
        return Response(200, {}, json.dumps({"list": [{"id": one} for one in found], "total": len(self.ids)}).encode())

    def close(self):
        pass

    @property
    def sizes(self):
        return [size for _, _, size in self.asked]


def pages_of(source, kind="keyset", *, sizes=None, clock=None, **options):
    clock = source.clock = clock or FakeClock()
    retry = Retry(**{"draw": lambda: 1.0, "breaker": 10_000, "deadline": 1e9, **options})
    client = Client(HOME, transport=source, clock=clock, retry=retry)
    sizes = sizes or Sizes(*STEPS)
    if kind == "offset":
        paging = Offset("offset", size_param="take", size=sizes, total="total")
        return client.pages("/things", records="list", paging=paging)
    paging = Keyset("id", param=Body("after"), size_param="take", size=sizes, skip_param="skip")
    return client.pages(Call("/things", json={"after": 0}), records="list", paging=paging)


def ids(pages):
    return [one["id"] for page in pages for one in page.records]


def failed(pages):
    return [failure for page in pages for failure in page.failed]


def timed_out():
    return TransportError("the answer timed out", heavy=True)


HEAVY = {
    "500": lambda: Response(500),
    "503": lambda: Response(503),
    "html": lambda: Response(200, {"content-type": "text/html"}, b"<html>"),
    "time-out": timed_out,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", HEAVY)
def test_a_query_that_fails_is_asked_again_for_less_after_two_tries(kind, failure):
    source = Source(60, heavy=10, failure=HEAVY[failure])
    pages = list(pages_of(source, kind).read())
    assert ids(pages) == source.ids
    assert source.sizes[:6] == [100, 100, 50, 50, 10, 10]
    assert pages[0].step == 10
    assert failed(pages) == []


@pytest.mark.parametrize("kind", KINDS)
def test_five_good_pages_step_up_and_a_step_up_that_fails_makes_the_next_one_wait_longer(kind):
    source = Source(1000, heavy=50)
    assert ids(pages_of(source, kind).read()) == source.ids
    assert source.sizes[:2] == [100, 100]
    tries = [at for at, size in enumerate(source.sizes) if size == 100]
    assert tries[2:4] == [7, 8]  # five pages of 50 later
    assert tries[4:6] == [19, 20]  # ten pages later
    source = Source(1000, down={1, 2})  # well again at once
    pages = list(pages_of(source, kind).read())
    assert ids(pages) == source.ids
    assert [page.step for page in pages][:7] == [50] * 5 + [100] * 2


def test_a_slow_answer_is_used_and_the_next_one_is_asked_for_less():
    source = Source(300, slow=lambda size: 31.0 if size > 50 else 1.0)
    pages = list(pages_of(source).read())
    assert ids(pages) == source.ids
    assert [page.step for page in pages][:3] == [100, 50, 50]


@pytest.mark.parametrize(
    "failure",
    [
        lambda: Response(429),
        lambda: Response(503, {"retry-after": "1"}),
        lambda: TransportError("the connection was refused"),
    ],
)
def test_what_a_smaller_query_would_not_help_never_shrinks(failure):
    source = Source(300, down={2, 3, 5}, failure=failure)
    assert ids(pages_of(source).read()) == source.ids
    assert set(source.sizes) == {100}
    source = Source(300, down=range(1, 99), failure=failure)
    with pytest.raises(TransientError):
        list(pages_of(source, patience=5).read(skip=True))
    assert set(source.sizes) == {100}


def test_a_source_that_limits_us_twice_in_a_row_is_waited_for_as_long_as_it_asks_at_any_size():
    clock, asked = FakeClock(), []

    class Limiting(Source):
        def send(self, request):
            asked.append(clock.monotonic())
            return super().send(request)

    def failure():
        return Response(500) if len(asked) < 3 else Response(429, {"retry-after": "70"})

    source = Limiting(
        300, down=range(1, 5), failure=failure
    )  # two errors, so a smaller query, which is told to wait twice
    pages = list(pages_of(source, clock=clock).read())
    assert ids(pages) == source.ids
    assert source.sizes[:6] == [100, 100, 50, 50, 50, 50]
    assert [asked[at + 1] - asked[at] for at in (2, 3)] == [70, 70]
    assert pages[0].step == 50
    source = Limiting(300, down=range(1, 99), failure=lambda: Response(429, {"retry-after": "70"}))
    with pytest.raises(TransientError, match="429; gave up after 6 attempts"):
        list(pages_of(source, clock=clock).read(size=50))


def test_waiting_for_a_limit_is_not_slowness():
    source = Source(300, down={1, 3}, failure=lambda: Response(429, {"retry-after": "70"}))
    assert ids(pages_of(source).read()) == source.ids
    assert set(source.sizes) == {100}


def test_a_refusal_never_shrinks():
    source = Source(300, down={1}, failure=lambda: Response(400))
    with pytest.raises(SourceError):
        list(pages_of(source).read(skip=True))
    assert source.sizes == [100]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 250),
    poison=st.sets(st.integers(1, 250), max_size=5),
    failure=st.sampled_from(sorted(HEAVY)),
    steps=st.sampled_from([STEPS, (7, 1), (250, 1), (3, 2, 1)]),
    size=st.sampled_from([0, 1, 10, 1000]),
)
def test_records_that_fail_alone_are_told_and_all_others_are_read(kind, count, poison, failure, steps, size):
    source = Source(count, poison=poison, failure=HEAVY[failure])
    pages = list(pages_of(source, kind, sizes=Sizes(*steps)).read(skip=True, size=size))
    bad = poison & set(source.ids)
    assert ids(pages) == [one for one in source.ids if one not in bad]
    assert len(failed(pages)) == len(bad)


def test_a_record_that_fails_alone_is_told_with_its_request_and_why():
    source = Source(20, poison={7})
    clock = FakeClock()
    (failure,) = failed(pages_of(source, clock=clock).read(skip=True))
    assert failure.url == "https://api.test/things?take=1&skip=0"
    assert json.loads(failure.payload) == {"after": 6}
    assert (failure.status, failure.message) == (500, "the source answered 500")
    assert failure.at <= clock.now()
    again = failed(pages_of(Source(20, poison={7}), clock=clock).read(skip=True))
    assert (again[0].url, again[0].payload, again[0].message) == (failure.url, failure.payload, failure.message)


def test_the_first_suspect_gets_every_try_and_those_right_behind_it_two():
    source = Source(9, poison={1, 2, 3})
    assert ids(pages_of(source, sizes=Sizes(2, 1)).read(skip=True)) == [4, 5, 6, 7, 8, 9]
    assert source.asked[:13] == [(0, 0, 2)] * 2 + [(0, 0, 1)] * 6 + [(0, 1, 1)] * 2 + [(0, 2, 1)] * 2 + [(0, 3, 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_record_may_fail_and_its_position_is_not_passed(kind):
    source = Source(5, poison={5})
    pages = list(pages_of(source, kind).read(skip=True))
    assert ids(pages) == [1, 2, 3, 4]
    assert len(failed(pages)) == 1
    if kind == "keyset":  # what is saved asks for the record once more: it may be mended by then
        assert pages[-1].position == 4


@pytest.mark.parametrize("kind", KINDS)
def test_without_errors_a_record_that_fails_alone_ends_the_reading_behind_all_before_it(kind):
    read = []
    with pytest.raises(TransientError, match="500; gave up after 6 attempts"):
        read.extend(pages_of(Source(20, poison={7}), kind).read())
    assert ids(read) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("begin", [1, 2, 3])
def test_an_outage_is_no_bad_record(kind, begin):
    source = Source(300, down=range(begin, 9999))
    read = []
    with pytest.raises(TransientError, match="gave up after 6 attempts"):
        read.extend(pages_of(source, kind).read(skip=True))
    assert failed(read) == []
    assert len({(key, skip) for key, skip, size in source.asked if size == 1}) <= 10


def test_an_outage_that_begins_at_a_suspect_confirms_nothing():
    source = Source(300, poison={5}, down=range(16, 9999))
    read = []
    with pytest.raises(TransientError):
        read.extend(pages_of(source).read(skip=True))
    assert ids(read) in ([1, 2, 3, 4], [])
    assert failed(read) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(1, 12))
def test_any_request_failing_once_changes_nothing(kind, number):
    source = Source(300, down={number})
    pages = list(pages_of(source, kind).read(skip=True))
    assert ids(pages) == source.ids
    assert failed(pages) == []
    assert {page.step for page in pages} == {100}


def test_reading_begins_with_the_size_that_was_saved_or_the_next_smaller_one():
    for size, first in ((0, 100), (50, 50), (49, 10), (1, 1), (1000, 100)):
        source = Source(5)
        list(pages_of(source).read(size=size))
        assert source.sizes[0] == first
    source = Source(5)
    list(pages_of(source, sizes=Sizes(100, 10)).read(size=3))
    assert source.sizes[0] == 10


def test_queries_below_the_largest_size_do_not_make_the_source_be_down():
    source = Source(200, poison={3, 90})
    assert len(ids(pages_of(source, breaker=5).read(skip=True))) == 198


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 250),
    poison=st.sets(st.integers(1, 250), max_size=3),
    heavy=st.sampled_from([1000, 50, 10]),
    width=st.integers(2, 8),
)
def test_in_parallel_too(count, poison, heavy, width):
    source = Source(count, poison=poison, heavy=heavy)
    pages = list(pages_of(source, "offset").read(skip=True, parallel=width))
    bad = poison & set(source.ids)
    assert ids(pages) == [one for one in source.ids if one not in bad]
    assert len(failed(pages)) == len(bad)


def test_at_size_one_an_unreadable_answer_without_errors_is_a_broken_contract():
    with pytest.raises(ContractError, match="JSON"):
        list(pages_of(Source(9, poison={2}, failure=HEAVY["html"])).read())
