"""What reached the stub that stands in for the SDK's operations, against what was served: a count, and a digest in the served order.

Values are compared as the source means them: a float as the number its text says, for the runtime hands exact text to the SDK.
Run as a program, it tells what the server of so many records of a pool serves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

__all__ = ["Tally", "served_records"]

Row = dict[str, Any]


class Tally:
    """Counts rows and digests them: "keys" their `record_id` alone, "content" every value."""

    def __init__(self, what: str, pool: Path) -> None:
        with pool.open(encoding="utf-8") as file:
            self._columns = {name: type(value) is float for name, value in json.loads(file.readline()).items()}
        self._text: Callable[[Row], str] = self._content if what == "content" else _key
        self.count = self.digest = 0

    def upsert(self, table: str, data: Row) -> None:  # noqa: ARG002  (as the SDK's is called)
        """Take a row, in place of the SDK's operation."""
        self.digest = crc32(self._text(data).encode(), self.digest)
        self.count += 1

    def told(self) -> list[int]:
        """Return the count and the digest."""
        return [self.count, self.digest]

    def _content(self, row: Row) -> str:
        if len(row) != len(self._columns):
            raise ValueError(f"a row has {len(row)} columns, a record {len(self._columns)}")
        shown = {
            name: float(row[name]) if is_float and row[name] is not None else row[name]
            for name, is_float in self._columns.items()
        }
        return json.dumps(shown)


def _key(row: Row) -> str:
    return str(row["record_id"])


def served_records(pool: Path, records: int) -> Iterator[Row]:
    """Yield what the server of `records` from `pool` serves."""
    lines = pool.read_text(encoding="utf-8").splitlines()
    for number in range(records):
        cycle, place = divmod(number, len(lines))
        record: Row = json.loads(lines[place])
        record["record_id"] = f"{cycle:04x}" + record["record_id"][4:]
        yield record


def main(what: str, pool: Path, records: int) -> None:
    """Print the truth."""
    tally = Tally(what, pool)
    for record in served_records(pool, records):
        tally.upsert("", record)
    print(json.dumps(tally.told()))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
