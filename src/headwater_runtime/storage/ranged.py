"""Files that are elsewhere: read by ranges, a block ahead of the reader, or fetched whole into a temporary file."""

from __future__ import annotations

import io
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from headwater_runtime.storage.entry import Attempt

__all__ = ["CutError", "Ranged", "fetched"]

BLOCK = 4_000_000  # bytes asked for at once
KEPT = 3  # blocks kept of a file: who jumps comes back
SPOOL = 1_000_000  # bytes from which a fetched file goes to the disk

Fetch = Callable[[int, int], bytes]


class CutError(ConnectionError):
    """Fewer bytes came than were asked for."""


class Ranged(io.RawIOBase):
    """A file of `size` bytes, of which `fetch(start, end)` gives any part. Read in order, the next block is on its way."""

    def __init__(self, size: int, fetch: Fetch, attempt: Attempt, where: str, block: int = BLOCK) -> None:
        self._size, self._fetch, self._attempt, self._where, self._block = size, fetch, attempt, where, block
        self._at = 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._ahead: tuple[int, Future[bytes]] | None = None
        self._line: ThreadPoolExecutor | None = None
        self._last = -1  # the block read before

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere; nothing is fetched before it is read."""
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read up to the end of a block. Raises what the place's last failure means."""
        if self._at >= self._size:
            return 0
        number, begin = divmod(self._at, self._block)
        data = self._of(number)[begin : begin + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Stop reading ahead."""
        if self._line is not None:
            self._line.shutdown(wait=True, cancel_futures=True)
            self._line = None
        self._kept.clear()
        super().close()

    def _of(self, number: int) -> bytes:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        ahead, self._ahead = self._ahead, None
        data = ahead[1].result() if ahead is not None and ahead[0] == number else self._read(number)
        self._kept[number] = data
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        following = number + 1
        if following == self._last + 2 and following * self._block < self._size:
            self._line = self._line or ThreadPoolExecutor(1, thread_name_prefix="headwater-file")
            self._ahead = following, self._line.submit(self._read, following)
        self._last = number
        return data

    def _read(self, number: int) -> bytes:
        start = number * self._block
        end = min(start + self._block, self._size)

        def once() -> bytes:
            data = self._fetch(start, end)
            if len(data) != end - start:
                raise CutError("a range was cut short")
            return data

        return self._attempt(once, self._where)


def fetched(fetch: Callable[[IO[bytes], int], None], size: int, attempt: Attempt, where: str) -> IO[bytes]:
    """Return a temporary file filled by `fetch(file, begin)`, which writes what follows `begin`; again from where it broke off.

    Fewer bytes than `size` (-1: not known) count as broken off.
    """
    file: IO[bytes] = io.BytesIO() if 0 <= size < SPOOL else tempfile.TemporaryFile()  # noqa: SIM115  (whoever reads closes it)

    def once() -> None:
        begin = file.seek(0, io.SEEK_END)
        fetch(file, begin)
        if 0 <= file.tell() < size:
            raise CutError("a file was cut short")

    try:
        attempt(once, where)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file
