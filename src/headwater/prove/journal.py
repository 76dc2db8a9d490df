"""Journal: a destination that only remembers what was committed, to be compared by content and landed for real later.

To land a row costs far more than to read it. Hundreds of kill points end in the same few commits: each of them is run to its
end into a journal, and each distinct journal is landed and resumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from headwater.engine import Destination
from headwater.engine.buffer import Change
from headwater.engine.shape import TableShape

__all__ = ["Journal"]


class Journal:
    """A destination that keeps commits and declarations in order."""

    def __init__(self) -> None:
        self._naming = ""
        self._entries: list[tuple[datetime, Sequence[Change], Sequence[TableShape]]] = []

    @property
    def folder(self) -> None:
        """Nowhere: files a connector uploads go away with the sync."""

    def open(self, naming: str) -> str:
        """Get ready for a run under `naming`."""
        self._naming = naming
        return naming

    def commit(self, changes: Sequence[Change], moment: datetime) -> None:
        """Remember `changes`."""
        self._entries.append((moment, tuple(changes), ()))

    def declare(self, shapes: Sequence[TableShape], moment: datetime) -> None:
        """Remember `shapes`."""
        self._entries.append((moment, (), tuple(shapes)))

    def counts(self) -> Mapping[str, int]:
        """Return nothing: what rows would be live is for a real destination to say."""
        return {}

    def close(self) -> None:
        """Keep everything."""

    def same(self, other: Journal) -> bool:
        """Tell whether the same was committed, whenever that was: then it makes the same tables."""
        return self._naming == other._naming and [e[1:] for e in self._entries] == [e[1:] for e in other._entries]

    def land(self, destination: Destination) -> None:
        """Do in `destination` all that was done here, in order and at the same moments."""
        destination.open(self._naming)
        for moment, changes, shapes in self._entries:
            if changes:
                destination.commit(changes, moment)
            else:
                destination.declare(shapes, moment)
