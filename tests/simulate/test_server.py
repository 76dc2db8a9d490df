"""Real HTTP/1.1: what a strict client may rely on."""

import socket
import threading

import pytest
import requests

from headwater.errors import SimulatorError
from headwater.simulate import Conditions, Fault, FaultPlan, Reply, Route, Simulation, serve


def talk(server, request: bytes) -> bytes:
    """Send raw bytes and return all that comes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_many_requests_share_one_connection(server):
    get = b"GET /echo?n=%d HTTP/1.1\r\nHost: x\r\n%s\r\n"
    reply = talk(server, get % (1, b"") + get % (2, b"") + get % (3, b"Connection: close\r\n"))
    assert reply.count(b"HTTP/1.1 200 OK") == 3
    assert [one.params["n"] for one in server.log] == ["1", "2", "3"]


def test_parameters_are_decoded_and_the_last_of_a_repeated_one_counts(server, http):
    reply = http.get(f"{server.url}/echo?a=1&a=2&empty=&text=%C3%A9%20%26")
    assert reply.json()["params"] == {"a": "2", "empty": "", "text": "é &"}


def test_placeholders_capture_and_bodies_arrive(server, http):
    reply = http.post(f"{server.url}/lists/7/echo/b%2F1", data="héllo".encode())
    assert reply.json() == {"captured": {"list": "7", "item": "b/1"}, "params": {}, "body": "héllo"}


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked", b"Content-Length: many"])
def test_a_body_of_unknown_length_is_refused(server, framing):
    assert talk(server, b"POST /lists/7/echo/1 HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n").startswith(
        b"HTTP/1.1 411"
    )


def test_an_unknown_path_is_404_and_a_wrong_method_405_in_json(server, http):
    missing = http.get(f"{server.url}/lists/7")
    assert (missing.status_code, missing.json()["error"]) == (404, "Not Found")
    wrong = http.delete(f"{server.url}/echo")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET")


def test_a_head_reply_has_the_length_and_no_body():
    simulation = Simulation((Route("HEAD", "/", lambda _: Reply.json([1, 2])),), {}, {})
    with serve(simulation) as server:
        reply = talk(server, b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Content-Length: 5" in reply
    assert reply.endswith(b"\r\n\r\n")


def test_a_status_without_a_standard_name_is_sent(http):
    simulation = Simulation((Route("GET", "/", lambda _: Reply(599)),), {}, {})
    with serve(simulation) as server:
        assert http.get(server.url).status_code == 599


def test_clients_are_served_at_the_same_time_and_every_request_is_logged_once(server):
    def ask(number):
        for turn in range(20):
            assert requests.get(f"{server.url}/echo", params={"who": f"{number}-{turn}"}, timeout=5).ok

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.params["who"] for one in server.log}) == 80
    assert [one.number for one in server.log] == list(range(1, 81))


def test_closing_ends_idle_connections_and_held_replies_at_once(clock):
    server = serve(Simulation((), {}, {}), clock=clock, conditions=Conditions(FaultPlan.once(Fault("timeout"), 2)))
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 404")
        connection.sendall(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        while len(server.log) < 2:
            pass
        server.close()
        assert connection.recv(1) == b""


def test_closing_twice_is_harmless(clock):
    server = serve(Simulation((), {}, {}), clock=clock)
    server.close()
    server.close()


def test_a_port_in_use_is_a_clear_error(server):
    with pytest.raises(SimulatorError, match=rf"Port {server.port} cannot be served.*(?s:.)*Choose another port"):
        serve(Simulation((), {}, {}), server.port)


def test_a_port_that_cannot_exist_is_a_clear_error():
    with pytest.raises(SimulatorError, match="Port 70000 cannot be served"):
        serve(Simulation((), {}, {}), 70_000)


def test_a_bug_in_a_route_is_500_for_the_client_and_an_error_at_close(http):
    def explode(_request):
        raise ZeroDivisionError("a bug in the vendor")

    def use_it():
        with serve(Simulation((Route("GET", "/", explode),), {}, {})) as server:
            assert http.get(server.url).status_code == 500

    with pytest.raises(SimulatorError, match="ZeroDivisionError: a bug in the vendor"):
        use_it()


def test_a_bug_in_a_route_does_not_hide_the_test_s_own_failure(server, http):
    def use_it():
        with server:
            http.get(f"{server.url}/explode")
            raise KeyError("the test's own")

    with pytest.raises(KeyError, match="the test's own"):
        use_it()
