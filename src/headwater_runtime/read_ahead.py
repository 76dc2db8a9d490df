"""Reading ahead: the next page is fetched and decoded while the rows of this one are emitted.

One page ahead and no more, so memory is bounded by three pages: the one being emitted, one that waits, one on its way.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Queue
from typing import Generic, TypeVar

__all__ = ["ReadAhead"]

T = TypeVar("T")
FAREWELL = 1.0  # seconds to wait for a request that is on its way when nobody wants its answer any more


class _End:
    """Marks the end of what was read; `error` is what ended it, None for the natural end."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class ReadAhead(Generic[T]):
    """Iterates over `source` in a thread of its own, one item ahead. An error comes after the items before it, as it was.

    Close it (`contextlib.closing`) to stop the reading before the end.
    """

    def __init__(self, source: Iterator[T]) -> None:
        self._source = source
        self._waiting: Queue[T | _End] = Queue(maxsize=1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name="headwater-read-ahead", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the reading."""
        self._stopped.set()
        with suppress(Empty):
            self._waiting.get_nowait()  # the reader may be waiting to hand over what nobody takes
        self._thread.join(FAREWELL)

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._waiting.get()
            if not isinstance(item, _End):
                yield item
                continue
            if item.error is not None:
                raise item.error
            return

    def _read(self) -> None:
        end = _End(None)
        try:
            for item in self._source:
                self._waiting.put(item)
                if self._stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  (it is raised again where the items are used)
            end = _End(error)
        self._waiting.put(end)
