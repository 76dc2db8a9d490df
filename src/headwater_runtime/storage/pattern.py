"""Paths with blanks: globs, and `{name}` parts whose text becomes a column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from headwater_runtime.errors import ConfigError, require

__all__ = ["Pattern", "literal"]

DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "y": 2, "j": 3}
WORDS = {"b": "[A-Za-z]{3}", "B": "[A-Za-z]+", "f": r"\d{1,6}", "%": "%"}
CLOCK = frozenset("HMSf")
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"  # what Hive and Spark write for a null
PIECE = re.compile(
    r"\{\{|\}\}|\{(?P<name>[^{}:]*)(?::(?P<format>[^{}]*))?\}|\*+|\?|\[(?P<set>!?\]?[^\]/]*)\]", re.DOTALL
)


@dataclass(frozen=True, eq=False)
class Pattern:
    """A path below a place, compiled by `Pattern.of`. `*` and `?` do not cross a slash or match a leading dot, `**` crosses.

    `{name}` is any text within one folder's or file's name, `{day:%Y-%m-%d}` a date, or a moment if it has hours; what Hive
    writes for a null is one. `[…]` is a set of characters and `[*]` a star; `{{` is a brace. `base` are the folders before
    the first blank.
    """

    text: str
    base: str
    segments: tuple[re.Pattern[str] | None, ...]  # those behind `base`; None: any number of folders
    names: tuple[str, ...]
    _whole: re.Pattern[str]
    _read: Mapping[str, Callable[[str], Any]]

    @classmethod
    def of(cls, text: str) -> Pattern:
        """Compile `text`. Raises ConfigError for one that cannot be read."""
        wanted = bool(text) and not text.startswith("/") and not text.endswith("/") and ".." not in text.split("/")
        require(wanted, "a path of files is not below its place", f"files '{text}'", "give one like 'orders/*.csv'")
        read: dict[str, Callable[[str], Any]] = {}
        parts = [_segment(part, text, read) for part in text.split("/")]
        plain = 0
        while plain < len(parts) - 1 and isinstance(parts[plain], str):
            plain += 1
        base = "/".join(str(part) for part in parts[:plain])
        sources = [
            part if part is None or isinstance(part, re.Pattern) else re.compile(re.escape(part)) for part in parts
        ]
        whole = "".join(r"(?:(?!\.)[^/]*/)*" if one is None else one.pattern + "/" for one in sources[:-1])
        last = sources[-1]
        whole += r"(?:(?!\.)[^/]*/)*(?!\.)[^/]+" if last is None else last.pattern
        return cls(text, base, tuple(sources[plain:]), tuple(read), re.compile(whole, re.DOTALL), read)

    @property
    def single(self) -> bool:
        """Whether it is the path of one file."""
        return not self.names and literal(self.path) == self.text

    @property
    def path(self) -> str:
        """The path of the one file it is, if `single`."""
        return re.sub(r"\[([*?\[])\]|\{\{|\}\}", lambda found: found[1] or found[0][0], self.text)

    def values(self, path: str) -> dict[str, Any] | None:
        """Return what `path` says of each name, None if it does not match: also where a date is none."""
        found = self._whole.fullmatch(path)
        if found is None:
            return None
        try:
            return {name: read(found[f"_{number}"]) for number, (name, read) in enumerate(self._read.items())}
        except ValueError:
            return None

    def begin(self) -> frozenset[int]:
        """Return the steps to take at `base`: which segments the next name may match."""
        return self._skipping({0})

    def enter(self, name: str, steps: frozenset[int]) -> frozenset[int]:
        """Return the steps to take in the folder `name` met at `steps`; none: nothing in it can match."""
        after = {step if self.segments[step] is None else step + 1 for step in steps if self._fits(step, name)}
        return self._skipping({step for step in after if step < len(self.segments)})

    def _fits(self, step: int, name: str) -> bool:
        segment = self.segments[step]
        return not name.startswith(".") if segment is None else segment.fullmatch(name) is not None

    def _skipping(self, steps: set[int]) -> frozenset[int]:
        """Add what is reached by letting `**` match no folder at all."""
        for step in sorted(steps):
            at = step
            while at < len(self.segments) - 1 and self.segments[at] is None:
                at += 1
                steps.add(at)
        return frozenset(steps)


def literal(path: str) -> str:
    """Return the pattern that is `path` and nothing else."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path).replace("{", "{{").replace("}", "}}")


def _segment(text: str, whole: str, read: dict[str, Callable[[str], Any]]) -> re.Pattern[str] | str | None:
    """Return a segment compiled, as it is if it has no blank, None for `**`."""
    if text == "**":
        return None
    where = f"files '{whole}'"
    require("**" not in text, "`**` stands for whole folders only", where, "write 'a/**/b*.csv'")
    out, at, blank = "", 0, False
    plain = ""
    for found in PIECE.finditer(text):
        before = text[at : found.start()]
        out, plain, at = out + re.escape(before), plain + before, found.end()
        piece = found[0]
        if piece in {"{{", "}}"}:
            out, plain = out + re.escape(piece[0]), plain + piece[0]
        elif found["set"] is not None and found["set"] in {"*", "?", "["}:
            out, plain = out + re.escape(found["set"]), plain + found["set"]
        else:
            out, blank = out + ("" if out else r"(?!\.)") + _piece(found, where, read), True
    rest = text[at:]
    stray = {"{", "}"} & set(re.sub(r"\{\{|\}\}|\{[^{}]*\}", "", text))
    require(not stray, "a brace is not closed", where, "write `{{` for a brace that is part of a name")
    return re.compile(out + re.escape(rest), re.DOTALL) if blank else plain + rest


def _piece(found: re.Match[str], where: str, read: dict[str, Callable[[str], Any]]) -> str:
    if found[0] in {"*", "?"}:
        return "[^/]" + found[0].strip("?")
    if found["set"] is not None:
        inner = found["set"]
        negated, inner = ("^/", inner[1:]) if inner.startswith("!") else ("", inner)
        return f"[{negated}{inner.replace(chr(92), chr(92) * 2).replace('[', chr(92) + '[')}]"
    name, form = found["name"], found["format"]
    require(name and name not in read, f"'{found[0]}' has no name of its own", where, "name each `{…}` once")
    number = len(read)
    moment = str if form is None else _moments(form, where)
    read[name] = lambda text: None if text == HIVE_NULL else moment(text)
    inner = "[^/]+?" if form is None else f"{_format(form, where)}|{HIVE_NULL}"
    return f"(?P<_{number}>{inner})"


def _format(form: str, where: str) -> str:
    def one(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in DIGITS:
            return rf"\d{{{DIGITS[letter]}}}"
        if letter in WORDS:
            return WORDS[letter]
        hint = f"use {', '.join(sorted('%' + known for known in {*DIGITS, *WORDS}))}"
        raise ConfigError(f"'%{letter}' is no part of a date in a path", where=where, hint=hint)

    return "".join(
        one(found) if found else re.escape(text)
        for text, found in ((piece, re.fullmatch(r"%(.)", piece)) for piece in re.findall(r"%.|[^%]", form, re.DOTALL))
    )


def _moments(form: str, where: str) -> Callable[[str], date | datetime]:
    letters = set(re.findall(r"%(.)", form))
    require(letters & {"Y", "y"}, f"'{form}' has no year", where, "leave the format out to have the text")
    if letters & CLOCK:
        return lambda text: datetime.strptime(text, form)  # noqa: DTZ007  (a path tells no zone)
    return lambda text: datetime.strptime(text, form).date()  # noqa: DTZ007
