"""Pace: how fast a sync goes, in one line that is renewed while it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psutil

from headwater_runtime.transport import Request, RequestsTransport, Response

__all__ = ["Pace"]

MEGABYTE = 1024 * 1024


class Pace:
    """Counts requests by being the transport of the sync, and rows by its checkpoints."""

    def __init__(self) -> None:
        self._line = RequestsTransport()
        self._begun = time.monotonic()
        self._process = psutil.Process()
        self._requests = 0
        self._rows = 0

    def send(self, request: Request) -> Response:
        """Send `request`, counted."""
        self._requests += 1
        return self._line.send(request)

    def close(self) -> None:
        """Give connections back."""
        self._line.close()

    def checkpoint(self, operations: Mapping[str, int]) -> None:
        """Take the operations committed so far."""
        self._rows = operations["upserts"] + operations["updates"] + operations["deletes"]

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self._begun, 0.001)
        memory = self._process.memory_info().rss / MEGABYTE
        return (
            f"{self._rows:,} rows committed · {self._rows / seconds:,.0f} rows/s · "
            f"{self._requests / seconds:,.1f} requests/s · {memory:,.0f} MB"
        )
