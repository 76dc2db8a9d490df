"""Names that the destination would make one: the columns of a file get names of which each stays a column of its own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from headwater_runtime.batch import Batch
from headwater_runtime.storage.format import FileChunk

__all__ = ["apart", "apart_names", "landed"]

ODD = re.compile(r"[^A-Za-z0-9_]+")
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
UNDERSCORES = re.compile(r"_+")
TOLD = 10  # names


@lru_cache(maxsize=65_536)
def landed(name: str) -> str:
    """Return what Fivetran makes of a column's name: without accents, in lower case, words and numbers parted by underscores."""
    plain = "".join(letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter))
    plain = UNDERSCORES.sub("_", WORDS.sub("_", ODD.sub("_", plain))).lower()
    return f"_{plain}" if plain[:1].isdigit() else plain


@lru_cache(maxsize=64)
def apart_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `names` with a number behind each that would land where one before it does."""
    taken, given, found = set(map(landed, names)), set[str](), []
    copies: dict[str, int] = {}
    for name in names:
        own = made = landed(name)
        while made in given or (made != own and made in taken):
            copies[own] = copies.get(own, 1) + 1
            made = landed(f"{name}_{copies[own]}")
        given.add(made)
        found.append(name if made == own else f"{name}_{copies[own]}")
    return tuple(found)


def apart(chunk: FileChunk) -> FileChunk:
    """Return `chunk` with columns that land apart: of two in one place the second would be lost."""
    records = chunk.records
    names = _names(records)
    others = apart_names(names)
    if others == names:
        return chunk
    new = {name: other for name, other in zip(names, others, strict=True) if name != other}
    if isinstance(records, Batch):
        made: Batch | list[dict[str, object]] = Batch(records.table.rename_columns(list(others)))
    else:
        made = [{new.get(name, name): value for name, value in row.items()} for row in records]
    told = ", ".join(f"'{name}' is '{other}'" for name, other in list(new.items())[:TOLD])
    note = f"columns would land under the name of another and are renamed: {told}"
    return replace(chunk, records=made, notes=(*chunk.notes, note))


def _names(records: Batch | Sequence[dict[str, object]]) -> tuple[str, ...]:
    if isinstance(records, Batch):
        return tuple(records.names)
    names = tuple(dict.fromkeys(records[0])) if records else ()
    if len(set().union(*records)) == len(names):
        return names
    return tuple(dict.fromkeys(name for row in records for name in row))
