"""One request over a real socket: read to its end, or an error; never more than the limit."""

import contextlib
import gc
import gzip
import itertools
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from headwater.simulate import Conditions, Fault, FaultPlan, Reply, Route, Simulation, gzipped, serve
from headwater_runtime import (
    Client,
    ContractError,
    Offset,
    Retry,
    Sizes,
    TransientError,
    TransportError,
    Windows,
)
from headwater_runtime.clock import FakeClock
from headwater_runtime.transport import STEP, Request, RequestsTransport, Response

from .wire import chunked, head, sized, wire

BODY = json.dumps([{"id": number, "text": "é" * 50} for number in range(30_000)], ensure_ascii=False).encode()


@pytest.fixture
def line():
    with closing(RequestsTransport(read_timeout=5)) as transport:
        yield transport


def get(line, url, **options):
    return line.send(Request("GET", url, **options))


FRAMES = {
    "length": sized,
    "chunks": lambda body: chunked(body[at : at + 70_001] for at in range(0, len(body), 70_001)),
    "close": lambda body: [head(), body],
    "packed": lambda body: sized(gzip.compress(body, 1), "Content-Encoding: gzip"),
    "packed chunks": lambda body: chunked([gzip.compress(body, 1)], "Content-Encoding: x-GZIP"),
    "packed by zlib in members": lambda body: sized(
        gzip.compress(body[:99], 1) + gzip.compress(body[99:], 1), "Content-Encoding: gzip"
    ),
}


@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize("size", [0, 1, 1_000, STEP, STEP + 1, len(BODY)])
@pytest.mark.parametrize("frame", FRAMES)
def test_a_body_arrives_whole_however_it_is_sent(line, frame, size, spool):
    with wire(lambda *_: FRAMES[frame](BODY[:size])) as url:
        response = get(line, url, spool=spool)
    assert response.size == size
    assert (response.file is not None) == (spool and size > STEP)
    for _ in range(2):
        assert response.open().read() == BODY[:size]
    assert response.body == (b"" if response.file else BODY[:size])


@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize("frame", sorted(set(FRAMES) - {"close"}))
def test_a_body_cut_short_is_a_broken_line(line, frame, spool):
    whole = b"".join(FRAMES[frame](BODY))
    start = whole.index(b"\r\n\r\n") + 4

    with wire(lambda path, _: [whole[: int(path[1:])]]) as url:
        for length in (start, start + 1, start + 20, (start + len(whole)) // 2, len(whole) - 9, len(whole) - 5):
            with pytest.raises(TransportError, match="cut short|not compressed as it says"):
                get(line, f"{url}/{length}", spool=spool)


@pytest.mark.parametrize("spool", [False, True])
def test_a_packed_body_that_ends_early_is_cut_short_even_if_its_length_is_right(line, spool):
    packed = gzip.compress(BODY)[:-5]
    with (
        wire(lambda *_: sized(packed, "Content-Encoding: gzip")) as url,
        pytest.raises(TransportError, match="cut short"),
    ):
        get(line, url, spool=spool)


@pytest.mark.parametrize(
    ("body", "packing"), [(b"not packed", "gzip"), (zlib.compress(b"x"), "deflate"), (b"?", "br"), (b"?", "gzip, gzip")]
)
def test_a_packing_that_is_not_what_it_says_or_was_not_asked_for(line, body, packing):
    said = "not compressed as it says|in a way that was not asked for"
    with wire(lambda *_: sized(body, f"Content-Encoding: {packing}")) as url, pytest.raises(TransportError, match=said):
        get(line, url)


def test_only_what_can_be_unpacked_is_asked_for(line):
    seen = {}

    def script(_, headers):
        seen.update(headers)
        return sized(b"{}")

    with wire(script) as url:
        get(line, url)
    assert seen["accept-encoding"] == "gzip"


def endless(*_):
    return chunked(itertools.repeat(b"x" * 100_000))


@pytest.mark.parametrize(
    "script",
    [
        endless,
        lambda *_: itertools.chain([head()], itertools.repeat(b"x" * 100_000)),
        lambda *_: itertools.chain([head("Content-Length: 10000000000")], itertools.repeat(b"x" * 100_000)),
        lambda *_: sized(gzip.compress(b"x" * 9_000_000), "Content-Encoding: gzip"),
    ],
    ids=["endless", "endless without frames", "10 GB", "bomb"],
)
@pytest.mark.parametrize(("spool", "message"), [(False, "larger than 3 MB"), (True, "larger than 6 MB")])
def test_what_is_too_large_is_refused_at_the_limit(script, spool, message):
    sent = []

    def counted(path, headers):
        for piece in script(path, headers):
            sent.append(len(piece))
            yield piece

    line = RequestsTransport(limit=3_000_000, spool_limit=6_000_000)
    with wire(counted) as url, closing(line), pytest.raises(ContractError, match=message) as caught:
        get(line, f"{url}/big?key=secret", spool=spool)
    assert "GET /big" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert sum(sent) < 60_000_000  # the sockets' own buffers are the kernel's affair


def test_a_promise_of_too_much_is_refused_before_anything_is_read(line):
    held = threading.Event()

    def script(*_):
        yield head("Content-Length: 64000001")
        held.wait(5)

    with wire(script) as url:
        try:
            with pytest.raises(ContractError, match=r"larger than 64 MB[\s\S]*format=Json\(large=True\)"):
                get(line, url)
        finally:
            held.set()


def test_an_error_page_is_not_spooled_and_has_the_smaller_limit():
    line = RequestsTransport(limit=2_000_000)
    with closing(line), wire(lambda path, _: sized(BODY[: int(path[1:])], status=500)) as url:
        response = get(line, f"{url}/1900000", spool=True)
        assert (response.status, response.file, len(response.body)) == (500, None, 1_900_000)
        with pytest.raises(ContractError, match="larger than 2 MB"):
            get(line, f"{url}/2000001", spool=True)


def test_the_file_ends_with_the_response(line):
    with wire(lambda *_: sized(BODY)) as url:
        response = get(line, url, spool=True)
    file = response.file
    assert not file.closed
    del response
    gc.collect()
    assert file.closed


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_an_answer_without_a_body_promises_nothing(line, method, status):
    with wire(lambda *_: [head("Content-Length: 1234", status=status)]) as url:
        assert line.send(Request(method, url)).body == b""


def test_a_silence_in_the_middle_is_a_time_out():
    held = threading.Event()

    def script(path, _):
        yield from [head("Content-Length: 2000000"), b"x" * 1_500_000]
        held.wait(5)

    with wire(script) as url, closing(RequestsTransport(read_timeout=0.2)) as line:
        try:
            for spool in (False, True):
                with pytest.raises(TransportError, match="timed out") as caught:
                    get(line, url, spool=spool)
                assert caught.value.heavy
        finally:
            held.set()


def test_a_silence_may_be_too_heavy_a_question_and_no_connection_is_not():
    held = threading.Event()

    def script(path, _):
        held.wait(5)
        yield head()

    with wire(script) as url, closing(RequestsTransport(read_timeout=0.2)) as line:
        with pytest.raises(TransportError, match="the answer timed out") as caught:
            get(line, url)
        assert caught.value.heavy
        held.set()
    with closing(RequestsTransport()) as line, pytest.raises(TransportError, match="refused") as caught:
        get(line, url)
    assert not caught.value.heavy
    with socket.socket() as full, closing(RequestsTransport(connect_timeout=0.2)) as line:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with contextlib.ExitStack() as waiting:
            for _ in range(8):  # until nobody more is let in
                one = waiting.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            with pytest.raises(TransportError, match="the connection timed out") as caught:
                get(line, f"http://127.0.0.1:{full.getsockname()[1]}")
    assert not caught.value.heavy


def stalling(large):
    """Answer {"data": […]} with what `path` asks for; in silence, half way through, where that is more than `large`."""
    held = threading.Event()

    def script(path, _):
        first, last = (int(part) for part in path.rpartition("/")[2].split("-"))
        body = json.dumps({"data": [{"id": number} for number in range(first, min(last, 20))]}).encode()
        if last - first <= large:
            yield from sized(body)
            return
        yield head(f"Content-Length: {len(body)}") + body[: len(body) // 2]
        held.wait(5)

    return script, held


def test_page_sizes_step_down_where_an_answer_times_out():
    script, held = stalling(5)

    class Line(RequestsTransport):
        def send(self, request):
            begin, count = (int(request.params[name]) for name in ("from", "take"))
            return super().send(replace(request, url=f"{request.url}/{begin}-{begin + count}", params={}))

    with wire(script) as url, closing(Line(read_timeout=0.2)) as line:
        paging = Offset("from", size_param="take", size=Sizes(10, 5), ends_short=True)
        client = Client(url, transport=line, clock=FakeClock())
        pages = list(client.pages("/things", records="data", paging=paging).read())
        held.set()
    assert [row["id"] for page in pages for row in page.records] == list(range(20))
    assert {page.step for page in pages} == {5}


def test_windows_halve_where_an_answer_times_out():
    script, held = stalling(5)
    start = datetime(2025, 3, 1, tzinfo=timezone.utc)
    cursor = Windows(start, step=timedelta(days=10), unit=timedelta(days=1), smallest=timedelta(days=1))

    def day(at):
        return (at - start).days

    found = []
    with wire(script) as url, closing(RequestsTransport(read_timeout=0.2)) as line:
        client = Client(url, transport=line, clock=FakeClock(start + timedelta(days=20)), retry=Retry(attempts=2))
        progress = cursor.begin({}, client.pages("/things"), client.clock.now())
        while (one := progress.next()) is not None:
            part = client.pages(f"/things/{day(one.start)}-{day(one.end) + 1}", records="data")
            try:
                found += [row["id"] for page in part.read() for row in page.records]
            except TransientError as error:
                assert progress.failed(one, error)
            else:
                progress.done(one)
        held.set()
    assert found == list(range(20))


def test_threads_share_connections_and_none_serves_two_at_a_time():
    gate = threading.Barrier(4, timeout=5)

    def script(path, _):
        gate.wait()
        return sized(path.encode())

    with wire(script) as url, closing(RequestsTransport()) as line:
        for _ in range(3):  # new threads each time, the same sessions
            with ThreadPoolExecutor(4) as pool:
                bodies = pool.map(lambda number: get(line, f"{url}/{number}").body, range(4))
                assert list(bodies) == [b"/0", b"/1", b"/2", b"/3"]
            assert len(line._idle) == 4


@pytest.mark.parametrize("spool", [False, True])
def test_a_compressed_route_is_cut_and_then_whole(line, spool):
    route = Route("GET", "/export", gzipped(lambda _: Reply(200, BODY)))
    conditions = Conditions(faults=FaultPlan.once(Fault("cut_body"), nth=1))
    with serve(Simulation((route,), {}, {}), conditions=conditions) as server:
        with pytest.raises(TransportError, match="cut short"):
            get(line, f"{server.url}/export", spool=spool)
        assert get(line, f"{server.url}/export", spool=spool).open().read() == BODY


def test_an_answer_that_was_not_read_to_its_end_is_never_taken_for_the_next_one():
    def handler(request):
        size = int(request.params["size"])
        return Reply(200, b"x" * size)

    simulation = Simulation((Route("GET", "/", handler),), {}, {})
    with serve(simulation) as server, closing(RequestsTransport(limit=1_000)) as line:
        for _ in range(3):
            with pytest.raises(ContractError, match="larger"):
                get(line, server.url, params={"size": "1001"})
            assert get(line, server.url, params={"size": "7"}).body == b"x" * 7


def test_a_credential_of_the_machine_does_not_take_the_place_of_ours(tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    script = (
        "import sys\n"
        "from headwater_runtime.transport import *\n"
        "line = RequestsTransport()\n"
        "print(line.send(Request('GET', sys.argv[1], headers={'Authorization': 'Bearer ours'})).body.decode())\n"
        "line.close()\n"
    )
    with wire(lambda _, headers: sized(headers.get("authorization", "none").encode())) as url:
        ran = subprocess.run(
            [sys.executable, "-c", script, url],
            env={"NETRC": str(tmp_path / "netrc"), "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert ran.stdout == "Bearer ours\n"


def test_closing_while_a_request_is_on_its_way_leaves_no_connection():
    asked, held = threading.Event(), threading.Event()

    def script(*_):
        asked.set()
        held.wait(5)
        yield from sized(b"{}")

    line = RequestsTransport()
    with wire(script) as url, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(get, line, url)
        assert asked.wait(5)
        line.close()
        held.set()
        assert isinstance(answer.exception(5), TransportError) or answer.result() == Response(
            200, {"content-length": "2", "connection": "close"}, b"{}"
        )
    assert line._idle == []


PEAK = """
import os, re, resource, sys
from headwater_runtime.formats import Csv, Json, Jsonl, Xml
from headwater_runtime.transport import Request, RequestsTransport
form, path = {"json": (Json(large=True), "data"), "jsonl": (Jsonl(), ""), "csv": (Csv(), ""), "xml": (Xml(), "x.row")}[sys.argv[2]]
line = RequestsTransport()
response = line.send(Request("GET", sys.argv[1], spool=True))
count = sum(len(records) for records, _ in form.read(response, path, "GET /"))
line.close()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # on Linux that counts the parent's, before we began
if os.path.exists("/proc/self/status"):
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(count, response.size // 1_000_000, peak // 1024)
"""
LONG = {
    "json": (b'{"total": 1, "data": [{"id": 0}', b',{"id": 1, "text": "' + b"x" * 9_970 + b'"}', b"]}"),
    "jsonl": (b'{"id": 0}\n', b'{"id": 1, "text": "' + b"x" * 9_970 + b'"}\n', b""),
    "csv": (b"id,text\n0,\n", b'1,"' + b"x" * 9_990 + b'"\n', b""),
    "xml": (b"<x><row><id>0</id></row>", b"<row><id>1</id><text>" + b"x" * 9_960 + b"</text></row>", b"</x>"),
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", LONG)
def test_half_a_gigabyte_is_read_in_little_memory(kind):
    start, row, end = LONG[kind]
    rows = 50_000 if kind == "json" else 10_000

    def script(*_):
        return chunked(itertools.chain([start], itertools.repeat(row * 100, rows // 100), [end] if end else []))

    with wire(script) as url:
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-c", PEAK, url, kind],
            env={"PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
    count, megabytes, peak = map(int, ran.stdout.split())
    assert (count, megabytes >= rows // 101) == (rows + 1, True)
    assert peak < 120, f"{peak} MB after {time.monotonic() - began:.0f} s"
