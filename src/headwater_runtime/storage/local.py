"""Files of this machine."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import IO

from headwater_runtime.storage.entry import Attempt, Entry

__all__ = ["Local"]


class Local:
    """A folder. Links are followed; what is neither file nor folder is not there."""

    firm = False

    def __init__(self, root: str) -> None:
        self._root = root

    def scan(self, folder: str) -> Iterator[tuple[str, Entry | None]]:
        """Yield what is in a folder, as the system gives it."""
        with os.scandir(self._of(folder)) as found:
            for one in found:
                try:
                    told = one.stat()
                except FileNotFoundError:  # a link that leads nowhere, or it went this moment
                    continue
                except OSError as error:
                    if error.errno not in {errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG}:
                        raise
                    continue  # a link to itself, or nowhere
                if stat.S_ISDIR(told.st_mode):
                    yield one.name, None
                elif stat.S_ISREG(told.st_mode):
                    yield one.name, _entry(f"{folder}/{one.name}" if folder else one.name, told)

    def flat(self, folder: str) -> None:
        """Give nothing: folders are walked."""

    def stat(self, path: str) -> Entry:
        """Ask for one file."""
        told = os.stat(self._of(path))  # noqa: PTH116  (a path is text here)
        if not stat.S_ISREG(told.st_mode):
            raise FileNotFoundError(path)
        return _entry(path, told)

    def canonical(self, folder: str) -> str:
        """Return the path without links."""
        return os.path.realpath(self._of(folder))

    def open(self, entry: Entry, attempt: Attempt, where: str) -> IO[bytes]:
        """Open it."""
        return attempt(lambda: open(self._of(entry.path), "rb"), where)  # noqa: PTH123

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def _of(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root or "/"


def _entry(path: str, told: os.stat_result) -> Entry:
    return Entry(path, told.st_size, told.st_mtime_ns // 1000, "")
