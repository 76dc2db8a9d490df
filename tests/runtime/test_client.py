"""One logical request: retried, bounded, at home."""

import traceback
from dataclasses import replace

import pytest

from headwater_runtime import ApiKey, ConfigError, ContractError, Retry, SourceError, TransientError
from headwater_runtime.errors import TransportError
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
