"""Files a connector uploads beside its rows: staged piece by piece, put in place right before their rows are committed.

They land where the SDK's own runner puts them: `storage/<schema>/<table>/<path>` beside the warehouse.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fivetran_connector_sdk_core import FileChunk

from headwater.errors import ProjectError, WarehouseError

__all__ = ["FileUploads", "stored_at"]

STORAGE = "storage"
STAGING = ".uploading"  # beside the storage: renames stay on one disk, and what a killed sync left is found
_SEPARATORS = re.compile(r"[/\\]+")
_DOTS = {".": "__dot__", "..": "__dotdot__"}


@dataclass
class _Upload:
    """A file whose pieces are coming. `caller` is the same object for every piece of one upload."""

    path: str
    target: Path
    caller: object
    staged: Path
    stream: BinaryIO
    size: int = 0


class FileUploads:
    """The files of one sync. The SDK holds its lock from the first piece of a file to the row that describes it.

    `folder` is the warehouse's; without one, for a destination in memory, files go to a temporary folder that `close` removes.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._temporary = folder is None
        self._upload: _Upload | None = None
        self._staged: dict[Path, Path] = {}  # where a file belongs: where it is
        self._count = 0

    def take(self, schema: str, chunk: FileChunk, caller: object) -> bool:
        """Take a piece; return whether it was the last. `schema` is the destination's name of it.

        Raises ProjectError for a file of another size than was said, or one begun before another ended; WarehouseError.
        """
        with _explained(chunk.file_path):
            upload = self._upload or self._begin(schema, chunk, caller)
            if upload.caller is not caller:
                raise _broken_off(upload.path, chunk.file_path)
            upload.stream.write(chunk.chunk_data)
            upload.size += len(chunk.chunk_data)
            if chunk.is_last:
                self._end(upload, chunk.expected_bytes)
        return bool(chunk.is_last)

    def place(self) -> None:
        """Move every whole file to where it belongs, over what is there. Raises WarehouseError."""
        for target, staged in self._staged.items():
            with _explained(str(target)):
                staged.replace(target)
        self._staged.clear()

    def close(self) -> None:
        """Drop what was not put in place."""
        if self._upload is not None:
            with suppress(OSError):  # a full disk: what it held is dropped anyway
                self._upload.stream.close()
        if self._folder is not None and self._count:
            shutil.rmtree(self._folder if self._temporary else self._folder / STAGING, ignore_errors=True)

    def _begin(self, schema: str, chunk: FileChunk, caller: object) -> _Upload:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="headwater-files-"))
        staging = self._folder / STAGING
        if not self._count:
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
        self._count += 1
        target = stored_at(self._folder / STORAGE, schema, chunk.storage_name, chunk.file_path)
        self._check(target)
        staged = staging / str(self._count)
        self._upload = _Upload(chunk.file_path, target, caller, staged, staged.open("wb"))
        return self._upload

    def _check(self, target: Path) -> None:
        """See at once that a file cannot be put in place, before its row is taken. Raises OSError."""
        for other in self._staged:
            if target in other.parents or other in target.parents:
                raise FileExistsError(None, "a file would have to be a folder too")
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if stat.S_ISDIR(target.stat().st_mode):
                raise IsADirectoryError(None, "a folder of this name is there")

    def _end(self, upload: _Upload, expected: int | None) -> None:
        upload.stream.flush()
        os.fsync(upload.stream.fileno())
        upload.stream.close()
        self._upload = None
        if expected is not None and expected != upload.size:
            raise ProjectError(
                f"the file {upload.path} has {upload.size:,} bytes, expected_bytes says {expected:,}",
                where=f"upload to {upload.target.parent}",
                hint="the download was cut short, or the source told another size: correct it, or leave expected_bytes out",
            )
        replaced = self._staged.pop(upload.target, None)
        if replaced is not None:
            replaced.unlink()
        self._staged[upload.target] = upload.staged


def stored_at(storage: Path, schema: str, table: str, path: str) -> Path:
    """Return where a file lands: never outside `storage`, whatever the names say."""
    parts = (part for name in (schema, table, path) for part in _SEPARATORS.split(name) if part)
    return storage.joinpath(*(_DOTS.get(part, part) for part in parts))


def _broken_off(former: str, path: str) -> ProjectError:
    return ProjectError(
        f"the upload of {path} began after that of {former} had broken off",
        where="file upload",
        hint="let the error of stream.read() end the sync: Fivetran may store what was read as if it were the whole file",
    )


@contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WarehouseError(
            f"the file cannot be stored: {error.strerror}",
            where=path,
            hint="give it another path, or check the folder's permissions and the free space",
        ) from error
