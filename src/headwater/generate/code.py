"""Python source from data: literals, names and calls, laid out as the formatter would. Nothing here trusts its input."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.model.spec import connector_name

__all__ = ["WIDTH", "Call", "identifier", "import_line", "literal", "prose", "render", "singular"]

WIDTH = 88  # the formatter's default: a written project has no settings of its own
LONGEST_NAME = 32  # so that a `def` line with its annotations fits
TAKEN = frozenset(
    {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "api", "client", "connector", "models", "record", "settings"}
    | {"source", "streams", "sync"}
)


@dataclass(frozen=True)
class Call:
    """Anything with parts between brackets: a call, a tuple, a dict. `head` ends in the opening bracket."""

    head: str
    parts: Sequence[str | Call]
    close: str = ")"


def render(part: str | Call, indent: int = 0, suffix: str = "") -> str:
    """Return `part` on one line if it fits, else one part a line; the first line is not indented, `suffix` ends it."""
    flat = _flat(part) + suffix
    if isinstance(part, str) or not part.parts or indent + _width(flat) <= WIDTH:
        return flat
    inner = " " * (indent + 4)
    lines = [inner + render(one, indent + 4, ",") for one in part.parts]
    return "\n".join([part.head, *lines, " " * indent + part.close + suffix])


def literal(value: str | int) -> str:
    """Return `value` as a Python literal: in double quotes unless that needs more escapes, as the formatter has it."""
    if isinstance(value, int):
        return repr(value)
    if value.count('"') > value.count("'"):
        return "'" + _escaped(value).replace("'", r"\'") + "'"
    return '"' + _escaped(value).replace('"', r"\"") + '"'


def identifier(text: str, used: set[str]) -> str:
    """Return a name made from `text` that is not in `used`, no keyword and no builtin; it is added to `used`."""
    stem = connector_name(text)[:LONGEST_NAME].rstrip("_") or "records"
    name, copies = stem, 1
    while name in used or name in TAKEN or name.upper() == "CONFIG":
        copies += 1
        name = f"{stem}_records" if copies == 2 else f"{stem}_{copies}"
    used.add(name)
    return name


def singular(name: str) -> str:
    """Return what one row of table `name` is called."""
    if name.endswith("ies") and len(name) > len("series"):
        return name[:-3] + "y"
    if name.endswith("s") and not name.endswith(("ss", "us", "is")) and len(name) > len("as"):
        return name[:-1]
    return f"{name}_row"


def import_line(module: str, names: Sequence[str]) -> str:
    """Return the import of `names`, sorted as an import sorter does: constants, classes, functions."""
    ordered = sorted(set(names), key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    flat = f"from {module} import {', '.join(ordered)}"
    if len(flat) <= WIDTH:
        return flat
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in ordered), ")"])


def prose(text: str, longest: int = 60) -> str:
    """Return `text` fit for a docstring or a label: letters, digits and harmless marks only."""
    kept = re.sub(r"[^\w .,&+:/()-]+", " ", unicodedata.normalize("NFKC", text))
    return re.sub(r"\s+", " ", kept).strip()[:longest].strip()


def _flat(part: str | Call) -> str:
    if isinstance(part, str):
        return part
    return part.head + ", ".join(map(_flat, part.parts)) + part.close


def _escaped(value: str) -> str:
    return "".join(_escape(character) for character in value)


def _escape(character: str) -> str:
    return character if character in "'\"" else repr(character)[1:-1]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
