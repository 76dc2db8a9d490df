"""Log lines for Fivetran, with every secret taken out before a line leaves the process.

Use of levels: debug for each request and checkpoint (Fivetran does not emit it in production), info for the start and end
of a stream (at most 1,500 lines a minute are kept), warning for what was survived, error for what was not.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from urllib.parse import quote, quote_plus

__all__ = ["Log", "Redact", "redacted", "redactor"]

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


def redacted(error: BaseException, redact: Redact) -> BaseException:
    """Return `error` with the secrets in its text, and in the texts of all it is chained to, masked.

    Exceptions are mended in place, because the SDK prints the whole chain of a failed sync. One whose text does not follow
    its arguments, like OSError, is replaced by a RuntimeError that says what it said.
    """
    return _mended(error, redact, {})


def _mended(error: BaseException, redact: Redact, done: dict[int, BaseException]) -> BaseException:
    if id(error) in done:
        return done[id(error)]
    error.args = tuple(redact(value) if isinstance(value, str) else value for value in error.args)
    mended = error
    if redact(str(error)) != str(error):
        mended = RuntimeError(f"{type(error).__name__}: {redact(str(error))}").with_traceback(error.__traceback__)
    done[id(error)] = mended
    suppress = error.__suppress_context__  # setting __cause__ sets it, and a context hidden by `from None` stays hidden
    mended.__cause__ = _mended(error.__cause__, redact, done) if error.__cause__ else None
    mended.__context__ = _mended(error.__context__, redact, done) if error.__context__ else None
    mended.__suppress_context__ = suppress
    return mended


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

        if getattr(Logging, "LOG_LEVEL", 0) is not None:  # None outside a run, where the SDK's logger itself would fail
            getattr(Logging, level)(self._redact(line))
