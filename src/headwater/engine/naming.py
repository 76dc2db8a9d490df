"""Names as the destination shows them: Fivetran's naming by default, or the source's own.

The rules were found by running names through the SDK's local runner; docs/engine.md lists them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["DEFAULT_SCHEMA", "FIVETRAN_NAMING", "SOURCE_NAMING", "Naming", "fivetran_name", "fivetran_table_name"]

FIVETRAN_NAMING = "FIVETRAN_NAMING"
SOURCE_NAMING = "SOURCE_NAMING"
DEFAULT_SCHEMA = "tester"

_NOT_A_LETTER_OR_DIGIT = re.compile(r"[^A-Za-z0-9_]+")
_LOWER_THEN_UPPER = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LETTER_AND_DIGIT = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_UNDERSCORES = re.compile(r"_+")
_BEFORE_A_LETTER = re.compile(r"^_(?=[a-z])")
_NOT_IN_A_SCHEMA = re.compile(r"[^a-z0-9_]")


@lru_cache(maxsize=65536)
def fivetran_name(name: str) -> str:
    """Return `name` in Fivetran's naming: lower case, words and numbers split by one underscore, accents dropped."""
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    plain = _NOT_A_LETTER_OR_DIGIT.sub("_", plain)
    plain = _LETTER_AND_DIGIT.sub("_", _LOWER_THEN_UPPER.sub("_", plain))
    plain = _UNDERSCORES.sub("_", plain).lower()
    return f"_{plain}" if plain[:1].isdigit() else plain


def fivetran_table_name(name: str) -> str:
    """Return a table's `name` in Fivetran's naming: as a column's, but without an underscore before its first letter."""
    return _BEFORE_A_LETTER.sub("", fivetran_name(name))


@dataclass(frozen=True)
class Naming:
    """How a source's names become the destination's."""

    strategy: str = FIVETRAN_NAMING

    def name(self, name: str) -> str:
        """Return a column's name."""
        return fivetran_name(name) if self.strategy == FIVETRAN_NAMING else name

    def table(self, name: str) -> str:
        """Return a table's name."""
        return fivetran_table_name(name) if self.strategy == FIVETRAN_NAMING else name

    def schema(self, schema: str | None) -> str:
        """Return the schema's name: the usual one, or one beside it for a source that names schemas."""
        if schema is None:
            return DEFAULT_SCHEMA
        if self.strategy != FIVETRAN_NAMING:
            return schema
        return f"{DEFAULT_SCHEMA}_{_NOT_IN_A_SCHEMA.sub('_', schema.lower())}"
