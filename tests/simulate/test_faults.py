"""Every fault as a client meets it, and plans that replay."""

import dataclasses
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from headwater.simulate import CONTRACT_BREAKS, REQUEST_FAULTS, Fault, FaultPlan, FaultRule


@pytest.fixture
def struck(under, http):
    """Return a function that serves one fault on request 1 and gives the client's view of it."""

    def ask(fault):
        server = under(faults=FaultPlan.once(fault, 1))
        return http.get(f"{server.url}/things", timeout=(5, 0.1))

    return ask


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_error_status_comes_with_a_json_error(struck, status):
    reply = struck(Fault("status", status))
    assert reply.status_code == status
    assert reply.json()["message"]
    assert "Retry-After" not in reply.headers


def test_retry_after_in_seconds(struck):
    assert struck(Fault("status", 429, "seconds", seconds=17)).headers["Retry-After"] == "17"


def test_retry_after_as_a_date_is_never_sooner_than_asked(struck, clock):
    clock.sleep(0.25)  # an HTTP date has no fractions: rounding down would invite the client too early
    asked = parsedate_to_datetime(struck(Fault("status", 503, "date", seconds=17)).headers["Retry-After"])
    assert timedelta(seconds=17) <= asked - clock.now() < timedelta(seconds=19)


def test_a_reset_breaks_the_connection(struck):
    with pytest.raises(requests.ConnectionError, match="reset"):
        struck(Fault("reset"))


def test_a_time_out_lets_the_client_give_up_and_the_next_request_through(struck, server):
    began = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        struck(Fault("timeout"))
    assert time.monotonic() - began < 2
    assert requests.get(f"{server.url}/things", timeout=5).ok


def test_a_cut_body_is_shorter_than_announced(struck):
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        struck(Fault("cut_body"))


def test_invalid_json_is_a_whole_reply_that_does_not_parse(struck):
    reply = struck(Fault("invalid_json"))
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.content.startswith(b'{"meta"')
    with pytest.raises(requests.JSONDecodeError):
        reply.json()


def test_html_where_json_was_asked_for(struck):
    reply = struck(Fault("html"))
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert reply.text.startswith("<!DOCTYPE html>")


def test_an_empty_body(struck):
    reply = struck(Fault("empty_body"))
    assert (reply.status_code, reply.content) == (200, b"")


def test_a_vendor_that_leaks_quotes_the_request(under, http):
    server = under(faults=FaultPlan.once(Fault("echo"), 1))
    reply = http.get(f"{server.url}/things?after=5", headers={"api_key": "a-made-up-key"})
    assert reply.status_code == 400
    assert "api_key: a-made-up-key" in reply.json()["message"]
    assert "after=5" in reply.json()["message"]


def test_only_the_nth_request_to_a_matching_path_is_struck(under, http):
    server = under(faults=FaultPlan.once(Fault("status", 503), 2, path="/thi*"))
    paths = ["/things", "/echo", "/things", "/things"]
    assert [http.get(server.url + path).status_code for path in paths] == [200, 200, 503, 200]


def test_every_request_to_a_path_is_struck(under, http):
    server = under(faults=FaultPlan.every(Fault("status", 500), path="/things"))
    assert [http.get(server.url + path).status_code for path in ["/things", "/echo", "/things"]] == [500, 200, 500]


def test_a_vendor_can_go_down_for_good(under, http):
    server = under(faults=FaultPlan.lasting(Fault("status", 503), 3))
    assert [http.get(f"{server.url}/things").status_code for _ in range(5)] == [200, 200, 503, 503, 503]


def test_the_first_rule_that_strikes_wins(under, http):
    rules = (FaultRule((Fault("status", 502),), nth=2), FaultRule((Fault("status", 500),)))
    server = under(faults=FaultPlan(rules))
    assert [http.get(f"{server.url}/things").status_code for _ in range(3)] == [500, 502, 500]


def test_a_drawn_plan_replays_from_its_seed_and_another_seed_differs(under, http):
    statuses = [Fault("status", 500), Fault("status", 503)]

    def run(seed):
        server = under(faults=FaultPlan.drawn(seed, 0.3, faults=statuses))
        return [http.get(f"{server.url}/things").status_code for _ in range(60)]

    first = run(7)
    assert first == run(7) != run(8)
    assert set(first) == {200, 500, 503}
    assert 6 <= 60 - first.count(200) <= 32


def test_a_plan_is_frozen_and_its_repr_makes_it_again():
    plan = FaultPlan((FaultRule((Fault("status", 429, "seconds"), Fault("reset")), path="/a*", rate=0.25),), seed=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.seed = 4
    assert eval(repr(plan)) == plan


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (FaultPlan(), "no faults"),
        (FaultPlan.once(Fault("cut_body"), 3, path="/things"), "request 3 to /things: cut body"),
        (FaultPlan.every(Fault("status", 429, "date")), "every request: 429 Retry-After a date in 2 s"),
        (FaultPlan.lasting(Fault("reset"), 4), "every request from the 4. on: reset"),
        (FaultPlan.drawn(9, 0.1, faults=[Fault("reset"), Fault("html")]), "10% of requests: reset or html (seed 9)"),
    ],
)
def test_a_plan_prints_as_a_sentence(plan, text):
    assert str(plan) == text


def test_the_catalogues_name_every_kind_once():
    named = [str(fault) for fault in (*REQUEST_FAULTS, *CONTRACT_BREAKS)]
    assert len(set(named)) == len(named) == 19


class TestContractBreaks:
    @pytest.fixture
    def pages(self, under, http):
        """Return a function that follows the tokens of `/things` under a break, for at most ten pages."""

        def follow(kind):
            server = under(faults=FaultPlan.every(Fault(kind), path="/things"))
            pages, params = [], {}
            while len(pages) < 10:
                pages.append(http.get(f"{server.url}/things", params=params).json())
                if pages[-1]["meta"]["next"] is None:
                    break
                params = {"after": pages[-1]["meta"]["next"]}
            return pages

        return follow

    def test_a_repeated_token_points_at_its_own_page(self, pages):
        assert [page["meta"]["next"] for page in pages("repeated_token")] == ["5"] * 10

    def test_endless_pages_bring_new_tokens_and_no_new_record(self, pages):
        broken = pages("endless_pages")
        assert len({page["meta"]["next"] for page in broken}) == 10
        assert {thing["id"] for page in broken for thing in page["things"]} == {f"0-{n}" for n in range(5)}

    def test_the_records_field_disappears(self, pages):
        assert all("things" not in page for page in pages("missing_records"))

    def test_one_key_a_page_is_null(self, pages):
        assert [thing["id"] for thing in pages("null_key")[1]["things"]] == [None, "0-6", "0-7", "0-8", "0-9"]

    def test_one_key_a_page_is_double(self, pages):
        assert [thing["id"] for thing in pages("duplicate_key")[0]["things"]] == ["0-0", "0-0", "0-2", "0-3", "0-4"]

    def test_an_error_reply_is_left_as_it_is(self, under, http):
        server = under(faults=FaultPlan.every(Fault("missing_records")))
        assert http.get(f"{server.url}/nowhere").status_code == 404
