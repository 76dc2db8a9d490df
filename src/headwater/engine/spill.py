"""Rows that wait for their checkpoint on disk: memory stays bounded however far apart checkpoints are."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from headwater.engine.chunk import Chunk, Kind
from headwater.engine.columns import Column, Form
from headwater.engine.sqltypes import SqlType
from headwater.errors import WarehouseError

__all__ = ["Spill", "Spilled"]

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True)
class Spilled:
    """Where a chunk is in the file, and what its arrays do not say."""

    start: int
    size: int
    length: int
    kind: Kind | None
    columns: Mapping[str, tuple[Form, SqlType | None, int, bool]]


class Spill:
    """A nameless temporary file in `folder` (None: the system's): it is gone with its last user, also if that is killed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._end = 0

    @property
    def size(self) -> int:
        """The bytes on disk."""
        return self._end

    def write(self, chunk: Chunk) -> Spilled:
        """Put `chunk` on disk. Raises WarehouseError."""
        arrays: list[Any] = []
        kind = chunk.kinds if isinstance(chunk.kinds, Kind) else None
        if kind is None:
            arrays.append(chunk.kinds)
        for column in chunk.columns.values():
            arrays += [column.array] if column.present is None else [column.array, column.present]
        batch = pa.record_batch(arrays, [str(index) for index in range(len(arrays))])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=_OPTIONS) as writer:
            writer.write_batch(batch)
        data = sink.getvalue()
        start, self._end = self._end, self._end + data.size
        try:
            file = self._open()
            file.seek(start)
            file.write(data)
        except OSError as error:
            raise WarehouseError(
                f"rows that wait for their checkpoint cannot be written to disk: {error.strerror}",
                where=str(self._folder or tempfile.gettempdir()),
                hint="check the free space and the folder's permissions, or let the connector checkpoint more often",
            ) from error
        columns = {
            name: (column.form, column.type, column.first, column.present is not None)
            for name, column in chunk.columns.items()
        }
        return Spilled(start, data.size, chunk.length, kind, columns)

    def read(self, spilled: Spilled) -> Chunk:
        """Return the chunk again."""
        file = self._open()
        file.seek(spilled.start)
        arrays = iter(pa.ipc.open_stream(pa.py_buffer(file.read(spilled.size))).read_next_batch().columns)
        kinds = next(arrays) if spilled.kind is None else spilled.kind
        columns = {}
        for name, (form, kind, first, presence) in spilled.columns.items():
            array = next(arrays)
            columns[name] = Column(form, array, kind, first, next(arrays) if presence else None)
        return Chunk(spilled.length, kinds, columns)

    def close(self) -> None:
        """Give the disk space back."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._end = 0

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115  (closed by `close`)
        return self._file
