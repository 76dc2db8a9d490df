"""Small vendors served over real HTTP, and the official practice API as a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from headwater.discover import discover
from headwater.simulate import Reply, Route, Simulation, load_simulator, serve
from headwater_runtime.clock import FakeClock
from headwater_runtime.transport import RequestsTransport

ROOT = Path(__file__).parents[2]
READY_WITHIN = 30.0


class Vendor:
    """Serves `/things`: `answer` takes a request and returns a JSON body or a Reply."""

    def __init__(self) -> None:
        self._servers = contextlib.ExitStack()

    def serve(self, answer, paths=("/things",), method="GET"):
        def handler(request):
            body = answer(request)
            return body if isinstance(body, Reply) else Reply.json(body)

        simulation = Simulation(tuple(Route(method, path, handler) for path in paths), {}, {})
        self.server = self._servers.enter_context(serve(simulation))
        return self.server.url + paths[0]

    def close(self) -> None:
        self._servers.close()


@pytest.fixture
def vendor():
    running = Vendor()
    yield running
    running.close()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def find(clock):
    """Discover with real requests and a clock that never waits."""
    transport = RequestsTransport()

    def run(url, headers=None, name="Thing"):
        told = []
        found = discover(
            url, name=name, headers=headers or {}, transport=transport, clock=clock, on_finding=told.append
        )
        assert tuple(told) == found.findings
        return found

    yield run
    transport.close()


@pytest.fixture(scope="session")
def cpg():
    return load_simulator(ROOT / "simulators" / "cpg")


@pytest.fixture
def people():
    """Records with a unique id, in no order by any date."""

    def make(count, start=0):
        return [
            {
                "id": f"p{n:04}",
                "name": f"Person {n % 7}",
                "score": n % 5,
                "born": f"19{60 + n * 7 % 40}-0{1 + n % 9}-11",
            }
            for n in range(start, start + count)
        ]

    return make


@pytest.fixture(scope="module")
def playground(tmp_path_factory):
    """The base URL of a practice API: started in a home that says its daily look for a newer version is done."""
    home = tmp_path_factory.mktemp("playground")
    (home / ".ft_api_playground").mkdir()
    (home / ".ft_api_playground" / "_last_version_check").write_text(str(int(time.time())))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = Path(sys.executable).with_name("playground")
    process = subprocess.Popen(
        [command, "start", "--port", str(port)],
        cwd=home,
        env={**os.environ, "HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # it starts a child that serves; both end together
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, f"{url}/pagination/keyset")
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(process, url):
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, "the practice API ended before it served"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    pytest.fail(f"the practice API did not answer within {READY_WITHIN:.0f} s")
