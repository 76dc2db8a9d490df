"""Log lines for Fivetran, with every secret taken out before a line leaves the process.

Use of levels: debug for each request and checkpoint (Fivetran does not emit it in production), info for the start and end
of a stream (at most 1,500 lines a minute are kept), warning for what was survived, error for what was not.
"""

from __future__ import annotations

import base64
import builtins
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

__all__ = ["Log", "Redact", "Redactor", "redacted", "redactor", "spellings"]

Redact = Callable[[str], str]
MASK = "***"
SHORTEST = 4  # masking a shorter value would eat ordinary words of every line and still hide nothing
SHORTEST_WITHIN = 8  # the same for a part of a secret, or of an encoded text
_URL_SAFE = ("", "/", "!#$%&'()*+,/:;=?@[]~")  # what the ways to quote leave alone; the last is requests'
_GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())  # Python 3.10 has none
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_URL_BASE64 = str.maketrans("+/", "-_")


class Redactor:
    """Masks every secret it knows, in every spelling of `spellings`. Any thread may use it, and add to it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._longest_first: tuple[str, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Mask `secret` too from now on."""
        if len(secret) >= SHORTEST and secret not in self._longest_first:
            with self._lock:
                forms = {*self._longest_first, *spellings(secret)}
                self._longest_first = tuple(sorted(forms, key=lambda form: (-len(form), form)))

    def __call__(self, text: str) -> str:
        """Return `text` without secrets."""
        for form in self._longest_first:
            text = text.replace(form, MASK)
        return text


def redactor(secrets: Iterable[str]) -> Redactor:
    """Return a function that masks each secret in every spelling of `spellings`."""
    return Redactor(secrets)


def spellings(secret: str) -> set[str]:
    """Return the texts under which a secret shows itself.

    As it is; URL-quoted as one of the usual ways has it; escaped in JSON or a Python literal; in hex and base64, of any
    alphabet and also within a longer text, as the password of basic auth is; line by line if it has several lines.
    """
    found = {secret} | {line.strip() for line in secret.splitlines() if len(line.strip()) >= SHORTEST_WITHIN}
    for one in tuple(found):
        encoded = one.encode(errors="replace")
        quoted = {quote(encoded, safe) for safe in _URL_SAFE} | {quote_plus(encoded)}
        found |= quoted | {_ESCAPE.sub(lambda escape: escape[0].lower(), text) for text in quoted}
        found |= {json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1], repr(one)[1:-1]}
        found |= {encoded.hex(), encoded.hex().upper()}
        for text in (base64.b64encode(encoded).decode(), *_base64_within(encoded)):
            found |= {text, text.rstrip("="), text.translate(_URL_BASE64), text.rstrip("=").translate(_URL_BASE64)}
    return found


def _base64_within(encoded: bytes) -> Iterator[str]:
    """Yield what base64 shows of `encoded` wherever it begins in a longer text, without the characters it shares with that."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + encoded).decode()
        shared = -(-8 * before // 6)
        whole = (before + len(encoded)) * 8 // 6
        if whole - shared >= SHORTEST_WITHIN:
            yield text[shared:whole]


def redacted(error: BaseException, redact: Redact) -> BaseException:
    """Return `error` with the secrets in its text and notes, and in those of all it is chained to or groups, masked.

    Exceptions are mended in place, because the SDK prints the whole chain of a failed sync. One whose text does not follow
    its arguments, like OSError, is replaced by a RuntimeError that says what it said.
    """
    return _mended(error, redact, {})


def _mended(error: BaseException, redact: Redact, done: dict[int, BaseException]) -> BaseException:
    if id(error) in done:
        return done[id(error)]
    done[id(error)] = error
    error.args = tuple(_masked(value, redact) for value in error.args)
    members = tuple(_mended(one, redact, done) for one in error.exceptions) if isinstance(error, _GROUP) else ()
    text = _text(error)
    mended = error
    if redact(text) != text or any(id(one) not in done for one in members):
        mended = _replaced(error, redact, members).with_traceback(error.__traceback__)
    done[id(error)] = mended
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list):
        mended.__dict__["__notes__"] = [redact(str(note)) for note in notes]
    suppress = error.__suppress_context__  # setting __cause__ sets it, and a context hidden by `from None` stays hidden
    mended.__cause__ = _mended(error.__cause__, redact, done) if error.__cause__ else None
    mended.__context__ = _mended(error.__context__, redact, done) if error.__context__ else None
    mended.__suppress_context__ = suppress
    return mended


def _replaced(error: BaseException, redact: Redact, members: tuple[BaseException, ...]) -> BaseException:
    """Return an exception that says what `error` says, masked; a group stays one."""
    if isinstance(error, _GROUP):
        group: BaseException = _GROUP(redact(error.message), members)
        return group
    return RuntimeError(f"{type(error).__name__}: {redact(_text(error))}")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (a connector's own exception may fail to say what it is)
        return ""


def _masked(value: Any, redact: Redact) -> Any:
    """Return an argument of an exception with its texts masked."""
    if isinstance(value, str):
        return redact(value)
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_masked(one, redact) for one in value)
    if type(value) is dict:
        return {_masked(name, redact): _masked(one, redact) for name, one in value.items()}
    return value


class Log:
    """Writes redacted lines through the SDK's logger. `mask` teaches a Redactor it was given, so its other users know too."""

    def __init__(self, redact: Redact = str) -> None:
        self._redact = redact
        self._masks = redact if isinstance(redact, Redactor) else Redactor()

    def mask(self, secret: str) -> None:
        """Take `secret`, a credential obtained while running, out of every line and error from now on."""
        self._masks.add(secret)

    def clean(self, text: str) -> str:
        """Return `text` with every secret masked."""
        return self._redact(text if self._redact is self._masks else self._masks(text))

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
            getattr(Logging, level)(self.clean(line))
