"""Lanes: several slices are read at a time, each by a thread, and handed over page by page in an order that repeats.

The main thread visits the lanes round robin and waits for the one whose turn it is, so the order of pages depends on the
source alone, never on timing. What waits in a lane is bounded by weight, so that many small pages bridge a long commit and a
few large ones do not fill the memory.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from headwater_runtime.ahead import FAREWELL
from headwater_runtime.errors import HeadwaterError
from headwater_runtime.pages import Page

__all__ = ["Lanes"]

J = TypeVar("J")
AHEAD_BYTES = 4_000_000  # of answers that may wait over all lanes, decoded, until their rows are emitted


class Lanes(Generic[J]):
    """Iterates over (job, page), (job, None) once a job is read to its end, and (job, error) where the source failed.

    `ask` gives the next job, None if there is none now; it and `read` are called in the iterating thread, again whenever a
    lane is free. Any other error of a lane is raised as it was. A lane goes on behind an urgent page only when the next item is asked
    for. `ordered`: a job's pages come behind those of all jobs before it. Close it (`contextlib.closing`) to stop the reading
    before the end.
    """

    def __init__(
        self, ask: Callable[[], J | None], width: int, read: Callable[[J], Iterator[Page]], *, ordered: bool = False
    ) -> None:
        self._ask, self._width, self._read, self._ordered = ask, width, read, ordered
        self._lanes: list[_Lane[J]] = []
        self._stopped: list[_Lane[J]] = []
        self._turn = 0
        self._closed = False

    def drop(self, job: J) -> None:
        """Read no more of `job`: what waits of it is not handed over."""
        for place, lane in enumerate(self._lanes):
            if lane.job is job:
                self._stop(place)
                self._turn -= place < self._turn
                return

    def close(self) -> None:
        """Stop every thread, waiting a moment for those whose request is on its way."""
        self._closed = True
        while self._lanes:
            self._stop(0)
        until = time.monotonic() + FAREWELL
        for lane in self._stopped:
            lane.join(max(0.0, until - time.monotonic()))

    def __iter__(self) -> Iterator[tuple[J, Page | HeadwaterError | None]]:
        while not self._closed:
            while len(self._lanes) < self._width and (job := self._ask()) is not None:
                place = len(self._lanes) if self._ordered else self._turn
                self._lanes.insert(place, _Lane(job, self._read(job), AHEAD_BYTES // self._width))
                self._turn += not self._ordered
            if not self._lanes:
                return
            self._turn %= len(self._lanes)
            lane = self._lanes[self._turn]
            item = lane.take()
            if isinstance(item, Page):
                self._turn += not self._ordered
            else:
                self._stop(self._turn)
            yield lane.job, item
            lane.go_on()

    def _stop(self, place: int) -> None:
        lane = self._lanes.pop(place)
        lane.stop()
        self._stopped = [one for one in self._stopped if one.is_alive()] + [lane]


class _Lane(threading.Thread, Generic[J]):
    """One job, read by a thread of its own."""

    def __init__(self, job: J, source: Iterator[Page], limit: int) -> None:
        super().__init__(name="headwater-lane", daemon=True)
        self.job = job
        self._source, self._limit = source, limit
        self._waiting: deque[Page] = deque()
        self._held = 0  # the weight of what waits
        self._urgent = self._ended = self._stopped = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self.start()

    def take(self) -> Page | HeadwaterError | None:
        """Wait for the next page. An error comes after the pages before it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            if self._waiting:
                page = self._waiting.popleft()
                self._held -= page.size
                self._changed.notify_all()
                return page
        if self._error is None or isinstance(self._error, HeadwaterError):
            return self._error
        raise self._error

    def go_on(self) -> None:
        """Take note that what was taken is dealt with."""
        if self._urgent:
            with self._changed:
                self._urgent = bool(self._waiting) and self._urgent
                self._changed.notify_all()

    def stop(self) -> None:
        """Ask the thread to end."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def run(self) -> None:
        """Read to the end."""
        error: BaseException | None = None
        try:
            try:
                for page in self._source:
                    if not self._hand_over(page):
                        return
            finally:
                if (close := getattr(self._source, "close", None)) is not None:
                    close()
        except BaseException as raised:  # noqa: BLE001  (it is raised again where the pages are used)
            error = raised
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def _hand_over(self, page: Page) -> bool:
        """Put `page` where it waits, until there is room for another: none is read before. False if nobody wants it."""
        with self._changed:
            if not self._stopped:
                self._waiting.append(page)
                self._held += page.size
                self._urgent = page.urgent
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopped or (self._held < self._limit and not self._urgent))
            return not self._stopped
