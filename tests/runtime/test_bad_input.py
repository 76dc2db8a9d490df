"""What a source or a declaration can do wrong, row by row: its error, with what to do, or its documented continuation."""

import pytest

from headwater_runtime import (
    ApiKey,
    Client,
    Config,
    ConfigError,
    ContractError,
    Errors,
    NextToken,
    Retry,
    Rule,
    Secret,
    Source,
    SourceError,
    Stream,
    Table,
    Token,
    TransientError,
    Url,
    Watermark,
)
from headwater_runtime.call import Call, Start
from headwater_runtime.clock import FakeClock
from headwater_runtime.transport import RequestsTransport, Response

from .conftest import HOME, Kept, Script

CONFIG = Config(key=Secret("Key"), url=Url("Address", default=HOME))
SETTINGS = {"key": "sesame-1234"}
THINGS, OTHERS = Table("things", key="id"), Table("others", key="id")
GOOD = [{"id": 1, "at": "2024-12-31T00:00:00Z"}]
JSON = {"content-type": "application/json"}


def source(*makers, rules=()):
    def client(settings):
        return Client(settings.url, auth=ApiKey("x-key", settings.key), retry=Retry(attempts=2), rules=rules)

    return Source(CONFIG, client, lambda client, _: [make(client) for make in makers])


def things(client, **options):
    return Stream(client.pages("/things", records="data"), {THINGS: dict}, **options)


def others(client, **options):
    return Stream(client.pages("/others", records="data"), {OTHERS: dict}, **options)


def answering(**by_name):
    """Answer with these by the last part of the path; what is not named is well."""

    def answer(request):
        return by_name.get(request.url.rpartition("/")[2], {"data": GOOD})

    return Script(answer)


def fails(connector, transport, kind, words, state=None):
    """Run it, expect the error, and return what was emitted. Every error has a remedy and shows no secret."""
    emit = Kept()
    with pytest.raises(kind, match=words) as caught:
        connector.run(SETTINGS, state or {}, emit=emit, transport=transport, clock=FakeClock())
    assert caught.value.hint
    assert "sesame" not in str(caught.value)
    return emit


def test_a_revoked_key_stops_the_sync_and_names_the_setting():
    script = answering(things=Response(401, JSON, b'{"message": "key revoked"}'))
    emit = fails(source(things, others), script, ConfigError, "401: key revoked")
    assert not emit.rows("others")


def test_one_stream_that_may_not_be_read_does_not_stop_the_others():
    script = answering(things=Response(403, JSON, b'{"error": {"message": "no right"}}'))
    emit = fails(source(things, others), script, ConfigError, "403: no right")
    assert emit.rows("others") == GOOD


def test_an_endpoint_that_vanished_does_not_stop_the_others():
    emit = fails(source(things, others), answering(things=Response(404)), SourceError, "404")
    assert emit.rows("others") == GOOD


def test_a_refusal_may_be_a_declared_end():
    emit = Kept()
    connector = source(things, others, rules=(Rule("end", status=403),))
    connector.run(SETTINGS, {}, emit=emit, transport=answering(things=Response(403)), clock=FakeClock())
    assert (len(emit.rows("things")), len(emit.rows("others"))) == (0, 1)


def test_success_with_an_error_in_it():
    body = {"error": True, "reason": "quota"}
    fails(source(things), answering(things=body), ContractError, "not in the response, which holds: error, reason")
    rules = (Rule("fail", status=200, where={"error": True}, hint="ask for more quota"),)
    fails(source(things, rules=rules), answering(things=body), SourceError, "(?s)ask for more quota")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>Sign in</html>", "not JSON"),
        (b'{"data": [{"id": 1}', "not JSON"),
        (b"", "not JSON"),
        (b'{"data": null}', "should be a list of records but is null"),
        (b'{"data": [1]}', "record 0 of 'data' is a number"),
        (b"[]", "'data' is not in the response"),
    ],
)
def test_a_body_of_another_shape(body, words):
    emit = fails(
        source(things, others), answering(things=Response(200, {"content-type": "x"}, body)), ContractError, words
    )
    assert emit.rows("others") == GOOD


def test_a_source_that_is_down_can_be_tried_again_later():
    fails(source(things, others), answering(things=Response(503)), TransientError, "gave up after 2 attempts")


def test_a_redirect_in_a_circle():
    script = Script(lambda request: Response(302, {"location": request.url}))
    fails(source(things), script, ContractError, "redirects in a row")


def test_a_redirect_to_another_host():
    script = Script(lambda _: Response(302, {"location": "https://elsewhere.test/things"}))
    fails(source(things), script, ContractError, "points to https://elsewhere.test")
    assert len(script.requests) == 1


def test_a_next_token_that_comes_again():
    def looping(client):
        paging = NextToken("next", param="after")
        return Stream(client.pages("/things", records="data", paging=paging), {THINGS: dict}, Token())

    answers = iter(range(9))
    script = Script(lambda _: {"data": [{"id": next(answers)}], "next": "x"})
    emit = fails(source(looping, others), script, ContractError, "same next position twice")
    assert emit.states[-1]["streams"]["things"]["token"] == "x"


def marked(client, **options):
    pages = client.pages(Call("/things", params={"since": Start()}), records="data")
    return Stream(pages, {THINGS: dict}, Watermark("at", start="2024-01-01"), **options)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (
            {"id": 1, "at": "next Tuesday at noon, if it does not rain"},
            "'at' of a record is no moment: 'next Tuesday at noon, if it do'",
        ),
        ({"id": 1}, "'at'"),
    ],
)
def test_a_mark_no_format_fits_or_that_no_record_has(record, words):
    emit = fails(source(marked, others), answering(things={"data": [record]}), ContractError, words)
    assert not emit.rows("things")
    assert emit.rows("others") == GOOD


def test_a_null_key_or_a_lacking_field_ends_the_stream_or_is_left_out():
    answer = {"data": [*GOOD, {"id": None}]}
    emit = fails(source(things), answering(things=answer), ContractError, "has no 'id', a key of 'things'")
    assert not emit.rows("things")
    source(lambda client: things(client, errors=Errors())).run(
        SETTINGS, {}, emit=emit, transport=answering(things=answer), clock=FakeClock()
    )
    assert emit.rows("things") == GOOD


def test_a_state_of_another_connector():
    fails(source(things), answering(), ConfigError, "not written by this connector", state={"cursor": "x"})


@pytest.fixture
def promising():
    """The address of a server that promises ten gigabytes and sends what one reads of them."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    sent = []

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                try:
                    peer.recv(65536)
                    peer.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\nContent-Type: application/json\r\n\r\n["
                    )
                    while True:
                        sent.append(peer.send(b" " * 1_000_000))
                except OSError:
                    pass

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", sent
    listener.close()


def test_ten_gigabytes_are_refused_and_not_read_to_their_end(promising):
    url, sent = promising
    transport = RequestsTransport()
    try:
        with pytest.raises(ContractError, match="large=True|larger|more than") as caught:
            source(things).run({**SETTINGS, "url": url}, {}, emit=Kept(), transport=transport, clock=FakeClock())
    finally:
        transport.close()
    assert caught.value.hint
    assert sum(sent) < 1_000_000_000
