"""Journal: a destination that only remembers what was committed, to be compared by content and landed for real later.

To land a row costs far more than to read it. Hundreds of kill points end in the same few commits: each of them is run to its
end into a journal, and each distinct journal is landed and resumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from headwater.engine import Change, Destination

__all__ = ["Journal"]

_Entry = tuple[datetime, Sequence[Change]]


class Journal:
    """A destination that keeps commits in order."""

    def __init__(self) -> None:
        self._naming = ""
        self._entries: list[_Entry] = []

    @property
    def folder(self) -> None:
        """Nowhere: files a connector uploads go away with the sync."""

    def open(self, naming: str) -> str:
        """Get ready for a run under `naming`."""
        self._naming = naming
        return naming

    def commit(self, changes: Sequence[Change], moment: datetime) -> None:
        """Remember `changes`."""
        self._entries.append((moment, tuple(changes)))

    def counts(self) -> Mapping[str, int]:
        """Return nothing: what rows would be live is for a real destination to say."""
        return {}

    def close(self) -> None:
        """Keep everything."""

    def same(self, other: Journal) -> bool:
        """Tell whether the same was committed, whenever that was: then it makes the same tables."""
        return (
            self._naming == other._naming
            and len(self._entries) == len(other._entries)
            and all(map(_same, self._entries, other._entries))
        )

    def land(self, destination: Destination) -> None:
        """Do in `destination` all that was done here, in order and at the same moments."""
        destination.open(self._naming)
        for moment, changes in self._entries:
            destination.commit(changes, moment)


def _same(one: _Entry, other: _Entry) -> bool:
    return len(one[1]) == len(other[1]) and all(map(_same_change, one[1], other[1]))


def _same_change(one: Change, other: Change) -> bool:
    """Compare the rows themselves: what holds them is not equal to another of its kind."""
    if one is other:
        return True
    if one.shape != other.shape or one.rows != other.rows or len(one.sections) != len(other.sections):
        return False
    return all(
        mine.truncates == its.truncates and list(mine.chunks) == list(its.chunks)
        for mine, its in zip(one.sections, other.sections, strict=True)
    )
