"""Pages asked for before their turn: what is read is what a serial reading reads, whatever the source does."""

import json
import threading
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_runtime import Client, ContractError, Offset, PageNumber, Retry, SourceError
from headwater_runtime.clock import FakeClock
from headwater_runtime.errors import TransportError
from headwater_runtime.transport import Response

from .conftest import HOME

RETRY = Retry(attempts=9, deadline=1e9, draw=lambda: 1.0, breaker=1000)


class Source:
    """Transport over a list of records. It may cap its pages, grow while it is read, and fail some requests once."""

    def __init__(self, count, *, cap, total=False, growth=None, faults=None, per_page=0):
        self.records = [{"id": number} for number in range(count)]
        self.cap, self.total, self.per_page = cap, total, per_page
        self.growth, self.faults = dict(growth or {}), dict(faults or {})
        self.asked, self.sizes = [], 0
        self.lock = threading.Lock()

    def send(self, request):
        with self.lock:
            position = int(request.params["at"])
            self.asked.append(position)
            self.records += [{"id": len(self.records) + new} for new in range(self.growth.pop(len(self.asked), 0))]
            fault = self.faults.pop(len(self.asked), None)
            if isinstance(fault, Exception):
                raise fault
            if fault is not None:
                return fault
            cap = self.cap(len(self.asked), position)
            begin = (position - 1) * self.per_page if self.per_page else position
            data = self.records[begin : begin + (self.per_page or cap)]
            return Response(200, {}, json.dumps({"data": data, "total": len(self.records)}).encode())

    def close(self):
        pass


def fault(kind):
    if kind == "reset":
        return TransportError("the connection broke", where="GET /things")
    return Response(200, {}, b"<html>") if kind == "html" else Response(int(kind))


def paged(source, *, total):
    client = Client(HOME, transport=source, clock=FakeClock(), retry=RETRY)
    if source.per_page:
        return client.pages("/things", records="data", paging=PageNumber("at"))
    paging = Offset("at", size_param="n", size=10, total="total" if total else None)
    return client.pages("/things", records="data", paging=paging)


def ids(pages):
    return [one["id"] for page in pages for one in page.records]


FAULTS = st.dictionaries(st.integers(1, 30), st.sampled_from(["reset", "html", "500", "429"]).map(fault), max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(0, 90),
    caps=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    total=st.booleans(),
    width=st.integers(2, 9),
    stop=st.integers(0, 99),
)
def test_pages_read_in_parallel_are_those_of_a_serial_reading(count, caps, total, width, stop):
    def cap(_, position):
        return min(10, caps[position % len(caps)])  # the same for the same position, another for the next

    serial = list(paged(Source(count, cap=cap), total=total).read())
    pages = paged(Source(count, cap=cap), total=total)
    assert list(pages.read(parallel=width)) == serial
    assert ids(serial) == list(range(count))
    middle = serial[stop % len(serial)].position
    assert list(pages.read(middle, parallel=width)) == list(pages.read(middle))


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(0, 60),
    caps=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    total=st.booleans(),
    width=st.integers(1, 9),
    growth=st.dictionaries(st.integers(1, 20), st.integers(1, 15), max_size=4),
    faults=FAULTS,
)
def test_growth_and_faults_and_caps_that_change_lose_and_double_nothing(count, caps, total, width, growth, faults):
    source = Source(count, cap=lambda number, _: min(10, caps[number % len(caps)]), growth=growth, faults=faults)
    read = ids(paged(source, total=total).read(parallel=width))
    assert read == list(range(len(read)))
    assert len(read) >= count


@settings(max_examples=60, deadline=None)
@given(count=st.integers(0, 60), size=st.integers(1, 12), width=st.integers(2, 9), faults=FAULTS)
def test_numbered_pages_too(count, size, width, faults):
    source = Source(count, cap=lambda *_: 0, per_page=size, faults=faults)
    assert ids(paged(source, total=False).read(parallel=width)) == list(range(count))


def test_with_a_total_nothing_is_asked_for_in_vain_and_without_at_most_the_width():
    source = Source(100, cap=lambda *_: 10)
    list(paged(source, total=True).read(parallel=8))
    assert sorted(source.asked) == list(range(0, 100, 10))
    source = Source(100, cap=lambda *_: 10)
    list(paged(source, total=False).read(parallel=8))
    assert set(range(0, 101, 10)) <= set(source.asked)
    assert len(source.asked) <= 11 + 7


def test_a_source_that_caps_its_pages_is_learnt():
    source = Source(300, cap=lambda *_: 3)
    assert ids(paged(source, total=True).read(parallel=8)) == list(range(300))
    assert len(source.asked) == 100


def test_pages_that_cannot_be_foreseen_are_hardly_asked_for_in_vain():
    caps = [7, 3, 9, 1, 5, 10, 2, 8]
    source = Source(1000, cap=lambda _, position: caps[position % 8])
    pages = list(paged(source, total=True).read(parallel=8))
    assert ids(pages) == list(range(1000))
    assert len(source.asked) <= 2.2 * len(pages)


class Gate:
    """A transport that holds requests back until enough of them wait at the same time."""

    def __init__(self, source, width):
        self.source, self.width = source, width
        self.changed = threading.Condition()
        self.waiting = self.most = 0
        self.open = False

    def send(self, request):
        if request.params["at"] == "0":  # the first page goes alone
            return self.source.send(request)
        with self.changed:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            self.open = self.open or self.waiting == self.width
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.open, timeout=20)
            assert self.open, f"only {self.waiting} at a time"
        try:
            return self.source.send(request)
        finally:
            with self.changed:
                self.waiting -= 1

    def close(self):
        pass


def test_as_many_are_on_their_way_at_a_time_as_was_said():
    gate = Gate(Source(300, cap=lambda *_: 10), width=8)
    pages = Client(HOME, transport=gate, clock=FakeClock()).pages(
        "/things", records="data", paging=Offset("at", size_param="n", size=10)
    )
    assert ids(pages.read(parallel=8)) == list(range(300))
    assert gate.most == 8


def test_a_failure_of_a_page_is_raised_after_the_pages_before_it_and_of_none_behind_the_end():
    class Broken(Source):
        def send(self, request):
            if int(request.params["at"]) >= 50:
                return Response(400)
            return super().send(request)

    pages = paged(Broken(100, cap=lambda *_: 10), total=True).read(parallel=8)
    assert ids(islice(pages, 5)) == list(range(50))
    with pytest.raises(SourceError):
        next(pages)
    whole = Broken(50, cap=lambda *_: 10)  # asking behind the end is refused, and nobody needs to know
    assert ids(paged(whole, total=True).read(parallel=8)) == list(range(50))


def test_a_page_that_fails_before_its_turn_is_asked_for_again_in_its_turn():
    source = Source(100, cap=lambda *_: 10, faults={number: fault("500") for number in range(2, 9)})
    assert ids(paged(source, total=True).read(parallel=8)) == list(range(100))


def test_what_is_not_the_source_s_failure_is_raised_as_it_was():
    class Killed(BaseException):
        pass

    class Dying(Source):
        def send(self, request):
            if request.params["at"] == "30":
                raise Killed
            return super().send(request)

    with pytest.raises(Killed):
        list(paged(Dying(100, cap=lambda *_: 10), total=True).read(parallel=8))


def test_an_early_end_leaves_no_thread():
    def alive():
        return [thread for thread in threading.enumerate() if thread.name == "headwater-page"]

    pages = paged(Source(300, cap=lambda *_: 10), total=True).read(parallel=8)
    next(pages)
    next(pages)
    pages.close()
    assert alive() == []


def test_a_source_that_ignores_the_offset_is_found_out_in_parallel_too():
    class Deaf(Source):
        def send(self, request):
            return Response(200, {}, json.dumps({"data": self.records[:10], "total": 100}).encode())

    with pytest.raises(ContractError, match="two pages in a row hold the same records"):
        list(paged(Deaf(100, cap=lambda *_: 10), total=True).read(parallel=4))
