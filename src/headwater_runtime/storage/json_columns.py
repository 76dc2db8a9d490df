"""JSON lines read by Arrow, which is faster and holds no lock, wherever what it gives is what `json` would.

Arrow is told the columns' types, as the blocks before had them, and refuses a value of another type, an unknown field and a
name given twice. What it takes without a word is looked for: values that are not one object a line, texts that are not UTF-8,
numbers that are not finite, whole numbers that a fraction cannot hold.
"""

from __future__ import annotations

import struct
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from headwater_runtime.storage.row_columns import EXACT

try:
    import numpy as np
except ImportError:  # pyarrow does without it
    np = None  # type: ignore[assignment]

__all__ = ["Known", "end_of"]

PART = 1 << 20  # bytes that Arrow reads as one
TAIL = 1 << 10  # bytes of which white space at the end is more than enough
TRIES = 3  # blocks in a row that were refused, after which the next ones are not tried
PAUSE = 20
FLAT = frozenset({pa.bool_(), pa.float64(), pa.int64(), pa.string(), pa.null()})


class Known:
    """The columns of one file as far as they were seen."""

    def __init__(self) -> None:
        self._types: dict[str, Any] = {}
        self._mixed = False  # a column has values of several types, or nested ones
        self._refused = self._pause = 0

    def learn(self, records: Any) -> None:
        """Take the types of a block that was read otherwise: a table, or rows that make none."""
        if not isinstance(records, pa.Table):
            self._mixed |= len(records) > 0
            return
        for column in records.schema:
            before = self._types.get(column.name, pa.null())
            both = {before, column.type} - {pa.null()}
            self._types[column.name] = (
                pa.float64() if both == {pa.int64(), pa.float64()} else next(iter(both), pa.null())
            )
            self._mixed |= not both <= FLAT or (len(both) > 1 and both != {pa.int64(), pa.float64()})

    def table(self, block: bytes) -> Any:
        """Return the rows of whole lines, None if they have to be read otherwise."""
        if self._mixed or not self._types or self._pause:
            self._pause = max(0, self._pause - 1)
            return None
        found = self._read(block)
        self._refused = 0 if found is not None else self._refused + 1
        if self._refused == TRIES:
            self._refused, self._pause = 0, PAUSE
        return found

    def _read(self, block: bytes) -> Any:
        if not block.startswith(b"{"):  # Arrow breaks down on a null at the start
            return None
        text = pa.py_buffer(block).slice(0, end_of(block))
        schema = pa.schema(
            [(name, pa.string() if pa.types.is_null(kind) else kind) for name, kind in self._types.items()]
        )
        parse = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
        try:
            table = arrow_json.read_json(pa.BufferReader(text), arrow_json.ReadOptions(block_size=PART), parse)
        except pa.ArrowInvalid:
            return None
        lines = _a_line_each(block, text.size, table.num_rows)
        return table if lines and _valid(text) and all(map(_exact, table.columns)) else None


def end_of(block: bytes) -> int:
    """Return where the white space at the end of a block begins."""
    tail = block[-TAIL:].rstrip()
    return len(block) - len(block[-TAIL:]) + len(tail) if tail else len(block.rstrip())


def _a_line_each(block: bytes, end: int, rows: int) -> bool:
    """Whether each of the objects that Arrow found before `end` stands on a line of its own: there are as many line ends as it takes.

    Each is between two braces, which in such an object no line end is.
    """
    between = b"}\r\n{" if block.find(b"}\r\n{", 0, PART) >= 0 else b"}\n{"
    if np is None or len(between) > len(b"}\n{"):
        return block.count(between, 0, end) == block.count(b"\n", 0, end) == rows - 1
    letters = np.frombuffer(block, np.uint8, end)
    ends = np.flatnonzero(letters == ord("\n"))
    braces = (letters[ends - 1] == ord("}")) & (letters[np.minimum(ends + 1, end - 1)] == ord("{"))
    return len(ends) == rows - 1 and bool(braces.all())


def _valid(text: Any) -> bool:
    """Whether a buffer is UTF-8, which Arrow tells without a copy."""
    whole = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(struct.pack("=2i", 0, text.size)), text])
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _exact(column: Any) -> bool:
    """Whether a column holds no fraction that may stand for something else."""
    if not pa.types.is_floating(column.type) or column.null_count == len(column):
        return True
    if not pc.all(pc.is_finite(column)).as_py():
        return False
    ends = pc.min_max(column).as_py()
    return bool(ends["min"] > -EXACT and ends["max"] < EXACT)
