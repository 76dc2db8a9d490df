"""A vendor's own budgets, in every spelling of their headers, and how many requests it takes at once."""

import threading
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
import requests

from headwater.simulate import (
    Conditions,
    Meter,
    RateLimit,
    Reply,
    Route,
    Simulation,
    rate_limit_draft,
    reset_epoch,
    reset_iso,
    reset_seconds,
    retry_after,
    retry_after_date,
    serve,
)
from headwater_runtime.clock import FakeClock

NOON = datetime(2025, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def metered(clock, http):
    """Return a function that serves `/` behind a meter and gives a function that asks once."""
    servers = []

    def build(meter, status=200):
        routes = (Route("GET", "/", meter(lambda _: Reply.json({}, status=status))),)
        servers.append(serve(Simulation(routes, {}, {}, forget=meter.forget), clock=clock))
        return lambda **headers: http.get(servers[-1].url, headers=headers, timeout=5)

    yield build
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    ("announce", "always", "refused"),
    [
        (retry_after, {}, {"Retry-After": "8"}),
        (retry_after_date, {}, {"Retry-After": "Wed, 01 Jan 2025 00:00:10 GMT"}),
        (reset_epoch, {"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "1"}, {"X-RateLimit-Reset": "1735689610"}),
        (reset_seconds, {"X-RateLimit-Reset": "10"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "8"}),
        (reset_iso, {"X-RateLimit-Reset": "2025-01-01T00:00:10Z"}, {"X-RateLimit-Reset": "2025-01-01T00:00:10Z"}),
        (rate_limit_draft, {"RateLimit-Limit": "2"}, {"RateLimit-Remaining": "0", "RateLimit-Reset": "8"}),
    ],
)
def test_every_spelling_of_the_headers(metered, clock, announce, always, refused):
    ask = metered(Meter(RateLimit(2, 10), announce=(announce,)))
    first = ask()
    assert always.items() <= dict(first.headers).items()
    assert "Retry-After" not in first.headers
    ask()
    clock.sleep(2)
    reply = ask()
    assert (reply.status_code, dict(reply.headers).items() >= refused.items()) == (429, True)
    clock.sleep(8)
    assert ask().ok


def test_a_date_is_never_earlier_than_the_moment_meant(metered, clock):
    clock.sleep(0.5)
    ask = metered(Meter(RateLimit(1, 10), announce=(retry_after_date,)))
    ask()
    assert parsedate_to_datetime(ask().headers["Retry-After"]) >= NOON + timedelta(seconds=10.5)


def test_an_aligned_budget_starts_anew_with_the_minute(metered, clock):
    ask = metered(Meter(RateLimit(2, 60, aligned=True)))
    clock.sleep(55)
    assert [ask().status_code for _ in range(3)] == [200, 200, 429]
    clock.sleep(5)
    assert [ask().status_code for _ in range(3)] == [200, 200, 429]


def test_a_request_must_fit_into_every_budget(metered, clock):
    ask = metered(Meter(RateLimit(2, 1), RateLimit(3, 3600)))
    assert [ask().status_code for _ in range(3)] == [200, 200, 429]
    clock.sleep(1)
    assert ask().ok
    assert ask().headers["Retry-After"] == "3599"


def test_each_caller_has_a_budget_of_its_own(metered):
    ask = metered(Meter(RateLimit(1, 60), caller=lambda request: request.headers.get("key", "")))
    assert [ask(key=key).status_code for key in "aab"] == [200, 429, 200]


@pytest.mark.parametrize(("status", "body"), [(403, "rate limit"), (503, "slow down"), (200, "RATE_LIMITED")])
def test_a_refusal_can_be_of_any_kind(metered, status, body):
    ask = metered(Meter(RateLimit(1, 60), refuse=lambda _: Reply.json({"error": body}, status=status)))
    ask()
    reply = ask()
    assert (reply.status_code, reply.json()) == (status, {"error": body})


def test_a_reset_of_the_server_makes_budgets_whole(clock, http):
    meter = Meter(RateLimit(1, 60))
    routes = (Route("GET", "/", meter(lambda _: Reply())),)
    with serve(Simulation(routes, {}, {}, forget=meter.forget), clock=clock) as server:
        assert [http.get(server.url).status_code for _ in range(2)] == [200, 429]
        server.reset()
        assert http.get(server.url).status_code == 200


class Rendezvous(FakeClock):
    """A clock whose sleepers wake when all of them are there: requests that surely overlap, without waiting for time."""

    def __init__(self, count):
        super().__init__()
        self.barrier = threading.Barrier(count, timeout=20)

    def sleep(self, seconds):
        self.barrier.wait()


def ask_together(url, count):
    statuses = []
    threads = [
        threading.Thread(target=lambda: statuses.append(requests.get(url, timeout=30).status_code))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


def test_requests_wait_side_by_side_and_the_server_counts_them():
    simulation = Simulation((Route("GET", "/", lambda _: Reply()),), {}, {})
    with serve(simulation, clock=Rendezvous(6), conditions=Conditions(latency=0.5)) as server:
        assert ask_together(server.url, 6) == [200] * 6
        assert server.busiest == 6
        server.reset()
        assert server.busiest == 0


def test_more_at_once_than_the_vendor_takes_are_refused(http):
    simulation = Simulation((Route("GET", "/", lambda _: Reply()),), {}, {})
    with serve(simulation, clock=Rendezvous(6), conditions=Conditions(latency=0.5, at_once=4)) as server:
        assert ask_together(server.url, 6) == [200] * 4 + [429] * 2
        server.reset(Conditions(at_once=4))
        assert http.get(server.url, timeout=10).ok
