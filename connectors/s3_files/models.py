"""The tables: what is read of files, and what cannot be."""

from headwater_runtime import Table

PLACE = ("_file", "_line")  # what tells rows apart that have no key of their own
ERRORS = Table("errors", key="id")


def table(name: str, key: tuple[str, ...]) -> Table:
    """Return the table that a set of files fills."""
    return Table(name, key=key or PLACE)
