"""Log lines for Fivetran, with every secret taken out before a line leaves the process.

Use of levels: debug for each request and checkpoint (Fivetran does not emit it in production), info for the start and end
of a stream (at most 1,500 lines a minute are kept), warning for what was survived, error for what was not.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

from headwater_runtime.errors import HeadwaterError

__all__ = ["Log", "Redact", "redact_error", "redactor"]

Redact = Callable[[str], str]
MASK = "***"
SHORTEST = 4  # masking a shorter value would eat ordinary words of every line and still hide nothing


def redactor(secrets: Iterable[str]) -> Redact:
    """Return a function that masks each secret, also in its URL-quoted and base64 forms."""
    forms: set[str] = set()
    for secret in secrets:
        if len(secret) >= SHORTEST:
            forms |= {secret, quote(secret, safe=""), quote_plus(secret), base64.b64encode(secret.encode()).decode()}
    longest_first = sorted(forms, key=len, reverse=True)

    def redact(text: str) -> str:
        for form in longest_first:
            text = text.replace(form, MASK)
        return text

    return redact


def redact_error(error: BaseException, redact: Redact) -> None:
    """Mask secrets in the texts of `error` and of everything it is chained to, in place.

    In place, because the SDK prints the whole chain of a failed sync: a copy would leave the original there to be read.
    """
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.args = tuple(redact(value) if isinstance(value, str) else value for value in one.args)
        if not isinstance(one, HeadwaterError) and redact(str(one)) != str(one):
            one.args = (f"{type(one).__name__} (its message held a credential)",)
        pending += [one.__cause__, one.__context__]


class Log:
    """Writes redacted lines through the SDK's logger."""

    def __init__(self, redact: Redact = str) -> None:
        self._redact = redact

    def debug(self, line: str) -> None:
        """Write a line that only a local run shows."""
        self._write("debug", line)

    def info(self, line: str) -> None:
        """Write a line for whoever follows a sync."""
        self._write("info", line)

    def warning(self, line: str) -> None:
        """Write a line about something odd that the sync survived."""
        self._write("warning", line)

    def _write(self, level: str, line: str) -> None:
        from fivetran_connector_sdk import Logging  # noqa: PLC0415  (declaring a connector must not need the SDK's start-up)

        if Logging.LOG_LEVEL is not None:  # None outside a run, where the SDK's logger itself would fail
            getattr(Logging, level)(self._redact(line))
