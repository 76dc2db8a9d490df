"""What the blocks of an Avro file are packed with, unpacked to a limit."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from headwater_runtime.errors import ConfigError

__all__ = ["EXPANDED", "expanded"]

EXPANDED = 128_000_000  # bytes of a block, unpacked


def expanded(packed: bytes, codec: str) -> bytes:
    """Return what `packed` unpacks to. Raises ValueError for what is broken, too much, or packed in an unknown way."""
    if codec not in _CODECS:
        raise ValueError(f"it is packed with '{codec[:20]}', which is not read")
    try:
        data = _CODECS[codec](packed)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise ValueError(f"its {codec} is broken") from error
    if len(data) > EXPANDED:
        raise ValueError(f"it unpacks to more than {EXPANDED // 1_000_000} MB")
    return data


def _deflated(packed: bytes) -> bytes:
    return _whole(zlib.decompressobj(-15), packed)


def _bzipped(packed: bytes) -> bytes:
    return _whole(bz2.BZ2Decompressor(), packed)


def _xz(packed: bytes) -> bytes:
    return _whole(lzma.LZMADecompressor(), packed)


def _whole(unpacker: Any, packed: bytes) -> bytes:
    data: bytes = unpacker.decompress(packed, EXPANDED + 1)
    if not unpacker.eof and len(data) <= EXPANDED:
        raise EOFError
    return data


def _zstandard(packed: bytes) -> bytes:
    try:
        import zstandard  # noqa: PLC0415  (a requirement of those who read such files)
    except ImportError:
        raise ConfigError("reading this Avro needs zstandard", hint="add `zstandard` to requirements.txt") from None
    try:
        with zstandard.ZstdDecompressor(max_window_size=EXPANDED).stream_reader(packed) as file:
            return bytes(file.read(EXPANDED + 1))
    except zstandard.ZstdError as error:
        raise ValueError("its zstandard is broken") from error


def _snappy(packed: bytes) -> bytes:
    """Unpack by Arrow; the length stands in front, a checksum behind."""
    import pyarrow as pa  # noqa: PLC0415  (keeps this module free of it)

    size = shift = 0
    for byte in packed[:5]:
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    if size > EXPANDED:
        return bytes(EXPANDED + 1)
    try:
        data: bytes = pa.decompress(packed[:-4], size, codec="snappy", asbytes=True)
    except pa.ArrowException as error:
        raise ValueError("its snappy is broken") from error
    if zlib.crc32(data) != int.from_bytes(packed[-4:], "big"):
        raise ValueError("its checksum is another")
    return data


_CODECS: Mapping[str, Callable[[bytes], bytes]] = {
    "bzip2": _bzipped,
    "deflate": _deflated,
    "null": bytes,
    "snappy": _snappy,
    "xz": _xz,
    "zstandard": _zstandard,
}
