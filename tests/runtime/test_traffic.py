"""What threads share toward a source: its limits, its pauses, and whether it is down."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.simulate import Conditions, RateLimit, Reply, Request, Route, Simulation, serve
from headwater_runtime import Client, ConfigError, Retry, TransientError
from headwater_runtime.clock import FakeClock
from headwater_runtime.errors import TransportError
from headwater_runtime.traffic import Limit, Traffic
from headwater_runtime.transport import RequestsTransport, Response


def most_within(moments: list[float], seconds: float) -> int:
    """Return the most of `moments` that lie in any span of `seconds`."""
    moments = sorted(moments)
    return max(sum(1 for other in moments[at:] if other < begin + seconds - 1e-6) for at, begin in enumerate(moments))


def side_by_side(count: int, work: Callable[[], None]) -> None:
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work) for _ in range(count)]:
            done.result()


@given(st.integers(1, 20), st.sampled_from([0.5, 1, 60, 3600]), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_eight_threads_never_exceed_a_moving_window(calls, seconds, each):
    clock, moments, lock = FakeClock(), [], threading.Lock()
    traffic = Traffic([Limit(calls, seconds)], clock, Retry())

    def work():
        for _ in range(each // 8 + 1):
            with lock:  # so that the moment is that of the entry
                traffic.enter("GET /")
                moments.append(clock.monotonic())
            traffic.leave(Response(200))

    side_by_side(8, work)
    assert most_within(moments, seconds) <= calls


@given(st.lists(st.tuples(st.integers(1, 9), st.floats(1, 100)), min_size=1, max_size=3), st.lists(st.floats(0, 30)))
def test_several_limits_hold_at_once(limits, pauses):
    clock, moments = FakeClock(), []
    traffic = Traffic([Limit(calls, seconds) for calls, seconds in limits], clock, Retry())
    for pause in [0.0] * 30 + pauses:
        clock.sleep(pause)
        traffic.enter("GET /")
        moments.append(clock.monotonic())
        traffic.leave(None)
    for calls, seconds in limits:
        assert most_within(moments, seconds) <= calls


def test_a_limit_is_used_up_before_anyone_waits(clock):
    traffic = Traffic([Limit(100, 60)], clock, Retry())
    for _ in range(100):
        assert traffic.enter("GET /") == 0
    assert 60 <= traffic.enter("GET /") <= 61


def test_a_large_limit_is_counted_in_slices_and_still_kept():
    clock, moments = FakeClock(), []
    traffic = Traffic([Limit(12_000, 60)], clock, Retry())
    for _ in range(30_000):
        clock.sleep(0.001)
        traffic.enter("GET /")
        moments.append(clock.monotonic())
        traffic.leave(None)
    assert len(traffic._budgets[0]._sent) < 70
    fullest = max(moments[at + 12_000] - begin for at, begin in enumerate(moments[:-12_000]))
    assert min(moments[at + 12_000] - begin for at, begin in enumerate(moments[:-12_000])) >= 60
    assert fullest < 65


def test_a_pause_is_for_every_thread(clock):
    traffic = Traffic([], clock, Retry())
    traffic.pause(30)
    traffic.pause(5)
    side_by_side(8, lambda: traffic.enter("GET /"))
    assert clock.monotonic() >= 30


@pytest.mark.parametrize("spelled", ["seconds", "date", "epoch", "epoch_ms", "iso"])
def test_headers_say_when_nothing_is_left(clock, spelled):
    moment = clock.now() + timedelta(seconds=90)
    reset = {
        "seconds": "90",
        "date": format_datetime(moment, usegmt=True),
        "epoch": str(int(moment.timestamp())),
        "epoch_ms": str(int(moment.timestamp() * 1000)),
        "iso": moment.isoformat().replace("+00:00", "Z"),
    }[spelled]
    traffic = Traffic([Limit(5000, 3600, remaining="X-Left", reset="X-Reset")], clock, Retry())
    traffic.enter("GET /")
    traffic.leave(Response(200, {"x-left": "2", "x-reset": reset}))
    assert [traffic.enter("GET /") for _ in range(3)] == [0, 0, 90]


def test_headers_win_over_the_declared_number(clock):
    traffic = Traffic([Limit(1, 3600, remaining="left", reset="reset")], clock, Retry())
    traffic.enter("GET /")
    traffic.leave(Response(200, {"left": "100", "reset": "60"}))
    assert sum(traffic.enter("GET /") for _ in range(100)) == 0
    assert traffic.enter("GET /") == 60


def test_what_is_under_way_is_not_counted_in_the_headers_yet(clock):
    traffic = Traffic([Limit(100, 60, remaining="left", reset="reset")], clock, Retry())
    for _ in range(4):
        traffic.enter("GET /")
    traffic.leave(Response(200, {"left": "5", "reset": "60"}))  # three may come on top of what it counted
    assert [traffic.enter("GET /") for _ in range(3)] == [0, 0, 60]


@pytest.mark.parametrize(
    "headers", [{}, {"left": "0"}, {"left": "none", "reset": "9"}, {"left": "0", "reset": "later"}, {"reset": "9"}]
)
def test_headers_that_cannot_be_read_change_nothing(clock, headers):
    traffic = Traffic([Limit(3, 60, remaining="left", reset="reset")], clock, Retry())
    traffic.enter("GET /")
    traffic.leave(Response(200, headers))
    assert [traffic.enter("GET /") for _ in range(2)] == [0, 0]
    assert traffic.enter("GET /") > 0


def test_nobody_waits_longer_than_patience(clock):
    traffic = Traffic([Limit(1, 86_400)], clock, Retry(patience=3_600))
    traffic.enter("GET /")
    with pytest.raises(TransientError, match="used up for another 1,440 minutes"):
        traffic.enter("GET /")
    assert clock.slept == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Limit(0, 1), "nothing pass"),
        (lambda: Limit(1, 0), "nothing pass"),
        (lambda: Limit(1, 1, remaining="left"), "whole again"),
        (lambda: Limit(1, 1, reset="reset"), "whole again"),
    ],
)
def test_a_limit_that_cannot_work_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        wrong()


def test_one_refusal_pauses_the_requests_of_all_threads(scripted, clock):
    refused, sent = [], []

    def answer(_):
        sent.append(clock.monotonic())
        if not refused:
            refused.append(clock.monotonic())
            return Response(429, {"retry-after": "20"})
        return {}

    client, _ = scripted(answer)
    client.get(client.request("/things"))
    side_by_side(8, lambda: client.get(client.request("/things")))
    assert all(moment >= refused[0] + 20 for moment in sent[1:])


def test_a_source_that_is_down_ends_every_request_with_one_error(scripted, clock):
    client, script = scripted(lambda _: TransportError("refused"), retry=Retry(attempts=50, breaker=20, deadline=1e9))
    caught: list[Exception] = []

    def work():
        try:
            client.get(client.request("/things"))
        except TransientError as error:
            caught.append(error)

    side_by_side(8, work)
    assert len(caught) == 8
    assert all("the source is down" in str(error) for error in caught)
    assert 20 <= len(script.requests) < 20 + 8


def test_one_success_mends_the_breaker(scripted, clock):
    answers = iter([Response(503)] * 4 + [{}] + [Response(503)] * 4 + [{}])
    client, _ = scripted(lambda _: next(answers), retry=Retry(breaker=5, draw=lambda: 1.0))
    assert client.get(client.request("/things")) == {}
    assert client.get(client.request("/things")) == {}


def test_while_it_is_down_each_new_request_is_tried_once(scripted, sequence):
    client, script = scripted(sequence(*[Response(503)] * 4, {"ok": 1}), retry=Retry(breaker=3, draw=lambda: 1.0))
    for tries in (3, 4):
        with pytest.raises(TransientError, match="is down"):
            client.get(client.request("/things"))
        assert len(script.requests) == tries
    assert client.get(client.request("/things")) == {"ok": 1}


def test_a_source_that_limits_us_is_not_down(scripted, sequence):
    client, _ = scripted(sequence(*[Response(429)] * 5, {"ok": 1}), retry=Retry(breaker=2, draw=lambda: 1.0))
    assert client.get(client.request("/things")) == {"ok": 1}


def test_who_has_a_smaller_question_does_not_break_it(scripted, sequence):
    client, _script = scripted(
        sequence(*[Response(500)] * 4, *[Response(500)] * 2, {"ok": 1}), retry=Retry(breaker=3, draw=lambda: 1.0)
    )
    for _ in range(2):
        with pytest.raises(TransientError, match="gave up after 2 attempts") as caught:
            client.send(client.request("/things"), attempts=2, counted=False)
        assert caught.value.heavy
        assert caught.value.status == 500
    assert client.get(client.request("/things")) == {"ok": 1}


def metered(clock: FakeClock, calls: int, seconds: int, spelled: Callable[[datetime], str]) -> Simulation:
    """Return a vendor that allows `calls` in each whole `seconds` of the clock, says so in headers, and counts refusals."""
    used: dict[int, int] = {}

    def things(_: Request) -> Reply:
        window = int(clock.now().timestamp() // seconds)
        used[window] = used.get(window, 0) + 1
        end = datetime.fromtimestamp((window + 1) * seconds, tz=timezone.utc)
        headers = {"X-Left": str(max(0, calls - used[window])), "X-Reset": spelled(end)}
        reply = Reply.error(429, "too many") if used[window] > calls else Reply.json({"ok": True})
        return reply.with_headers(**headers)

    return Simulation((Route("GET", "/things", things),), {}, {})


def test_a_vendor_that_tells_its_budget_is_never_asked_beyond_it():
    clock = FakeClock()
    limit = Limit(10_000, 3_600, remaining="x-left", reset="x-reset")
    simulation = metered(clock, 25, 3_600, lambda end: str(int(end.timestamp())))
    with serve(simulation, clock=clock) as server:
        transport = RequestsTransport()
        client = Client(server.url, transport=transport, clock=clock, limits=[limit], retry=Retry(deadline=10))
        client.get(client.request("/things"))
        side_by_side(8, lambda: [client.get(client.request("/things")) for _ in range(10)])
        transport.close()
        assert [exchange.status for exchange in server.log].count(429) == 0
        assert clock.monotonic() >= 3 * 3_600 - 1


def test_a_declared_limit_keeps_within_the_vendors_own():
    clock = FakeClock()
    conditions = Conditions(rate_limit=RateLimit(10, 60.0))
    simulation = Simulation((Route("GET", "/things", lambda _: Reply.json({})),), {}, {})
    with serve(simulation, clock=clock, conditions=conditions) as server:
        transport = RequestsTransport()
        client = Client(server.url, transport=transport, clock=clock, limits=[Limit(10, 60)])
        for _ in range(45):
            client.get(client.request("/things"))
        transport.close()
        assert {exchange.status for exchange in server.log} == {200}
        assert 240 <= clock.monotonic() <= 250
