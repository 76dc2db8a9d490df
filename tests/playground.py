"""The official practice API as a process of its own: a vendor none of us wrote."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

READY_WITHIN = 30.0
CREDENTIALS = {
    "username": r"Username: (\S+) Password: \S+",
    "password": r"Username: \S+ Password: (\S+)",
    "token": r"Bearer Token: (\S+)",
    "api_key": r"API Key: (\S+)",
    "session_username": r"Username: (\S+)  Password: \S+",
    "session_password": r"Username: \S+  Password: (\S+)",
}


@dataclass(frozen=True)
class Playground:
    """Where it is, and the credentials it made up when it started."""

    url: str
    credentials: Mapping[str, str]


@contextlib.contextmanager
def started(home: Path, *options: str) -> Iterator[Playground]:
    """Start it with `options`, in a home that says its daily look for a newer version is done; end it afterwards."""
    (home / ".ft_api_playground").mkdir()
    (home / ".ft_api_playground" / "_last_version_check").write_text(str(int(time.time())))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # It watches every folder that Python imports from, and makes up new credentials when a file there changes.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    printed = home / "printed.txt"
    with printed.open("w") as out:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("playground"), "start", "--port", str(port), *options],
            cwd=home,
            env={**kept, "HOME": str(home), "PYTHONUNBUFFERED": "1"},
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it starts a child that serves; both end together
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, f"{url}/pagination/keyset")
        text = printed.read_text()
        # What the child that serves printed comes last.
        yield Playground(url, {name: re.findall(pattern, text)[-1] for name, pattern in CREDENTIALS.items()})
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, "the practice API ended before it served"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    pytest.fail(f"the practice API did not answer within {READY_WITHIN:.0f} s")
