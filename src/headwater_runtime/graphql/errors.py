"""What the errors inside a GraphQL answer mean. Vendors agree on a list of errors, on little else: their codes are read by kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headwater_runtime.errors import SourceError
from headwater_runtime.records import EACH, MISSING, lookup, steps_of

__all__ = ["FAILED", "PartialError", "Spoilt", "Verdict", "errors_in", "judged", "limited", "mark", "place_of", "words"]

FAILED = "\0failed"  # no GraphQL field is called so: under it stands what is in the place of a record that failed
Kind = Literal["wait", "auth", "right", "large", "retry", "refused", "partial"]
EXTENSIONS = ("code", "type", "errorType", "errorClass", "classification")
CODES = (*(f"extensions.{name}" for name in EXTENSIONS), "type", "errorType", "error_code", "code")  # where they are
WAITS = ("retry_in_seconds", "retryAfter", "retry_after")
RETRY_IN = (
    *(f"extensions.{name}" for name in WAITS),
    "error_data.retry_in_seconds",
    "extensions.error_data.retry_in_seconds",
)
# The words vendors' codes are made of; the first kind that fits counts. Shopify: THROTTLED, MAX_COST_EXCEEDED, ACCESS_DENIED;
# GitHub: RATE_LIMITED, MAX_NODE_LIMIT_EXCEEDED, INSUFFICIENT_SCOPES; Monday: ComplexityException, COMPLEXITY_BUDGET_EXHAUSTED;
# Linear: RATELIMITED; Apollo: UNAUTHENTICATED, FORBIDDEN, INTERNAL_SERVER_ERROR, DOWNSTREAM_SERVICE_ERROR.
KINDS: Mapping[Kind, str] = {
    "wait": "THROTTLE|RATELIMIT|TOOMANYREQUEST|BUDGETEXHAUSTED|COMPLEXITYEXCEPTION|CONCURRENCY",
    "large": "MAXCOST|COMPLEX|NODELIMIT|RESOURCELIMIT|TOOLARGE|TOOBIG|QUERYCOST",
    "auth": "UNAUTH|AUTHENTICATION|INVALIDTOKEN|INVALIDAPIKEY|TOKENEXPIRED|JWT",
    "right": "FORBIDDEN|ACCESSDENIED|PERMISSION|INSUFFICIENTSCOPE|AUTHORIZ",
    "retry": "INTERNAL|TIMEOUT|TIMEDOUT|AVAILAB|BADGATEWAY|DOWNSTREAM|SERVERERROR|OVERLOAD",
}
SAID: Mapping[Kind, str] = {  # for errors without a code
    "wait": r"\bthrottled\b|rate limit|too many requests",
    "retry": r"timed? ?out|something went wrong|in time\b|internal (server )?error|temporarily",
}


@dataclass(frozen=True, eq=False)
class Spoilt:
    """A record that failed, and its error. No two are alike, or a run of them would look like a page that comes again."""

    error: Mapping[str, Any]
    record: Any


class PartialError(SourceError):
    """Fields that were asked for could not be given, so what stands in their place is no data. `heavy`: fewer records might do."""

    heavy = True


@dataclass(frozen=True)
class Verdict:
    """What an answer's errors come to. "partial": each names the record it spoils, and the others are whole.

    "right" is a credential that is good but may not see this. `passing`: another try may bring a whole answer. `seconds` is how
    long the source asks to wait.
    """

    kind: Kind
    words: str
    passing: bool = False
    seconds: float | None = None


def errors_in(body: Any) -> list[Mapping[str, Any]]:
    """Return the errors of an answer; an older way of Monday's is an error in the place of the body."""
    if not isinstance(body, dict):
        return []
    listed = body.get("errors")
    if listed:
        listed = listed if isinstance(listed, list) else [listed]
        return [one if isinstance(one, dict) else {"message": str(one)} for one in listed]
    return [body] if "error_code" in body else []


def judged(body: Any, records: str, clean: Callable[[str], str]) -> Verdict | None:
    """Return what the errors of an answer with records at `records` mean, None if there are none."""
    errors = errors_in(body)
    if not errors:
        return None
    kinds = [_kind(one) for one in errors]
    told = words(errors, clean)
    asked = [value for one in errors for path in RETRY_IN if isinstance(value := lookup(one, path), (int, float))]
    if "wait" in kinds or asked:
        return Verdict("wait", told, seconds=float(max(asked)) if asked and max(asked) > 0 else None)
    passing = "retry" in kinds
    above = [kind for kind, one in zip(kinds, errors, strict=True) if place_of(body, one, records) is None]
    if not above:
        return Verdict("partial", told, passing)
    return next((Verdict(kind, told, passing) for kind in KINDS if kind in above), Verdict("refused", told))


def limited(body: Any) -> bool:
    """Say whether a refusal is a limit by its message alone, as GitHub's secondary ones are."""
    message = body.get("message") if isinstance(body, dict) else None
    return isinstance(message, str) and re.search(SAID["wait"], message, re.IGNORECASE) is not None


def mark(body: Any, records: str) -> None:
    """Put a Spoilt under FAILED into each record that an error of `body` names."""
    for one in errors_in(body):
        if (place := place_of(body, one, records)) is not None:
            holder, at, rest = place
            record = _inside(holder, at)  # its fields stay: paging by key goes on behind it
            value: Any = {**(record if isinstance(record, dict) else {}), FAILED: Spoilt(one, record)}
            for step in reversed(rest):
                value = {step: value}
            holder[at] = value


def place_of(body: Any, error: Mapping[str, Any], records: str) -> tuple[Any, Any, Sequence[str]] | None:
    """Return where the record that an error names stands: its holder, its place in there, and the names left to it.

    None where it names none, or a null above has taken others along.
    """
    path = error.get("path")
    steps, _ = steps_of(records)
    if not isinstance(path, list) or not path or steps[:1] != ("data",):
        return None
    value, holder, at, listed = body.get("data"), body, "data", False
    for done, step in enumerate(steps[1:], 2):
        if value is None or not path:
            rest = [name for name in steps[done - 1 :] if name is not EACH]
            return (holder, at, rest) if value is None and listed and EACH not in steps[done - 1 :] else None
        holder, at, *path = value, *path
        listed = listed or step is EACH
        value = _inside(holder, at) if step is EACH or at == step else MISSING
        if value is MISSING:
            return None
    if isinstance(value, list) and path:
        return (value, path[0], ()) if _inside(value, path[0]) is not MISSING else None
    return (holder, at, ()) if listed and not isinstance(value, list) else None


def words(errors: Sequence[Mapping[str, Any]], clean: Callable[[str], str], longest: int = 200) -> str:
    """Return the vendor's message, masked and shortened, and how many more there are, to end a sentence; "" if there is none."""
    said = [one.get("message") or one.get("error_message") for one in errors]
    first = next((text for text in said if isinstance(text, str) and text.strip()), "")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f": {clean(' '.join(first.split()))[:longest]}{more}" if first else more


def _inside(value: Any, at: Any) -> Any:
    if isinstance(value, list):
        whole = isinstance(at, int) and not isinstance(at, bool) and 0 <= at < len(value)
        return value[at] if whole else MISSING
    return value.get(at, MISSING) if isinstance(value, dict) and isinstance(at, str) else MISSING


def _kind(error: Mapping[str, Any]) -> Kind:
    codes = [re.sub(r"[^A-Z]", "", code.upper()) for path in CODES if isinstance(code := lookup(error, path), str)]
    for kind, pattern in KINDS.items():
        if any(re.search(pattern, code) for code in codes):
            return kind
    message = str(error.get("message") or "")
    found = (kind for kind, pattern in SAID.items() if not codes and re.search(pattern, message, re.IGNORECASE))
    return next(found, "refused")
