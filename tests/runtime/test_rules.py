"""What answers mean, by declared rules."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ConfigError, ContractError, Retry, SourceError, TransientError
from headwater_runtime.rules import Rule, first_match, vendor_words
from headwater_runtime.transport import Response


def answer(status=200, body=None, **headers):
    return Response(status, {name.replace("_", "-"): text for name, text in headers.items()}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (Rule("fail", status=402), False),
        (Rule("fail", status=200), True),
        (Rule("fail", status=range(200, 300)), True),
        (Rule("fail", status={404, 410}), False),
        (Rule("fail", header={"X-Error": "quota"}), True),
        (Rule("fail", header={"x-error": re.compile("^quo")}), True),
        (Rule("fail", header={"x-other": "quota"}), False),
        (Rule("fail", where={"metadata.error": True}), True),
        (Rule("fail", where={"metadata.error": 1}), False),
        (Rule("fail", where={"metadata.code": 1}), True),
        (Rule("fail", where={"metadata.code": True}), False),
        (Rule("fail", where={"errors.*.code": "B"}), True),
        (Rule("fail", where={"errors.0.code": "B"}), False),
        (Rule("fail", where={"errors.1.code": re.compile("B|C")}), True),
        (Rule("fail", where={"metadata.none": None}), True),
        (Rule("fail", where={"absent": None}), False),
        (Rule("fail", where=lambda body: body["errors"][1]["code"] == "B"), True),
        (Rule("fail", where=lambda body: body["nothing"]["of"] == "this"), False),
        (Rule("fail", status=200, header={"x-error": "quota"}, where={"metadata.error": True}), True),
        (Rule("fail", status=200, header={"x-error": "quota"}, where={"metadata.error": False}), False),
    ],
)
def test_every_condition_given_must_be_met(rule, fits):
    body = {"metadata": {"error": True, "code": 1, "none": None}, "errors": [{"code": "A"}, {"code": "B"}]}
    assert (first_match([rule], answer(body=body, x_error="quota")) is rule) is fits


def test_the_first_that_fits_wins():
    one, other = Rule("end", status=404, where={"code": 1}), Rule("fail", status=404)
    assert first_match([one, other], answer(404, {"code": 1})) is one
    assert first_match([one, other], answer(404, {"code": 2})) is other
    assert first_match([one, other], answer(500)) is None


def test_a_body_that_is_no_json_meets_no_condition_about_it():
    page = Response(200, {}, b"<html>")
    assert first_match([Rule("fail", where={"a": 1}), Rule("fail", where=lambda _: True)], page) is None


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 2)), st.integers(0, 2))
def test_a_rule_by_path_says_what_a_function_says(body, wanted):
    by_path, by_function = Rule("end", where={"a": wanted}), Rule("end", where=lambda found: found["a"] == wanted)
    assert (first_match([by_path], answer(body=body)) is None) == (
        first_match([by_function], answer(body=body)) is None
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Rule("fail"),
        lambda: Rule("retry", status=500, seconds=3),
        lambda: Rule("wait", status=429, seconds=0),
        lambda: Rule("ignore", status=500),
    ],
)
def test_a_rule_that_cannot_work_is_refused(wrong):
    with pytest.raises(ConfigError, match="rule"):
        wrong()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "a  b\n c"}, ": a b c"),
        ({"detail": "x"}, ": x"),
        ({"error": "invalid", "error_description": "expired"}, ": expired"),
        ({"error": {"message": "deep"}}, ": deep"),
        ({"title": "t"}, ": t"),
        ({"errors": [{"title": "first"}, {"title": "second"}]}, ": first"),
        ({"errors": [{"text": "t"}]}, ": t"),
        ({"errors": [{"message": "m"}]}, ": m"),
        ({"errors": ["plain"]}, ": plain"),
        ({"message": ""}, ""),
        ({"message": 5}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_the_vendors_words_are_found(body, words):
    assert vendor_words(answer(400, body), str) == words


def test_the_words_are_masked_before_they_are_cut():
    long = "x" * 190 + "secret-credential"
    assert "secret" not in vendor_words(
        answer(400, {"message": long}), lambda text: text.replace("secret-credential", "***")
    )


def got(scripted, sequence, *answers, **options):
    client, script = scripted(sequence(*answers), **options)
    return client, script, client.request("/things")


def test_retry_counts_as_an_attempt(scripted, sequence):
    rule = Rule("retry", where={"state": "busy"})
    client, script, request = got(scripted, sequence, *[{"state": "busy"}] * 2, {"state": "ok"}, rules=[rule])
    assert client.get(request) == {"state": "ok"}
    client, script = scripted(lambda _: {"state": "busy", "message": "try later"}, rules=[rule])
    with pytest.raises(TransientError, match="200: try later; gave up after 6 attempts"):
        client.get(request)
    assert len(script.requests) == 6


def test_wait_does_not_count_and_takes_what_is_asked_else_the_seconds_else_backoff(scripted, sequence, clock):
    limited = Response(412)
    asked = Response(412, {"retry-after": "7"})
    client, _script, request = got(
        scripted, sequence, *[limited] * 10, asked, {}, rules=[Rule("wait", status=412, seconds=3)]
    )
    assert client.get(request) == {}
    assert clock.slept == [3.0] * 10 + [7.0]
    client, _, request = got(scripted, sequence, limited, limited, {}, rules=[Rule("wait", status=412)])
    clock.slept.clear()
    client.get(request)
    assert clock.slept == [1.0, 2.0]


def test_waiting_has_no_deadline_but_patience(scripted, clock):
    client, _script = scripted(
        lambda _: Response(429, {"retry-after": "1000"}),
        rules=[Rule("wait", status=429)],
        retry=Retry(deadline=10, patience=3_000, draw=lambda: 1.0),
    )
    with pytest.raises(TransientError, match="still answers 429") as caught:
        client.get(client.request("/things"))
    assert caught.value.status == 429
    assert clock.monotonic() == 3_000


def test_a_wait_that_asks_for_nothing_ends_too(scripted, clock):
    client, script = scripted(
        lambda _: Response(429), rules=[Rule("wait", status=429)], retry=Retry(base=0, patience=50)
    )
    with pytest.raises(TransientError, match="still answers 429"):
        client.get(client.request("/things"))
    assert len(script.requests) == 51


def test_end_is_an_answer_without_records(scripted):
    client, _ = scripted(lambda _: answer(404, {"error": {"code": "NOT_FOUND"}}))
    rule = Rule("end", status=404, where={"error.code": "NOT_FOUND"})
    found = client.send(client.request("/things"), rules=[rule])
    assert found.end
    assert found.read is None
    with pytest.raises(SourceError):
        client.send(client.request("/things"))


def test_fail_says_what_to_do(scripted):
    client, script = scripted(
        lambda _: {"metadata": {"error": True}, "message": "wrong list"},
        rules=[Rule("fail", status=200, where={"metadata.error": True}, hint="see payload.code")],
    )
    with pytest.raises(SourceError, match="200: wrong list") as caught:
        client.get(client.request("/things"))
    assert caught.value.hint == "see payload.code"
    assert len(script.requests) == 1


def test_the_rules_of_the_pages_go_before_the_clients(scripted):
    client, _ = scripted(lambda _: Response(402), rules=[Rule("fail", status=402)])
    assert client.send(client.request("/things"), rules=[Rule("end", status=402)]).end
    pages = client.pages("/things", rules=[Rule("end", status=402)])
    assert [page.records for page in pages.read()] in ([], [[]])


def test_a_rule_can_take_back_what_is_built_in(scripted):
    client, script = scripted(lambda _: Response(503), rules=[Rule("fail", status=503, hint="closed for good")])
    with pytest.raises(SourceError, match="503"):
        client.get(client.request("/things"))
    assert len(script.requests) == 1


def test_an_answer_without_any_rule_is_judged_as_ever(scripted):
    client, _ = scripted(lambda _: Response(200, {}, b"<html>"), rules=[Rule("retry", where={"a": 1})])
    with pytest.raises(ContractError):
        client.get(client.request("/things"))
