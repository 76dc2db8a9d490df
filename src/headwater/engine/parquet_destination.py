"""A folder of Parquet files as the destination, with the meaning of the DuckDB one.

    <folder>/_headwater.json                 the manifest: tables, their columns and keys, the files that count
    <folder>/<schema>/<table>/000012.parquet  rows; each row of a table is in one of its files

A run holds the tables in a DuckDB database in memory, where changes are merged. A checkpoint writes new files, then replaces the
manifest: that is the commit. Files the manifest does not name do not count, and are removed at the next open.

A checkpoint does not write everything anew. Each commit stamps the rows it touches with a moment of its own, so a file holds the rows
of a span of moments, and the spans do not overlap. A file is written again only if rows have moved out of its span, or to be
joined with a newer one that has grown as large: a table of n rows has about log n files.
"""

# ruff: noqa: S608  (names in statements are quoted identifiers, paths are quoted literals)

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from headwater.engine.buffer import Change
from headwater.engine.catalog import Existing, evolve, literal, quoted, read_tables, sql_name
from headwater.engine.duckdb_destination import DuckDbDestination, explained
from headwater.engine.kept import as_json, from_json
from headwater.engine.naming import FIVETRAN_NAMING
from headwater.engine.shape import TableName
from headwater.errors import WarehouseError

__all__ = ["MANIFEST", "ParquetDestination"]

MANIFEST, LOCK, UPLOADS = "_headwater.json", "_headwater.lock", "_uploads"
FORMAT = 1


@dataclass(frozen=True)
class _File:
    """Some rows: those with `_fivetran_synced` from `first` to `last`, in microseconds since 1970."""

    name: str
    rows: int
    first: int
    last: int


@dataclass(frozen=True)
class _Table:
    shape: Existing
    live: int
    files: tuple[_File, ...]


@dataclass(frozen=True)
class _Manifest:
    """What counts. `written` numbers the files, `moment` is the last commit's."""

    naming: str
    written: int
    moment: int
    tables: Mapping[TableName, _Table]

    def text(self) -> str:
        tables = [
            {
                **asdict(name),
                **as_json(table.shape),
                "live": table.live,
                "files": [asdict(file) for file in table.files],
            }
            for name, table in self.tables.items()
        ]
        head = {"format": FORMAT, "naming": self.naming, "written": self.written, "moment": self.moment}
        return json.dumps({**head, "tables": tables}, indent=1)


class ParquetDestination:
    """Tables as Parquet files under `folder`, one writer at a time."""

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder)
        self._lock: IO[str] | None = None
        self._manifest: _Manifest | None = None
        self._memory: DuckDbDestination | None = None

    @property
    def folder(self) -> Path:
        """The folder uploaded files are stored under, and where rows beyond what memory may hold wait."""
        return self.path / UPLOADS

    def open(self, naming: str = FIVETRAN_NAMING) -> str:
        """Take the folder for this run, making it if need be, and clean up what an earlier one left. Raises WarehouseError."""
        with self._explained():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take()
            try:
                path = self.path / MANIFEST
                if not path.exists():
                    self._replace(_Manifest(naming, 0, 0, {}))
                self._manifest = _read(path)
                self._sweep()
                self._load()
            except BaseException:
                self.close()
                raise
        return self._manifest.naming

    def commit(self, changes: Sequence[Change], moment: datetime) -> None:
        """Apply `changes`, all or none. A moment not after the last commit's is moved after it."""
        kept, memory = self._ready()
        moment = max(moment, _moment(kept.moment) + timedelta(microseconds=1))
        with self._all_or_none():
            memory.commit(changes, moment)
            self._write(_microseconds(moment))

    def counts(self) -> Mapping[str, int]:
        """Return the number of live rows of every table, as of the last commit."""
        kept = self._manifest or _read(self.path / MANIFEST)
        return {name.shown: table.live for name, table in sorted(kept.tables.items())}

    def close(self) -> None:
        """Forget the tables and let others have the folder."""
        self._forget()
        if self._lock is not None:
            self._lock.close()
        self._lock = self._manifest = None

    def _take(self) -> None:
        if self._lock is not None:
            return
        lock = (self.path / LOCK).open("a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise WarehouseError(
                "the warehouse is in use by another process",
                where=str(self.path),
                hint="wait for the other run to end, or write to another folder",
            ) from error
        self._lock = lock

    def _sweep(self) -> None:
        """Remove what a run that died left: files nobody counts, and half a manifest."""
        assert self._manifest is not None  # noqa: S101  (open has read it)
        counted = {file.name for table in self._manifest.tables.values() for file in table.files}
        for path in self.path.glob("[!_]*/*/*.parquet"):
            if path.relative_to(self.path).as_posix() not in counted and path.stem.isdigit():
                path.unlink()
        (self.path / f"{MANIFEST}.new").unlink(missing_ok=True)

    def _load(self) -> DuckDbDestination:
        """Return a database in memory that holds what the manifest names."""
        assert self._manifest is not None  # noqa: S101  (open has read it)
        memory = DuckDbDestination()
        connection = memory.connect()
        for name, table in self._manifest.tables.items():
            evolve(connection, name, None, table.shape)
            missing = [file.name for file in table.files if not (self.path / file.name).exists()]
            if missing:
                raise WarehouseError(
                    f"the manifest names {missing[0]}, which is not there",
                    where=str(self.path),
                    hint="restore the file, or start anew with an empty folder",
                )
            columns = ", ".join(map(quoted, table.shape.columns))
            paths = ", ".join(literal(_no_pattern(self.path / file.name)) for file in table.files)
            connection.execute(
                f"INSERT INTO {sql_name(name)} ({columns}) SELECT {columns} FROM read_parquet([{paths}])"
            )
        memory.open(self._manifest.naming)
        self._memory = memory
        return memory

    def _forget(self) -> None:
        if self._memory is not None:
            self._memory.connect().close()
            self._memory = None

    def _ready(self) -> tuple[_Manifest, DuckDbDestination]:
        assert self._manifest is not None  # noqa: S101  (a run opens before it commits)
        return self._manifest, self._memory or self._load()

    @contextmanager
    def _all_or_none(self) -> Iterator[None]:
        """Forget the tables in memory when writing fails: they may be ahead of what counts."""
        try:
            with self._explained():
                yield
        except BaseException:
            self._forget()
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with explained(str(self.path)):
                yield
        except OSError as error:
            raise WarehouseError(
                f"the warehouse cannot be read or written: {error.strerror}",
                where=str(error.filename or self.path),
                hint="check the folder's permissions and the free space; what the last checkpoint wrote is whole",
            ) from error

    def _write(self, moment: int) -> None:
        """Write the files that differ from those of the last manifest, then the manifest, then drop the files it left out."""
        kept, memory = self._ready()
        writer = _Writer(self.path, memory.connect(), kept.written, moment)
        tables = {
            name: writer.table(name, shape, kept.tables.get(name))
            for name, shape in read_tables(memory.connect()).items()
        }
        writer.sync()
        before = {file.name for table in kept.tables.values() for file in table.files}
        manifest = _Manifest(kept.naming, writer.written, moment, tables)
        if replace(manifest, moment=kept.moment) == kept:
            return
        self._replace(manifest)
        self._manifest = manifest
        for name in before - {file.name for table in tables.values() for file in table.files}:
            with suppress(OSError):  # it counts no more; the next open tries again
                (self.path / name).unlink()

    def _replace(self, manifest: _Manifest) -> None:
        path = self.path / f"{MANIFEST}.new"
        with path.open("w", encoding="utf-8") as file:
            file.write(manifest.text())
            file.flush()
            os.fsync(file.fileno())
        path.replace(self.path / MANIFEST)
        _sync(self.path)


class _Writer:
    """Writes the files of one checkpoint."""

    def __init__(self, folder: Path, connection: Any, written: int, moment: int) -> None:
        self.folder = folder
        self.written = written
        self._connection = connection
        self._moment = moment
        self._new: list[Path] = []

    def table(self, name: TableName, shape: Existing, kept: _Table | None) -> _Table:
        """Return the table as it now is, its files written."""
        files = list(kept.files) if kept and kept.shape == shape else []
        rows = [self._rows(name, file.first, file.last) for file in files]
        newest = self._rows(name, files[-1].last + 1 if files else 0, self._moment)
        if kept and files and not newest and rows == [file.rows for file in files]:
            return kept
        spans: list[_File] = []
        for file, count in zip(files, rows, strict=True):
            spans.append(file if count == file.rows else _File("", count, file.first, file.last))
        spans.append(_File("", newest, files[-1].last + 1 if files else 0, self._moment))
        spans = _joined([span for span in spans if span.rows]) or [_File("", 0, 0, self._moment)]
        return _Table(shape, self._live(name, shape), tuple(s if s.name else self._file(name, s) for s in spans))

    def sync(self) -> None:
        """Return once all that was written is on the disk."""
        for path in self._new:
            _sync(path)
        for folder in {parent for path in self._new for parent in path.parents[:2]}:
            _sync(folder)

    def _rows(self, name: TableName, first: int, last: int) -> int:
        return self._one(f"SELECT count(*) FROM {sql_name(name)} WHERE {_within(first, last)}")

    def _live(self, name: TableName, shape: Existing) -> int:
        live = "WHERE _fivetran_deleted IS DISTINCT FROM TRUE" if "_fivetran_deleted" in shape.columns else ""
        return self._one(f"SELECT count(*) FROM {sql_name(name)} {live}")

    def _one(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    def _file(self, name: TableName, span: _File) -> _File:
        self.written += 1
        file = f"{_part(name.schema)}/{_part(name.table)}/{self.written:06d}.parquet"
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        self._new.append(path)
        self._connection.execute(
            f"COPY (SELECT * FROM {sql_name(name)} WHERE {_within(span.first, span.last)}) "
            f"TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
        )
        return _File(file, span.rows, span.first, span.last)


def _joined(spans: list[_File]) -> list[_File]:
    """Join each span with the one before it as long as that is not at least twice as large."""
    joined: list[_File] = []
    for span in spans:
        last = span
        while joined and joined[-1].rows < 2 * last.rows:
            before = joined.pop()
            last = _File("", before.rows + last.rows, before.first, last.last)
        joined.append(last)
    return joined


def _within(first: int, last: int) -> str:
    return f"epoch_us(_fivetran_synced) BETWEEN {first:d} AND {last:d}"


def _read(path: Path) -> _Manifest:
    """Read the manifest. Raises WarehouseError."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["format"] != FORMAT:
            raise ValueError(f"format {kept['format']}")
        tables = {
            TableName(table["schema"], table["table"]): _Table(
                from_json(table), table["live"], tuple(_File(**file) for file in table["files"])
            )
            for table in kept["tables"]
        }
        return _Manifest(kept["naming"], kept["written"], kept["moment"], tables)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WarehouseError(
            "the manifest of the Parquet folder is damaged, or of another version",
            where=str(path),
            hint="restore it, or start anew with an empty folder",
        ) from error


def _part(name: str) -> str:
    """Return `name` as one part of a path. Readers take what begins with a point or an underscore for hidden."""
    escaped = quote(name, safe=" ")
    return f"%{ord(name[0]):02X}{escaped[1:]}" if name[:1] in (".", "_") else escaped


def _no_pattern(path: Path) -> str:
    """Return the pattern that fits `path` only: DuckDB reads every path as one."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
