"""What of a table decides how it is read: its key, and the columns that tell of changes and deletions."""

from collections.abc import Mapping

from headwater_runtime.sql import Relation

MOMENTS = ("UTC_DATETIME", "NAIVE_DATETIME")


def key(found: Relation, keys: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the columns that tell rows apart: those of the configuration, else of the primary key; () if there are none."""
    return keys.get(found.name, found.key)


def changed(found: Relation, names: tuple[str, ...]) -> str | None:
    """Return the column that tells when a row changed: the first of `names` that is a time."""
    return next((name for name in names if found.types.get(name) in MOMENTS), None)


def marked(found: Relation, name: str) -> str | None:
    """Return the column that marks deleted rows, if the table has it."""
    return name if name in found.columns else None
