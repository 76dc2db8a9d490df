"""What an answer means: declared rules, tried in order, then the built-in table."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from headwater_runtime import json_text
from headwater_runtime.errors import ConfigError, SourceError, require
from headwater_runtime.records import MISSING, every, lookup
from headwater_runtime.transport import Response

__all__ = ["Rule", "first_match", "refuse", "vendor_words"]

WORDS = (  # where vendors put their error texts
    *("message", "detail", "error_description", "error", "error.message", "title"),
    *("errors.0.title", "errors.0.text", "errors.0.message", "errors.0"),
)


@dataclass(frozen=True)
class Rule:
    """An answer that fits every condition given is retried, waited for, the end of the records, or a failure.

    "retry" counts as an attempt. "wait" does not: the source limits us, and all requests wait for what it asks, else for
    `seconds`, else as after a failure. "end": there are no (more) records here. "fail" stops, with `hint`.
    `header` and `where` map a header or a dotted path of the JSON body to its value, or to a pattern found in it; a function
    as `where` looks at the body itself. Raises ConfigError for a rule without a condition.
    """

    then: Literal["retry", "wait", "end", "fail"]
    status: int | range | Collection[int] | None = field(default=None, kw_only=True)
    header: Mapping[str, str | re.Pattern[str]] = field(default_factory=dict, kw_only=True)
    where: Mapping[str, Any] | Callable[[Any], bool] = field(default_factory=dict, kw_only=True)
    seconds: float | None = field(default=None, kw_only=True)
    hint: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        place = f'Rule("{self.then}", …)'
        known = self.then in {"retry", "wait", "end", "fail"}
        require(known, "a rule ends in retry, wait, end or fail", place, "mend it in api.py")
        some = self.status is not None or self.header or self.where
        require(some, "a rule without a condition fits all", place, "give status=, header= or where=")
        waits = self.seconds is None or (self.then == "wait" and self.seconds > 0)
        require(waits, "`seconds` is how long a rule waits", place, 'above 0, and only with "wait"')

    def fits(self, response: Response, body: Callable[[], Any]) -> bool:
        """Say whether the answer meets every condition. `body` decodes it, MISSING if that is not possible."""
        known = self.status
        if known is not None and response.status not in ({known} if isinstance(known, int) else known):
            return False
        sent = response.headers
        if not all(name.lower() in sent and _like(sent[name.lower()], to) for name, to in self.header.items()):
            return False
        if not self.where:
            return True
        decoded = body()
        if decoded is MISSING:
            return False
        if not callable(self.where):
            return all(any(_like(found, to) for found in every(decoded, path)) for path, to in self.where.items())
        try:
            return bool(self.where(decoded))
        except (LookupError, TypeError, AttributeError):  # what it looks for is not in this body
            return False


def first_match(rules: Sequence[Rule], response: Response) -> Rule | None:
    """Return the first of `rules` that fits. The body is decoded once, and only if one of them needs it."""
    body = lru_cache(lambda: _json(response))
    return next((rule for rule in rules if rule.fits(response, body)), None) if rules else None


def refuse(response: Response, words: str, where: str) -> None:
    """Raise what a final answer means by its status; return for success."""
    status = response.status
    if 200 <= status < 300:
        return
    if status in {401, 403}:
        hint = "check the key in the configuration: it may be wrong, expired or lack the right to this endpoint"
        what = f"the source refused the credential with {status}{words}"
        raise ConfigError(what, where=where, hint=hint, status=status)
    hint = "check base_url and the path in api.py" if status == 404 else "see the vendor's documentation of this status"
    raise SourceError(f"the source answered {status}{words}", where=where, hint=hint, status=status)


def vendor_words(response: Response, clean: Callable[[str], str], longest: int = 200) -> str:
    """Return the error text of a JSON body, masked and then shortened, to end a sentence; "" if there is none."""
    body = _json(response)
    for path in WORDS:
        value = lookup(body, path)
        if isinstance(value, str) and value.strip():
            return f": {clean(' '.join(value.split()))[:longest]}"
    return ""


def _json(response: Response) -> Any:
    """Return the decoded body; MISSING for one that is no JSON, or so large that it lies in a file."""
    try:
        return MISSING if response.file is not None else json_text.loads(response.body)
    except (ValueError, RecursionError):
        return MISSING


def _like(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, re.Pattern):
        return isinstance(found, (str, int, float)) and wanted.search(str(found)) is not None
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)
