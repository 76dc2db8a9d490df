"""Odd replies over real HTTP, as a client meets them."""

import pytest
import requests

from headwater.simulate import (
    Population,
    Reply,
    Route,
    Simulation,
    Single,
    errors_in_200,
    flaky,
    html,
    huge,
    mislabelled,
    paged,
    redirected,
    serve,
    truncated,
    unmodified,
)


def two():
    return paged(Population(lambda seed, index, version: {"id": index}, 2), Single())


@pytest.fixture
def serving(clock):
    """Return a function that serves handlers by path and gives the URL."""
    servers = []

    def build(**handlers):
        routes = tuple(Route("GET", f"/{name}", handler) for name, handler in handlers.items())
        servers.append(serve(Simulation(routes, {}, {}), clock=clock))
        return servers[-1].url

    yield build
    for server in servers:
        server.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_keeps_the_query(serving, http, status):
    url = serving(old=redirected("/new", status=status), new=two())
    reply = http.get(f"{url}/old?a=1", timeout=5)
    assert (reply.url, len(reply.json()["data"])) == (f"{url}/new?a=1", 2)


def test_a_redirect_can_lead_to_another_host_or_in_a_circle(serving, http):
    url = serving(away=redirected("http://localhost:9/x", keep_query=False), round=redirected("/round"))
    assert http.get(f"{url}/away?a=1", allow_redirects=False, timeout=5).headers["Location"] == "http://localhost:9/x"
    with pytest.raises(requests.TooManyRedirects):
        http.get(f"{url}/round", timeout=5)


def test_a_page_for_people_where_json_was_asked_for(serving, http):
    reply = http.get(f"{serving(login=html())}/login", timeout=5)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert reply.text.startswith("<!DOCTYPE html>")


def test_a_wrong_or_missing_content_type(serving, http):
    url = serving(wrong=mislabelled(two()), none=mislabelled(two(), ""))
    assert http.get(f"{url}/wrong", timeout=5).headers["Content-Type"] == "text/plain"
    reply = http.get(f"{url}/none", timeout=5)
    assert "Content-Type" not in reply.headers
    assert len(reply.json()["data"]) == 2


def test_a_body_that_is_short_though_its_length_is_right(serving, http):
    reply = http.get(f"{serving(short=truncated(two()))}/short", timeout=5)
    assert int(reply.headers["Content-Length"]) == len(reply.content)
    with pytest.raises(requests.JSONDecodeError):
        reply.json()


@pytest.mark.parametrize("told", [False, True])
def test_a_huge_body_is_made_while_it_is_read(serving, http, told):
    url = serving(small=huge(100_000, told=told), huge=huge(10 * 2**30, told=told))
    assert len(http.get(f"{url}/small", timeout=5).json()) > 10_000
    with http.get(f"{url}/huge", stream=True, timeout=5) as reply:
        assert (int(reply.headers.get("Content-Length", 0)) > 10 * 2**30) is told
        chunks = reply.iter_content(1_000_000)
        seen = b"".join(next(chunks) for _ in range(20))
    assert seen.startswith(b'[{"n":1},')
    assert len(seen) > 1_000_000


def test_an_error_under_status_200(serving, http):
    handler = errors_in_200(two(), lambda request: "page" in request.params, {"status": "error", "code": 17})
    url = serving(odd=handler)
    assert http.get(f"{url}/odd", timeout=5).json()["data"]
    reply = http.get(f"{url}/odd?page=2", timeout=5)
    assert (reply.status_code, reply.json()["code"]) == (200, 17)


def test_an_error_that_goes_away(serving, http):
    url = serving(flaky=flaky(two(), Reply(520), Reply.error(503, "soon")))
    assert [http.get(f"{url}/flaky", timeout=5).status_code for _ in range(3)] == [520, 503, 200]


def test_what_has_not_changed_is_304(serving, http):
    tags = ["one"]
    url = serving(same=unmodified(two(), lambda: tags[-1]))
    etag = http.get(f"{url}/same", timeout=5).headers["ETag"]
    again = http.get(f"{url}/same", headers={"If-None-Match": etag}, timeout=5)
    assert (again.status_code, again.content) == (304, b"")
    tags.append("two")
    assert http.get(f"{url}/same", headers={"If-None-Match": etag}, timeout=5).ok
