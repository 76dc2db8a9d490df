"""Rows that are gone at the source: a full refresh that knows the keys at the destination tells which it did not see again.

The keys known are always a superset of those at the destination: what earlier passes left, and what this one has emitted.
So a killed pass deletes nothing, and what it added is known to the next.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

from headwater_runtime.batch import Batch
from headwater_runtime.cursor import Saved, Straight
from headwater_runtime.errors import ConfigError, SourceError, require
from headwater_runtime.records import Row
from headwater_runtime.tables import Table

__all__ = ["Mirrored"]

KEYS, BYTES = 250_000, 4_000_000  # the most that a state should carry
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


class Mirrored(Straight):
    """One slice, read to the end, and the keys of its rows. A pass that left out records must not ask what `vanished`."""

    def __init__(self, saved: Saved, at_most: float) -> None:
        super().__init__(saved.get("at"))
        self._at_most = at_most
        known = _unpacked(saved["keys"]) if "keys" in saved else {}
        self._known: dict[str, set[str]] = {table: set(map(encode, keys)) for table, keys in known.items()}
        self._seen: dict[str, set[str]] = {}
        self._packed: tuple[int, dict[str, Any]] | None = None  # for how many keys, and what they were packed into

    def seen(self, table: Table, rows: Sequence[Row]) -> None:
        """Take note of the keys of `rows`. Raises ConfigError for a table without a key, or when they become too many."""
        what = f"'{table.name}' has no key, so nothing tells which of its rows vanished"
        hint = "give the table a key in models.py, or drop delete_vanished in sync.py"
        require(table.key, what, f"table {table.name}", hint)
        if isinstance(rows, Batch):
            rows = Batch(rows.table.select(list(table.key)))
        found = {encode([row.get(column) for column in table.key]) for row in rows}
        self._seen.setdefault(table.name, set()).update(found)
        known = self._known.setdefault(table.name, set())
        before = len(known)
        known |= found
        if len(known) > before:
            self._packed = None
        if sum(map(len, self._known.values())) > KEYS:
            raise _too_large(f"more than {KEYS:,} keys")

    def vanished(self, table: Table) -> Sequence[Row]:
        """Return the keys of the rows to delete, and forget them. Raises SourceError if more than `at_most` are."""
        known, seen = self._known.get(table.name, set()), self._seen.get(table.name, set())
        gone = sorted(known - seen)
        if gone and len(gone) > self._at_most * len(known):
            what = f"refused: {100 * len(gone) // len(known)} % of rows vanished, {len(gone)} of {len(known)}"
            hint = f"if that is right, raise at_most={self._at_most} in sync.py for one sync; nothing was deleted"
            raise SourceError(what, where=f"table {table.name}", hint=hint)
        if gone:
            self._known[table.name], self._packed = set(seen), None
        return [dict(zip(table.key, json.loads(key), strict=True)) for key in gone]

    def saved(self) -> dict[str, Any]:
        """Return the keys, packed, and how many they are. Raises ConfigError if they are too large for a state."""
        if self._packed is None:
            count, text = sum(map(len, self._known.values())), _pack(self._known)
            if len(text) > BYTES:
                raise _too_large(f"{len(text):,} bytes of packed keys")
            self._packed = count, {"keys": text, "count": count} if count else {}
        return {**super().saved(), **self._packed[1]}


def _pack(known: dict[str, set[str]]) -> str:
    tables = ",".join(f"{encode(table)}:[{','.join(sorted(keys))}]" for table, keys in sorted(known.items()))
    return base64.b64encode(zlib.compress(f"{{{tables}}}".encode())).decode()


def _unpacked(text: str) -> dict[str, list[Any]]:
    whole: dict[str, list[Any]] = json.loads(zlib.decompress(base64.b64decode(text)))
    return whole


def _too_large(what: str) -> ConfigError:
    hint = f"it is for up to {KEYS:,} rows: drop delete_vanished in sync.py, or split the stream"
    return ConfigError(f"delete_vanished would keep {what} in the state", where="FullRefresh", hint=hint)
