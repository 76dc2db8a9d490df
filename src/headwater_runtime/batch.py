"""Records that came as columns: an Arrow table behind the face of a list of rows, so that nobody makes rows who needs none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from headwater_runtime import json_text
from headwater_runtime.records import Row

__all__ = ["JSON", "Batch"]

ROWS = 1_000  # made at a time
JSON = {b"headwater": b"json"}  # the metadata of a field of JSON texts


class Batch(Sequence[Row]):
    """The rows of `table`, an Arrow table or record batch; each is made when it is asked for, and made anew each time.

    A reader gives it as a page's records. The row function `dict`, the identity, leaves it as it is: a destination of columns
    takes `table`, Fivetran's operations take rows. Any other row function is given its rows. A column of texts that are JSON,
    as a database has them, bears the mark JSON in its field's metadata: its values are what the texts say.
    """

    def __init__(self, table: Any) -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...
    def __getitem__(self, index: int | slice) -> Row | Batch:
        """Return a row, or a batch that shares this one's columns; a slice has no step."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return Batch(self.table.slice(start, max(0, stop - start)))
        at = range(len(self))[index]
        return self._rows(at, 1)[0]

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows; only some of them exist at a time."""
        for start in range(0, len(self), ROWS):
            yield from self._rows(start, ROWS)

    def _rows(self, start: int, count: int) -> list[Row]:
        rows: list[Row] = self.table.slice(start, count).to_pylist()
        for name in self.json:
            for row in rows:
                row[name] = _said(row[name])
        return rows

    @property
    def json(self) -> list[str]:
        """The columns of texts that are JSON."""
        return [field.name for field in self.table.schema if (field.metadata or {}).items() >= JSON.items()]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Batch) and bool(self.table.equals(other.table))

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __repr__(self) -> str:
        return f"Batch({len(self)} rows of {', '.join(self.names)})"

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return list(self.table.schema.names)

    @property
    def nbytes(self) -> int:
        """The bytes its values take."""
        return int(self.table.nbytes)

    def column(self, name: str) -> list[Any] | None:
        """Return the values of a column, None if there is none of that name."""
        if name not in self.names:
            return None
        values: list[Any] = self.table.column(name).to_pylist()
        return [_said(value) for value in values] if name in self.json else values

    def nulls(self, name: str) -> int:
        """Return how many rows have no value in a column."""
        return int(self.table.column(name).null_count) if name in self.names else len(self)


def _said(text: str | None) -> Any:
    return None if text is None else json_text.loads(text.encode())
