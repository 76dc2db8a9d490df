"""Limits, latency, events and the log: time is the injected clock's, never the machine's."""

from datetime import timedelta

import pytest
import requests

from headwater.errors import SimulatorError
from headwater.simulate import Conditions, Event, Fault, FaultPlan, RateLimit


def test_a_rate_limit_answers_429_until_its_window_moved_on(under, http, clock):
    server = under(rate_limit=RateLimit(2, seconds=10))
    url = f"{server.url}/things"
    assert [http.get(url).status_code for _ in range(2)] == [200, 200]
    clock.sleep(4)
    refused = http.get(url)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "6")
    clock.sleep(5.9)
    assert http.get(url).status_code == 429
    clock.sleep(0.1)
    assert http.get(url).status_code == 200


def test_obeying_retry_after_is_enough(under, http, clock):
    server = under(rate_limit=RateLimit(3, seconds=7.5))
    for _ in range(12):
        reply = http.get(f"{server.url}/things")
        if reply.status_code == 429:
            clock.sleep(int(reply.headers["Retry-After"]))
            assert http.get(f"{server.url}/things").ok


def test_latency_passes_on_the_clock(under, http, clock):
    server = under(latency=0.75)
    began = clock.now()
    http.get(f"{server.url}/things")
    assert clock.now() - began == timedelta(seconds=0.75)


def test_rows_are_inserted_while_a_client_pages(under, http):
    server = under(events=(Event(3, lambda vendor: vendor.populations["things"].grow(7)),))
    seen, after = [], "0"
    while after is not None:
        page = http.get(f"{server.url}/things", params={"after": after}).json()
        seen += [thing["id"] for thing in page["things"]]
        after = page["meta"]["next"]
    assert seen == [f"0-{n}" for n in range(27)]


def test_a_record_is_edited_while_a_client_pages(under, http):
    server = under(events=(Event(2, lambda vendor: vendor.populations["things"].edit(0)),))
    versions = [http.get(f"{server.url}/things").json()["things"][0]["version"] for _ in range(3)]
    assert versions == [0, 1, 1]


def test_the_log_tells_what_was_asked_and_how_it_went(under, http, clock):
    server = under(faults=FaultPlan.once(Fault("status", 503), 2))
    http.get(f"{server.url}/things?after=5")
    clock.sleep(3)
    http.get(f"{server.url}/echo")
    first, second = server.log
    assert str(first) == "1 GET /things?after=5 200"
    assert str(second) == "2 GET /echo 503  [503]"
    assert second.at - first.at == timedelta(seconds=3)


def test_a_request_without_a_reply_has_status_0(under, http):
    server = under(faults=FaultPlan.once(Fault("reset"), 1))
    with pytest.raises(requests.ConnectionError):
        http.get(f"{server.url}/things")
    assert [(one.status, one.fault) for one in server.log] == [(0, "reset")]


def test_the_log_never_holds_a_secret(server, http, secret):
    http.get(
        f"{server.url}/echo",
        params={"q": f"x{secret}y", "key": "a-wrong-key", "plain": "1"},
        headers={"api_key": secret},
    )
    (exchange,) = server.log
    assert exchange.params == {"q": "***", "key": "***", "plain": "1"}
    assert secret not in repr(server.log)


@pytest.mark.parametrize(
    "impossible",
    [{"latency": -1}, {"latency": float("nan")}, {"rate_limit": RateLimit(0)}, {"rate_limit": RateLimit(1, seconds=0)}],
)
def test_conditions_that_cannot_be_are_refused(impossible):
    with pytest.raises(SimulatorError, match="cannot be|Nothing can pass"):
        Conditions(**impossible)


def test_a_reset_of_the_conditions_begins_again_at_request_one(under, http):
    server = under()
    http.get(f"{server.url}/things")
    under(faults=FaultPlan.once(Fault("status", 500), 1))
    assert http.get(f"{server.url}/things").status_code == 500
    assert len(server.log) == 1
