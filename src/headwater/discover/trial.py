"""A trial: one variation of the first request, and how the records it brought compare with those of the first page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import parse_qsl

from headwater.discover.reader import Reader, Reply
from headwater.discover.records import outside
from headwater_runtime.records import Row, lookup

__all__ = ["Endpoint", "Outcome", "Trial", "count", "fingerprint", "next_of"]

Outcome = Literal["same", "new", "mixed", "none", "refused", "unasked"]
UNKNOWN = re.compile(
    r"unexpected|unknown|unrecogni[sz]ed|unsupported|not (allowed|supported|permitted|recogni[sz]ed)|extra",
    re.IGNORECASE,
)


def fingerprint(row: Row) -> str:
    """Return a text that equal records share and different ones do not."""
    return json.dumps(row, sort_keys=True, default=str)


@dataclass(frozen=True)
class Trial:
    """What a variation brought. `known` of its `rows` were on the first page."""

    outcome: Outcome
    reply: Reply
    rows: Sequence[Row] = ()
    known: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def moved(self) -> bool:
        """Whether this is another page: records came, and most of them were not on the first page."""
        return self.outcome == "new" or (self.outcome == "mixed" and self.known * 2 < len(self.rows))

    @property
    def evidence(self) -> str:
        """What was seen, as the end of a sentence."""
        if self.outcome == "none":
            return "brought no record"
        met = f"{self.known} of them" if self.known else "none of them"
        return f"brought {count(len(self.rows), 'record')}, {met} on page 1"


@dataclass(frozen=True)
class Endpoint:
    """The endpoint under experiment. `identify` tells records apart; `rows` are those of the first page.

    `base` goes with every trial; what was tried in vain is noted in `asides`, and in `effective` if it changed the answer.
    """

    reader: Reader
    records: str
    first: Reply
    rows: Sequence[Row]
    identify: Callable[[Row], str] = fingerprint
    base: Mapping[str, Any] = field(default_factory=dict)
    asides: list[str] = field(default_factory=list)
    effective: set[str] = field(default_factory=set)

    @property
    def hints(self) -> set[str]:
        """The names, in lower case, that the source itself uses beside the records and in its links, and those of the address."""
        names = {*self.reader.address.params, *_query_names(self.link_header)}
        for path, value in outside(self.first.body, self.records):
            names.add(path.rpartition(".")[2])
            names |= _query_names(value) if isinstance(value, str) else set()
        return {name.lower() for name in names}

    @property
    def link_header(self) -> str:
        """The address a `Link: <…>; rel="next"` header names, or ""."""
        return next_of(self.first.headers)

    def ask(self, params: Mapping[str, Any]) -> Trial:
        """Try the first request with `params`."""
        sent = {**self.base, **params}
        judged = self._judge(self.reader.get({name: str(value) for name, value in sent.items()}))
        return replace(judged, params=params)

    def with_base(self, base: Mapping[str, Any]) -> Endpoint | None:
        """Return the endpoint as it looks with `base` in every request; None if that brings no records."""
        trial = self.ask(base)
        return replace(self, first=trial.reply, rows=trial.rows, base=base) if trial.rows else None

    def follow(self, link: str) -> Trial:
        """Try `link`, absolute or relative, with nothing added to it."""
        return self._judge(self.reader.get(link=link))

    def find(
        self, likely: Sequence[str], others: Sequence[str], value: Any, accept: Callable[[str, Trial], bool]
    ) -> tuple[str, Trial] | None:
        """Return the first parameter that `accept` takes when sent with `value`.

        `likely` names are tried one by one, `others` together and then in halves: a source that ignores a group shows so in
        one answer, and one that names those it does not know leaves the rest. Names tried in vain go to `asides`.
        """
        likely = list(dict.fromkeys([*likely, *(name for name in others if name in self.effective)]))
        unlikely = [name for name in dict.fromkeys(others) if name not in likely]
        groups = [*([name] for name in likely), *([unlikely] if unlikely else [])]
        while groups:
            names = groups.pop(0)
            trial = self.ask(dict.fromkeys(names, value))
            if len(names) == 1 and accept(names[0], trial):
                return names[0], trial
            if len(names) == 1 and trial.outcome in {"new", "mixed", "none"}:
                self.effective.add(names[0])
            if len(names) == 1 or trial.outcome in {"same", "unasked"}:
                self._aside(", ".join(names), trial)
                continue
            unknown = [name for name in names if _disowned(trial, name)]
            if unknown:
                self.asides.append(f"{', '.join(unknown)}: unknown to the source ({trial.reply.status})")
                groups[:0] = [[name for name in names if name not in unknown]] if len(unknown) < len(names) else []
            else:
                half = len(names) // 2
                groups[:0] = [names[:half], names[half:]]
        return None

    def _aside(self, name: str, trial: Trial) -> None:
        reason = {
            "same": "ignored, the answer equals page 1",
            "refused": f"refused ({trial.reply.status or trial.reply.trouble})",
            "unasked": "not tried, the request budget was spent",
        }.get(trial.outcome, f"{trial.evidence}, which is not the next page")
        self.asides.append(f"{name}: {reason}")

    def _judge(self, reply: Reply) -> Trial:
        if reply.trouble == "budget":
            return Trial("unasked", reply)
        if reply.status == 404:
            return Trial("none", reply)
        found = lookup(reply.body, self.records) if reply.usable else None
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            return Trial("refused", reply)
        if not found:
            return Trial("none", reply)
        first = [self.identify(row) for row in self.rows]
        these = [self.identify(row) for row in found]
        if these == first:
            return Trial("same", reply, found, len(found))
        known = len(set(these) & set(first))
        return Trial("mixed" if known else "new", reply, found, known)


def next_of(headers: Mapping[str, str]) -> str:
    """Return the address a `Link: <…>; rel="next"` header names, or ""."""
    for part in headers.get("link", "").split(","):
        address, _, traits = part.partition(";")
        if re.search(r'rel\s*=\s*"?next\b', traits):
            return address.strip(" <>")
    return ""


def _query_names(link: str) -> set[str]:
    return {name for name, _ in parse_qsl(link.partition("?")[2])}


def _disowned(trial: Trial, name: str) -> bool:
    """Tell whether the source refused, naming `name` among the parameters it does not know."""
    if trial.outcome != "refused" or not UNKNOWN.search(trial.reply.words):
        return False
    return re.search(rf"(?<![\w$\[]){re.escape(name)}(?![\w\[\]])", trial.reply.words) is not None


def count(number: int, noun: str) -> str:
    """Return "1 record" or "7 records"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
