"""Credentials, refusals and limits: what is sent, what is said, and what is never shown."""

import base64
import json

import pytest

from headwater.discover.address import parse
from headwater.errors import DiscoveryError
from headwater.model import AuthSpec
from headwater.simulate import Reply
from headwater_runtime.transport import Request

KEY = "s3cret-value-9"
PAIR = base64.b64encode(f"me:pä:{KEY}".encode()).decode()


@pytest.mark.parametrize(
    ("header", "auth", "secrets"),
    [
        (("api_key", KEY), AuthSpec("header", "api_key", "api_key"), {"api_key": KEY}),
        (("X-Api-Key", KEY), AuthSpec("header", "X-Api-Key", "x_api_key"), {"x_api_key": KEY}),
        (("Authorization", f"Bearer {KEY}"), AuthSpec("bearer", "Authorization", "token"), {"token": KEY}),
        (("Authorization", KEY), AuthSpec("header", "Authorization", "authorization"), {"authorization": KEY}),
        (
            ("Authorization", f"Token token={KEY}"),
            AuthSpec("header", "Authorization", "token", "Token "),
            {"token": f"token={KEY}"},
        ),
        (
            ("Authorization", f"Basic {PAIR}"),
            AuthSpec("basic", "Authorization", "user", password_key="password"),
            {"user": "me", "password": f"pä:{KEY}"},
        ),
        (
            ("Authorization", f"Basic {KEY}"),
            AuthSpec("header", "Authorization", "basic_credentials", "Basic "),
            {"basic_credentials": KEY},
        ),
    ],
)
def test_a_secret_header_becomes_a_secret_setting(header, auth, secrets):
    address = parse("https://api.example.com/v1/things?kind=a", dict([header]))
    assert address.auth == auth
    assert address.secrets == secrets
    assert address.access.apply(Request("GET", "https://h/x")).headers == {header[0]: header[1]}
    assert address.params == {"kind": "a"}
    assert KEY not in repr(address)


def test_every_header_is_a_secret_unless_it_is_known_to_be_none():
    address = parse(
        "https://h/x?key=k1&appid=9f86d081884c7d659a2feaa0c55ad015&page_token=t&limit=5&keyword=k&since=2025-01-01T00:00:00Z",
        {"X-Tenant": "t", "x_username": "u", "x_password": "p", "Accept": "application/json", "Notion-Version": "1"},
    )
    assert address.auth == AuthSpec("header", "x_password", "x_password")
    assert address.secret_headers == {"X-Tenant": "x_tenant", "x_username": "x_username"}
    assert address.headers == {"Accept": "application/json", "Notion-Version": "1"}
    assert address.secret_params == {"key": "key", "appid": "appid"}
    assert address.params == {"page_token": "t", "limit": "5", "keyword": "k", "since": "2025-01-01T00:00:00Z"}


def test_configuration_keys_are_names_that_collide_with_nothing():
    address = parse(
        "https://h/x?page_size_token=a&token=b",
        {"Authorization": "Bearer c", "2nd-api-key": "d", "base_url_token": "e"},
    )
    assert address.secrets == {"token": "c", "key_2nd_api_key": "d", "base_url_token": "e", "token_2": "b"}
    assert address.params == {"page_size_token": "a"}


@pytest.mark.parametrize(
    "url",
    ["", "things", "ftp://h/x", "https://", "http://[::1", "https://h:0/x", "https://u:p@h/x", "https://h/x?a=1&a=2"],
)
def test_an_address_that_cannot_be_used(url):
    with pytest.raises(DiscoveryError):
        parse(url, {})


@pytest.mark.parametrize("headers", [{"a b": "c"}, {"a": "b\r\nc: d"}, {"": "x"}])
def test_a_header_that_cannot_be_sent(headers):
    with pytest.raises(DiscoveryError, match="cannot be sent"):
        parse("https://h/x", headers)


def test_the_secret_is_sent_and_is_in_nothing_that_is_told(vendor, find, people):
    def answer(request):
        assert request.headers["accept"] == "application/vnd.things+json"
        if request.headers.get("authorization") != f"Bearer {KEY}" or request.params.get("api_key") != KEY + "2":
            return Reply.error(401, "no")
        return {"data": [{**row, "echo": f"you sent {KEY}"} for row in people(5)]}

    url = vendor.serve(answer) + f"?api_key={KEY}2"
    found = find(url, {"Authorization": f"Bearer {KEY}", "Accept": "application/vnd.things+json"})
    assert found.secrets == {"token": KEY, "api_key": KEY + "2"}
    assert found.spec.secret_keys == ("token", "api_key")
    assert found.spec.headers == {"Accept": "application/vnd.things+json"}
    assert found.spec.endpoints[0].secret_params == {"api_key": "api_key"}
    assert found.spec.endpoints[0].fields["echo"] == "you sent ***"
    assert KEY not in repr(found)
    assert KEY not in json.dumps([finding.as_dict() for finding in found.findings])


def refused(find, url, headers=None):
    with pytest.raises(DiscoveryError) as caught:
        find(url, headers)
    return caught.value


def test_no_credential(vendor, find):
    challenge = {"WWW-Authenticate": 'Bearer realm="things"'}
    error = refused(find, vendor.serve(lambda _: Reply.error(401, "Sign in.", headers=challenge)))
    assert error.what == "the source refuses with 401, asking for the scheme Bearer; no credential was given: Sign in."
    assert "--header 'Authorization: Bearer …'" in error.hint


def test_a_key_that_is_wanted_as_a_bearer_token(vendor, find, people):
    def answer(request):
        if request.headers.get("authorization") == f"Bearer {KEY}":
            return {"data": people(5)}
        return Reply.error(401, "Sign in.")

    found = find(vendor.serve(answer), {"X-Api-Key": KEY})
    assert found.spec.auth == AuthSpec("bearer", "Authorization", "x_api_key")
    assert [one.what for one in found.findings if one.id == "discover.access"] == ["the key is taken as a bearer token"]
    assert all("x-api-key" not in one.params for one in vendor.server.log)


def test_basic_credentials_are_shown_in_no_form(vendor, find, people):
    def answer(request):
        assert request.headers["authorization"] == f"Basic {PAIR}"
        return {"data": [{**row, "echo": f"you sent {PAIR}, pä:{KEY}"} for row in people(5)]}

    found = find(vendor.serve(answer), {"Authorization": f"Basic {PAIR}"})
    assert found.spec.secret_keys == ("user", "password")
    assert found.spec.endpoints[0].fields["echo"].startswith("you sent ***")
    assert PAIR not in repr(found)
    assert KEY not in repr(found)


def test_a_wrong_credential(vendor, find):
    url = vendor.serve(lambda request: Reply.error(403, f"{request.headers.get('api_key')} is not a key"))
    error = refused(find, url, {"api_key": KEY})
    assert error.what == "the source refuses the credential in 'api_key' with 403: *** is not a key"
    assert KEY not in str(error)


@pytest.mark.parametrize(
    ("reply", "what", "hint"),
    [
        (Reply.error(404, "There is no such path."), "nothing at this address (404)", "check the path"),
        (
            Reply.json({"error": "Both 'a' and 'b' are required"}, status=400),
            "400): Both 'a' and 'b'",
            "add the parameters",
        ),
        (
            Reply(200, b"<html>hello", {"Content-Type": "text/html; charset=utf-8"}),
            "text/html, which is not JSON",
            "for people",
        ),
        (Reply(200, b"a,b\n1,2", {"Content-Type": "text/csv"}), "text/csv, which is not JSON", "format=json"),
        (Reply(200, b"", {}), "no stated type, which is not JSON", "JSON form"),
        (Reply(200, b"[" * 100_000, {"Content-Type": "application/json"}), "which is not JSON", "JSON form"),
        (Reply.error(418, "teapot"), "answers 418: teapot", "documentation"),
        (Reply.error(500, "oops"), "answers 500", "try again later"),
        (Reply.json({"error": {"message": "quota"}, "data": []}), "200 with an error in the body: quota", "mend"),
        (
            Reply(302, b"", {"Location": "https://login.example.com/?next=1"}),
            "to another address, https://login.example.com",
            "trust",
        ),
        (Reply(302, b"", {"Location": "/things"}), "redirects in a circle", "browser"),
    ],
)
def test_answers_that_cannot_be_used(vendor, find, reply, what, hint):
    error = refused(find, vendor.serve(lambda _: reply))
    assert what in error.what
    assert hint in error.hint
    assert "/things" in error.where


def test_an_endpoint_for_post_only(vendor, find):
    error = refused(find, vendor.serve(lambda _: {}, method="POST"))
    assert error.what.startswith("the endpoint does not take GET (405); it allows POST")


def test_nobody_listens(find, clock):
    error = refused(find, "http://127.0.0.1:9/things")
    assert error.what == "the source cannot be reached: the connection was refused"
    assert clock.slept


def test_a_redirect_on_the_host_leads_to_the_endpoint(vendor, find, people):
    def answer(request):
        return people(5) if request.path == "/things/" else Reply(301, b"", {"Location": request.path + "/"})

    found = find(vendor.serve(answer, paths=("/things", "/things/")))
    assert found.spec.base_url == vendor.server.url
    assert found.spec.endpoints[0].path == "/things/"


def test_a_rate_limit_is_obeyed_by_the_clock(vendor, find, people, clock):
    asked = []

    def answer(request):
        asked.append(1)
        if len(asked) % 4 == 0:
            return Reply.error(429, "slow down", headers={"Retry-After": "17"})
        page = int(request.params.get("page", 1))
        return Reply.json({"data": people(45)[page * 20 - 20 : page * 20]}, headers={"X-RateLimit-Limit": "4"})

    found = find(vendor.serve(answer))
    assert found.spec.endpoints[0].paging.kind == "page_number"
    assert found.spec.endpoints[0].complete
    assert clock.slept
    assert min(clock.slept) >= 17
    told = [finding.what for finding in found.findings if finding.id == "discover.limits"]
    assert told[0] == "the source tells its rate limit"
    assert told[1].startswith("the source limits the rate: waited")


def test_a_rate_limit_without_end_is_an_error(vendor, find, clock):
    error = refused(find, vendor.serve(lambda _: Reply.error(429, "no", headers={"Retry-After": "20"})))
    assert "keeps answering 429" in error.what
    assert len(clock.slept) == 4
