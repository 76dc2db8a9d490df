"""StageClock: the time of a vendor and of the connector that reads it, in one process, with nobody waiting."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from headwater_runtime.clock import FakeClock

__all__ = ["StageClock"]


class StageClock(FakeClock):
    """A clock that moves when someone sleeps, and can be wound back to the last time it was moved on purpose.

    Each thread has a time of its own: the one it last read, or slept until. A sleep ends that much later, and the clock shows
    the latest of these. So eight threads that each wait the minute their vendor asks for wait one minute, not eight.
    """

    def __init__(self) -> None:
        super().__init__()
        self._begin = 0.0
        self._own = threading.local()

    def now(self) -> datetime:
        """Return the current moment, aware, in UTC."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the seconds that have passed."""
        self._own.time = elapsed = self._elapsed
        return elapsed

    def sleep(self, seconds: float) -> None:
        """Return at once, that much later."""
        with self._lock:
            until = self._own.time = getattr(self._own, "time", self._elapsed) + seconds
            self._elapsed = max(self._elapsed, until)

    def pass_by(self, seconds: float) -> None:
        """Move the clock on, for all: `wind_back` will not undo it."""
        with self._lock:
            self._elapsed += seconds
            self._begin = self._own.time = self._elapsed

    def wind_back(self) -> None:
        """Show the moment the clock was last moved to by `pass_by`; what was slept since is forgotten."""
        with self._lock:
            self._elapsed = self._own.time = self._begin
