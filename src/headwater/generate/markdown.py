"""Markdown from data: text and code spans that say what they hold and cannot become markup, a link or a table cell."""

from __future__ import annotations

import re

__all__ = ["code", "text"]


def text(value: str) -> str:
    """Return `value` as plain text on one line."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~&$-])", r"\\\1", _line(value))


def code(value: str) -> str:
    """Return `value` as a code span on one line, also fit for a table cell."""
    line = _line(value).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest or not line or line != line.strip() else ""
    return f"{fence}{pad}{line or ' '}{pad}{fence}"


def _line(value: str) -> str:
    return "".join(character if character.isprintable() else " " for character in value)
