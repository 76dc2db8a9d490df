"""One logical request: retried, bounded, at home."""

import traceback
from dataclasses import replace

import pytest

from headwater_runtime import (
    ApiKey,
    Call,
    ConfigError,
    ContractError,
    Limit,
    Login,
    Retry,
    Rule,
    SourceError,
    TransientError,
)
from headwater_runtime.errors import TransportError, UnreadableError
from headwater_runtime.log import Log, redactor
from headwater_runtime.transport import Request, RequestsTransport, Response

KEY = "sesame-1234"


def get(client, path="/things", **params):
    return client.get(client.request(path, params))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_repeatable_status_is_tried_again(scripted, sequence, clock, status):
    client, script = scripted(sequence(Response(status), Response(status), {"ok": 1}))
    assert get(client) == {"ok": 1}
    assert len(script.requests) == 3
    assert clock.slept == [1.0, 2.0]


def test_a_broken_connection_is_tried_again(scripted, sequence):
    client, script = scripted(sequence(TransportError("the connection broke"), {"ok": 1}))
    assert get(client) == {"ok": 1}
    assert len(script.requests) == 2


def test_a_body_that_is_not_json_is_tried_again_and_then_a_broken_contract(scripted, sequence):
    page = Response(200, {"content-type": "text/html"}, b"<html>secret-looking page</html>")
    client, _ = scripted(sequence(page, {"ok": 1}))
    assert get(client) == {"ok": 1}
    client, script = scripted(lambda _: page)
    with pytest.raises(ContractError, match="32 bytes of text/html that are not JSON") as caught:
        get(client)
    assert len(script.requests) == 6
    assert "secret-looking" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("7", 7.0), ("0.5", 1.0), ("Wed, 01 Jan 2025 00:00:09 GMT", 9.0), ("soon", 1.0), ("-3", 1.0)],
)
def test_retry_after_is_obeyed_as_seconds_or_date_when_it_is_longer(scripted, sequence, clock, value, expected):
    client, _ = scripted(sequence(Response(429, {"retry-after": value}), {"ok": 1}))
    get(client)
    assert clock.slept == [expected]


def test_backoff_grows_to_its_cap_with_jitter(scripted, clock):
    client, _ = scripted(lambda _: Response(503), retry=Retry(attempts=9, cap=10, draw=lambda: 0.0))
    with pytest.raises(TransientError, match="gave up after 9 attempts"):
        get(client)
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0]


def test_a_wait_that_would_pass_the_deadline_is_not_begun(scripted, clock):
    client, script = scripted(lambda _: Response(429, {"retry-after": "3600"}), retry=Retry(deadline=600))
    with pytest.raises(TransientError, match=r"429; gave up after 1 attempts .* due in 3600 s"):
        get(client)
    assert clock.slept == []
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_a_setting_to_mend(scripted, status):
    body = b'{"error": {"message": "key unknown"}}'
    client, script = scripted(lambda _: Response(status, {}, body), auth=ApiKey("api_key", KEY))
    with pytest.raises(ConfigError, match=f"{status}: key unknown") as caught:
        get(client)
    assert KEY not in str(caught.value)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 410, 422, 501])
def test_another_refusal_stops_at_once_in_the_vendors_words_but_short(scripted, status):
    client, script = scripted(lambda _: Response(status, {}, b'{"message": "' + b"x" * 5000 + b'"}'))
    with pytest.raises(SourceError) as caught:
        get(client)
    assert caught.value.status == status
    assert len(str(caught.value)) < 400
    assert len(script.requests) == 1


def test_a_message_never_shows_the_query_or_the_body(scripted):
    client, _ = scripted(lambda _: Response(404, {}, b"body-text"))
    with pytest.raises(SourceError) as caught:
        get(client, token="query-secret")
    assert "query-secret" not in str(caught.value)
    assert "body-text" not in str(caught.value)


def test_a_redirect_on_the_host_is_followed_with_the_key(scripted, sequence):
    client, script = scripted(sequence(Response(307, {"location": "/new?x=1"}), {"ok": 1}), auth=ApiKey("api_key", KEY))
    assert get(client) == {"ok": 1}
    assert [(request.url, request.headers["api_key"]) for request in script.requests] == [
        ("https://api.test/things", KEY),
        ("https://api.test/new?x=1", KEY),
    ]


@pytest.mark.parametrize(
    "place", ["https://evil.test/things", "http://api.test/things", "https://api.test:8443/", "//x.test/"]
)
def test_a_redirect_to_another_address_is_refused_before_anything_is_sent_there(scripted, place):
    client, script = scripted(lambda _: Response(302, {"location": place}), auth=ApiKey("api_key", KEY))
    with pytest.raises(ContractError, match="another address than the configured"):
        get(client)
    assert [request.url for request in script.requests] == ["https://api.test/things"]


def test_a_redirect_loop_ends(scripted):
    client, script = scripted(lambda _: Response(302, {"location": "/things"}))
    with pytest.raises(ContractError, match="5 redirects"):
        get(client)
    assert len(script.requests) == 5


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_what_was_posted_is_posted_again_only_where_the_status_says_so(scripted, sequence, status, method):
    client, script = scripted(sequence(Response(status, {"location": "/done?x=1"}), {"ok": 1}))
    posted = Call("/query", params={"page": 1}, headers={"X-A": "b"}, json={"ids": [1]}).at(client.base_url)
    assert client.get(posted) == {"ok": 1}
    again = script.requests[1]
    assert (again.method, again.url, dict(again.params)) == (method, "https://api.test/done?x=1", {})
    assert again.body == (posted.body if method == "POST" else None)
    assert ("Content-Type" in again.headers) is (method == "POST")
    assert again.headers["X-A"] == "b"


def test_a_redirect_to_nowhere_is_a_refusal(scripted):
    client, _ = scripted(lambda _: Response(302))
    with pytest.raises(SourceError, match="answered 302"):
        get(client)


@pytest.mark.parametrize(
    ("answer", "heavy"),
    [
        (Response(500), True),
        (Response(503, {"retry-after": "1"}), False),
        (Response(429), False),
        (TransportError("the answer timed out", heavy=True), True),
        (TransportError("the connection was refused"), False),
    ],
)
def test_an_error_says_whether_a_smaller_question_might_be_answered(scripted, answer, heavy):
    client, _ = scripted(lambda _: answer)
    with pytest.raises(TransientError) as caught:
        get(client)
    assert caught.value.heavy is heavy
    assert caught.value.status == (answer.status if isinstance(answer, Response) else 0)


def test_a_body_nobody_can_read_stays_one_that_was_unreadable(scripted):
    client, script = scripted(lambda _: Response(200, {}, b"<html>"))
    with pytest.raises(UnreadableError):
        client.send(client.request("/things"), attempts=2)
    assert len(script.requests) == 2


def test_waiting_for_a_limit_is_no_part_of_the_deadline(scripted, clock):
    answers = iter([{}, Response(503), {"ok": 1}])
    client, _ = scripted(lambda _: next(answers), limits=[Limit(1, 1_000)], retry=Retry(deadline=10, draw=lambda: 1.0))
    get(client)
    assert get(client) == {"ok": 1}
    assert clock.monotonic() > 1_900


def test_the_vendors_words_never_show_what_is_masked_even_where_they_are_cut(scripted):
    echo = b'{"message": "' + b"x" * 190 + KEY.encode() + b'"}'
    client, _ = scripted(lambda _: Response(400, {}, echo), log=Log(redactor([KEY])))
    with pytest.raises(SourceError) as caught:
        get(client)
    assert KEY[:6] not in str(caught.value)


def test_what_a_rule_ends_is_said_once(scripted):
    said: list[str] = []

    class Told(Log):
        def info(self, line):
            said.append(line)

    client, _ = scripted(lambda _: Response(402), rules=[Rule("end", status=402)], log=Told())
    for number in range(3):
        assert client.send(client.request(f"/things/{number}")).end
    assert len(said) == 1


def test_a_client_of_another_run_has_limits_and_a_sign_in_of_its_own(scripted):
    client, _ = scripted(lambda _: {}, limits=[Limit(1, 60)], auth=Login(Call("/in"), token="t"))
    begun = client.begin(client.transport, client.clock, client.log, "kept")
    assert begun.traffic is not client.traffic
    assert (begun.kept, client.kept) == ("kept", "")


def test_a_request_while_declaring_is_refused(scripted):
    client, _ = scripted(lambda _: {})
    with pytest.raises(ConfigError, match="while the connector was being declared"):
        get(replace(client, transport=None))


def test_a_credential_http_cannot_carry_is_a_setting_to_mend():
    with pytest.raises(ConfigError, match="characters that HTTP cannot carry"):
        RequestsTransport().send(Request("GET", "http://127.0.0.1:9/", headers={"api_key": "“curly”"}))


def test_a_closed_transport_opens_no_new_connection():
    transport = RequestsTransport()
    transport.close()
    with pytest.raises(TransportError, match="the sync is over"):
        transport.send(Request("GET", "http://127.0.0.1:9/"))
