"""Packed files: known by their first bytes, unpacked as they are read, with limits that stop what is made to burst.

gzip, bz2, xz and zstd may hold several streams one after the other. A zip's members are files of their own.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any, Protocol

from headwater_runtime.errors import ConfigError, ContractError

__all__ = ["Limits", "bare", "is_zip", "members", "seekable", "unpacked"]

STEP = 1 << 16  # packed bytes taken at once
ZSTD_STEP = 1 << 11  # of zstd, which unpacks all it is given: no more than 64 MB come of these
WINDOW = 1 << 27  # bytes of memory a stream may ask for
FREE = 100_000_000  # unpacked bytes up to which no ratio is too high
DIRECTORY = 8_000_000  # bytes of a zip's list of members
END = 65_577  # bytes before the end within which that list is announced
SUFFIXES = (".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".zip")
OTHERS = (".7z", ".rar", ".lz4", ".br", ".z", ".sz", ".snappy", ".lzo", ".tar", ".tgz", ".tbz2", ".txz", ".lzma")
BROKEN = (
    zlib.error,
    EOFError,
    OSError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True)
class Limits:
    """What a packed file may unpack to: `size` bytes, `ratio` times its own size, `members` files of a zip."""

    size: int = 200_000_000_000
    ratio: int = 1_000
    members: int = 10_000


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def bare(name: str) -> str:
    """Return `name` without the suffix that says how it is packed."""
    lower = name.lower()
    return next((name[: -len(suffix)] for suffix in SUFFIXES[:-1] if lower.endswith(suffix)), name)


def is_zip(file: IO[bytes]) -> bool:
    """Say whether a seekable `file` is a zip by its first bytes; it is at its beginning afterwards."""
    start = file.read(4)
    file.seek(0)
    return start in {b"PK\x03\x04", b"PK\x05\x06"}


def unpacked(file: IO[bytes], name: str, limits: Limits, where: str) -> IO[bytes]:
    """Return what `file`, at its beginning, unpacks to, or itself. Closing it leaves `file` open.

    Reading raises ContractError for what is cut short, not whole, or larger than `limits` allow.
    """
    stream: Any = file
    peeked = file if isinstance(file, io.BufferedReader) else io.BufferedReader(stream, STEP)
    start = peeked.peek(16)[:16]
    found = _kind(start)
    if found is None:
        lower = bare(name).lower()
        if lower.endswith(OTHERS):
            hint = "gzip, bz2, xz, zstd and zip are read: pack the file in one of these"
            raise ContractError(f"files named …{lower[lower.rindex('.') :]} are not read", where=where, hint=hint)
        return peeked
    kind, make, step = found
    return io.BufferedReader(_Unpacking(peeked, kind, make, step, limits, where), STEP)


def members(
    file: IO[bytes], fits: Callable[[str], bool], limits: Limits, where: str, after: str = ""
) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the members of a zip that `fits`, in its order, each open until the next is asked for; from `after` on, if given.

    Raises ContractError for a zip that is not whole, encrypted, too large or has names that lead out of it.
    """
    budget = _Budget(limits, _size(file), where)
    try:
        _check_directory(file, where)
        archive = zipfile.ZipFile(file)
    except BROKEN as error:
        raise _broken("zip", error, where) from None
    with archive:
        chosen = _chosen(archive.infolist(), fits, limits, where)
        if after:
            place = next((number for number, one in enumerate(chosen) if one.filename == after), None)
            if place is None:
                raise ContractError(
                    "the member to go on in is gone from the zip", where=where, hint="run again: it is read anew"
                )
            chosen = chosen[place:]
        for member in chosen:
            told = f"{where}/{member.filename}"
            try:
                packed = archive.open(member)
            except BROKEN as error:
                raise _broken("zip", error, told) from None
            with (
                packed,
                io.BufferedReader(_Guarded(packed, budget, told), STEP) as plain,
                closing(unpacked(plain, member.filename, limits, told)) as opened,
            ):
                yield member.filename, opened


def seekable(file: IO[bytes]) -> IO[bytes]:
    """Return a temporary file of what is left of `file`, for formats that jump."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115  (whoever reads closes it)
    while piece := file.read(1 << 20):
        copy.write(piece)
    copy.seek(0)
    return copy


def _kind(start: bytes) -> tuple[str, Callable[[], _Unpacker], int] | None:
    if start[:3] == b"\x1f\x8b\x08":
        return "gzip", _Gzip, STEP
    if re.match(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", start):
        return "bz2", bz2.BZ2Decompressor, STEP
    if start[:6] == b"\xfd7zXZ\x00":
        return "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2 * WINDOW), STEP
    if start[:4] == b"\x28\xb5\x2f\xfd" or (len(start) >= 8 and start[1:4] == b"\x2a\x4d\x18" and start[0] >> 4 == 5):
        return "zstd", _zstd, ZSTD_STEP
    return None


class _Budget:
    """What may still be unpacked of one file."""

    def __init__(self, limits: Limits, size: int, where: str) -> None:
        self._most = min(limits.size, max(FREE, size * limits.ratio)) if size >= 0 else limits.size
        self._where, self._used = where, 0

    def spend(self, count: int) -> None:
        self._used += count
        if self._used > self._most:
            what = f"it unpacks to more than {self._most:,} bytes"
            hint = "if that is right, raise limits=Limits(size=…, ratio=…) of files(…) in api.py"
            raise ContractError(what, where=self._where, hint=hint)


class _Guarded(io.RawIOBase):
    """A member of a zip, whose troubles are told as ours."""

    def __init__(self, source: IO[bytes], budget: _Budget, where: str) -> None:
        self._source, self._budget, self._where = source, budget, where

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._source.read(len(buffer))
        except BROKEN as error:
            raise _broken("zip", error, self._where) from None
        self._budget.spend(len(data))
        buffer[: len(data)] = data
        return len(data)


class _Unpacking(io.RawIOBase):
    """What one stream after the other unpacks to."""

    def __init__(
        self, source: IO[bytes], kind: str, make: Callable[[], _Unpacker], step: int, limits: Limits, where: str
    ) -> None:
        self._source, self._kind, self._make, self._step, self._where = source, kind, make, step, where
        self._budget = _Budget(limits, -1, where)
        self._limits, self._taken, self.given = limits, 0, 0
        self._unpacker: _Unpacker | None = None
        self._rest = b""
        self._over: bytes = b""  # unpacked, more than was asked for

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._over:
            if not self._more(len(buffer)):
                return 0
        data, self._over = self._over[: len(buffer)], self._over[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def _more(self, wanted: int) -> bool:
        """Unpack a little; False at the end."""
        if (self._unpacker is None or self._unpacker.eof) and not self._next_stream():
            return False
        assert self._unpacker is not None  # noqa: S101  (for mypy)
        data = b""
        if self._unpacker.needs_input:
            data, self._rest = self._rest or self._take(), b""
            if not data:
                raise self._cut()
        try:
            self._over = self._unpacker.decompress(data, wanted)
        except BROKEN as error:
            raise _broken(self._kind, error, self._where) from None
        self.given += len(self._over)
        self._budget.spend(len(self._over))
        if self.given > max(FREE, self._taken * self._limits.ratio):
            hint = "if that is right, raise limits=Limits(ratio=…) of files(…) in api.py"
            raise ContractError(
                f"it unpacks to more than {self._limits.ratio:,} times its size", where=self._where, hint=hint
            )
        return True

    def _next_stream(self) -> bool:
        first = self._unpacker is None
        self._rest = self._unpacker.unused_data if self._unpacker is not None else b""
        while True:
            self._rest = self._rest.lstrip(b"\0") if not first else self._rest  # padding between streams
            if self._rest:
                break
            self._rest = self._take()
            if not self._rest:
                return False
        while len(self._rest) < 16 and (more := self._take()):
            self._rest += more
        if (not first and (found := _kind(self._rest[:16])) is None) or (not first and found[0] != self._kind):  # type: ignore[index]
            what = f"something else follows the {self._kind} data"
            raise ContractError(what, where=self._where, hint="the file is damaged: have it written again")
        self._unpacker = self._make()
        return True

    def _take(self) -> bytes:
        data = self._source.read(self._step)
        self._taken += len(data)
        return data

    def _cut(self) -> ContractError:
        hint = "it may still be on its way: see settle= of Manifest; else have it written again"
        return ContractError(f"the {self._kind} data is cut short", where=self._where, hint=hint)


class _Gzip:
    """A member of a gzip file, with the face of the other unpackers. Its checksum is compared."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail and not self._inner.eof

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _zstd() -> _Unpacker:
    try:
        import zstandard  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("zstandard is not installed", where="zstd", hint="add it to requirements.txt") from error
    return _Zstd(zstandard.ZstdDecompressor(max_window_size=WINDOW).decompressobj(), zstandard.ZstdError)


class _Zstd:
    """A frame, with the face of the other unpackers."""

    needs_input = True

    def __init__(self, inner: Any, error: type[Exception]) -> None:
        self._inner, self._error = inner, error

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:  # noqa: ARG002
        try:
            return bytes(self._inner.decompress(data))
        except self._error as error:
            raise ValueError from error


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _check_directory(file: IO[bytes], where: str) -> None:
    """Refuse a zip whose list of members, which is read whole, could fill the memory."""
    whole = _size(file)
    file.seek(max(0, whole - END))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    size = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    locator = tail[max(0, end - 20) : max(0, end)]
    if locator[:4] == b"PK\x06\x07":
        file.seek(int.from_bytes(locator[8:16], "little"))
        size = int.from_bytes(file.read(56)[40:48], "little")
    file.seek(0)
    if size > DIRECTORY:
        raise ContractError("the zip lists too many members", where=where, hint="split it")


def _chosen(
    found: Sequence[zipfile.ZipInfo], fits: Callable[[str], bool], limits: Limits, where: str
) -> list[zipfile.ZipInfo]:
    files = [one for one in found if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    if len(files) > limits.members:
        hint = "raise limits=Limits(members=…) of files(…) in api.py, or split it"
        raise ContractError(f"the zip holds {len(files):,} files", where=where, hint=hint)
    chosen = [one for one in files if fits(one.filename)]
    if files and not chosen:
        hint = "say which by members='*.csv' of files(…) in api.py"
        raise ContractError(f"none of the {len(files)} files in the zip is one to read", where=where, hint=hint)
    names = [one.filename for one in chosen]
    for one in chosen:
        led = (
            one.filename.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", one.filename) or one.filename[1:2] == ":"
        )
        if led:
            hint = "it is not read: have it packed again"
            raise ContractError("a name in the zip leads out of it", where=where, hint=hint)
        if one.flag_bits & 1:
            raise ContractError("the zip is encrypted", where=where, hint="have it packed without a password")
    if len(set(names)) < len(names):
        raise ContractError(
            "two files in the zip have one name", where=where, hint="it is not read: have it packed again"
        )
    return chosen


def _broken(kind: str, error: BaseException, where: str) -> ContractError:
    if isinstance(error, ContractError):
        return error
    why = "cut short" if isinstance(error, EOFError) else "not whole"
    hint = "it may still be on its way: see settle= of Manifest; else have it written again"
    return ContractError(f"the {kind} data is {why}", where=where, hint=hint)
