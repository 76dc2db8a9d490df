"""Reading ahead: the next pages are fetched and decoded while the rows of this one are emitted and committed.

What waits is bounded by weight, so that many small pages bridge a long commit and a few large ones do not fill the memory.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

__all__ = ["ReadAhead"]

T = TypeVar("T")
FAREWELL = 1.0  # seconds to wait for a request that is on its way when nobody wants its answer any more


class ReadAhead(Generic[T]):
    """Iterates over `source` in a thread of its own. An error comes after the items before it, as it was.

    An item is fetched as long as those that wait weigh less than `limit` together, by `weight` (without one, each weighs
    the whole limit: one waits). Close it (`contextlib.closing`) to stop the reading before the end.
    """

    def __init__(self, source: Iterator[T], *, weight: Callable[[T], int] | None = None, limit: int = 1) -> None:
        self._source = source
        self._weight = weight or (lambda _: limit)
        self._limit = limit
        self._waiting: deque[tuple[T, int]] = deque()
        self._held = 0  # the weight of what waits
        self._ended = False
        self._error: BaseException | None = None
        self._stopped = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="headwater-read-ahead", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the reading."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(FAREWELL)

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    if self._error is not None:
                        raise self._error
                    return
                item, weight = self._waiting.popleft()
                self._held -= weight
                self._changed.notify_all()
            yield item

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._source:
                weight = self._weight(item)
                with self._changed:
                    self._changed.wait_for(lambda: self._stopped or not self._waiting or self._held < self._limit)
                    if self._stopped:
                        return
                    self._waiting.append((item, weight))
                    self._held += weight
                    self._changed.notify_all()
        except BaseException as raised:  # noqa: BLE001  (it is raised again where the items are used)
            error = raised
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()
