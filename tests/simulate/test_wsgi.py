"""A web application of somebody else's as a route: its answers go through the server, and every fault to them."""

import pytest

from headwater.errors import SimulatorError
from headwater.simulate import Conditions, Fault, FaultPlan, Reply, Route, Simulation, serve, wsgi


def application(environ, start):
    """Tell what was asked; `/made` in pieces, with a close that is called."""
    if environ["PATH_INFO"] == "/made/in pieces":
        start("200 OK", [("content-type", "text/plain"), ("Content-Length", "6")])
        return Pieces()
    told = "|".join(environ[name] for name in ("REQUEST_METHOD", "PATH_INFO", "RAW_URI", "QUERY_STRING", "HTTP_X_WORD"))
    start("203 Told", [("ETag", '"7"'), ("Content-Length", str(len(told)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [told.encode("latin-1"), environ["wsgi.input"].read()]


class Pieces:
    closed = 0

    def __iter__(self):
        return iter((b"pie", b"ces"))

    def close(self):
        Pieces.closed += 1


@pytest.fixture(scope="module")
def server():
    handler = wsgi(application, rename=lambda path: path.replace("/shown", "/inside"))
    routes = tuple(Route(method, "/{rest+}", handler) for method in ("GET", "HEAD", "POST"))
    with serve(Simulation(routes, {}, {})) as running:
        yield running


@pytest.fixture
def url(server):
    server.reset()
    return server.url


def test_the_application_sees_the_request(http, url):
    reply = http.post(f"{url}/shown/a%20b/%E2%98%83", params={"q": "1 & 2"}, headers={"X-Word": "yes"}, data=b"+body")
    path = "/inside/a%20b/%E2%98%83"
    assert reply.content == f"POST|/inside/a b/☃|{path}?q=1+%26+2|q=1+%26+2|yes+body".encode()
    assert (reply.status_code, reply.headers["ETag"]) == (203, '"7"')


def test_what_it_makes_in_pieces_comes_whole_and_it_is_closed(http, url):
    before = Pieces.closed
    assert http.get(f"{url}/made/in%20pieces").content == b"pieces"
    assert Pieces.closed == before + 1


def test_an_answer_to_head_tells_the_length_it_would_have(http, url):
    reply = http.head(f"{url}/x", headers={"X-Word": "no"})
    assert reply.content == b""
    assert reply.headers["Content-Length"] == "14"


def test_every_fault_strikes_it(http, server, url):
    server.reset(Conditions(FaultPlan.once(Fault("status", 503), 1)))
    assert [http.get(f"{url}/made/in%20pieces").status_code for _ in range(2)] == [503, 200]
    assert [one.path for one in server.log] == ["/made/in%20pieces"] * 2


@pytest.mark.parametrize(
    ("path", "captured"),
    [
        ("/files/a/b%20c/d.csv", {"name": "a/b c/d.csv"}),
        ("/files/x", {"name": "x"}),
        ("/files/", None),
        ("/files", None),
    ],
)
def test_a_placeholder_with_a_plus_takes_all_that_follows(http, path, captured):
    route = Route("GET", "/files/{name+}", lambda request: Reply.json(dict(request.captured)))
    with serve(Simulation((route,), {}, {})) as server:
        reply = http.get(server.url + path)
    assert (reply.json() if reply.ok else None) == captured


def test_what_a_simulation_keeps_elsewhere_is_made_before_it_is_served_and_cleared_away_after():
    told = []
    simulation = Simulation((), {}, {}, begin=lambda: told.append("begin"), end=lambda: told.append("end"))
    with serve(simulation) as server:
        assert told == ["begin"]
        with pytest.raises(SimulatorError, match=f"Port {server.port} cannot be served"):
            serve(simulation, server.port)
    assert told == ["begin", "begin", "end", "end"]
