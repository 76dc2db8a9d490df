"""Mask: the secrets of a configuration, kept out of whatever a command shows or writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from headwater.actions.watch import Level, Watch
from headwater.engine import LoadedConnector
from headwater_runtime import Secret, Source
from headwater_runtime.log import MASK, SHORTEST, redacted, redactor

__all__ = ["Mask", "looks_secret"]

_MARKS = re.compile(
    r"key|token|secret|(?<![a-z])pass(?![a-z])|pass(wor|wd|phrase|code)|pwd|credential|auth|signature|private|bearer|cookie"
    r"|jwt|service_?account"
)
# A word that holds a mark and means something else; what a mark is said about: the column of a key, the address of a token.
_OTHER_WORDS = re.compile(
    r"keyword|keyspace|author(?!i)|(primary|partition|sort|foreign|unique|cursor|order)[_-]?key|(max|min)[a-z]*[_-]?token"
)
_ABOUT = re.compile(
    r"(ur[il]|endpoint|host|port|type|kind|method|scheme|scopes?|columns?|fields?|param|name|mode|region|path|file"
    r"|enabled|required|seconds|minutes|hours|days|expiry|lifetime|size|count|limit)$"
)
_WHO = re.compile(r"user|login|mail|account|client|id$")  # what basic auth joins with a password
_PAIR = re.compile(r"([\w.-]+)\s*=\s*([^;&\s]+)")  # in the query of an address, or in a connection string
_PLAIN_WORDS = frozenset({"true", "false", "none", "null", "basic", "bearer", "oauth", "oauth2"})


class Mask:
    """Hides every secret of `settings` from 4 characters on, in any usual spelling.

    Secret is what `connector` declares as such; of a connector that declares no settings, and of settings it does not know,
    what their names give away. A password within an address is secret too.
    """

    def __init__(self, settings: Mapping[str, str], connector: LoadedConnector | None = None) -> None:
        found = _secrets(settings, connector)
        self._each = {name: redactor(values) for name, values in found.items()}
        every = {value for values in found.values() for value in values if len(value) >= SHORTEST}
        names = [value for name, value in settings.items() if name not in found and _WHO.search(name.lower())]
        pairs = {f"{name}:{secret}" for name in ("", *names) for secret in every} | {f"{secret}:" for secret in every}
        self._redact = redactor(every | pairs)

    def text(self, text: str) -> str:
        """Return `text` without the secrets."""
        return self._redact(text)

    def value(self, value: Any) -> Any:
        """Return a JSON value without the secrets, in keys, texts and numbers."""
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, Mapping):
            return {self._redact(str(name)): self.value(one) for name, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(one) for one in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return MASK if self._redact(str(value)) == MASK else value
        return value

    def found_in(self, value: Any) -> list[str]:
        """Return the settings whose secret is in a JSON value."""
        text = json.dumps(value, ensure_ascii=False, default=str)
        return [name for name, redact in self._each.items() if redact(text) != text]

    def watch(self, watch: Watch) -> Watch:
        """Return `watch` behind this mask."""
        return _Masked(watch, self)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Mask what is raised within, with all it is chained to."""
        try:
            yield
        except Exception as error:
            safe = redacted(error, self._redact)
            if safe is error:
                raise
            raise safe from safe.__cause__


class _Masked:
    """A watch that shows no secret. What is asked stays: it names files, and nobody should say yes to half a name."""

    def __init__(self, watch: Watch, mask: Mask) -> None:
        self._watch = watch
        self._mask = mask
        self.confirm = watch.confirm

    def step(self, title: str) -> None:
        self._watch.step(self._mask.text(title))

    def line(self, text: str, level: Level = "info") -> None:
        self._watch.line(self._mask.text(text), level)

    def status(self, text: str) -> None:
        self._watch.status(self._mask.text(text))


def looks_secret(name: str) -> bool:
    """Tell whether a setting of this name is likely to hold a credential."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return bool(_MARKS.search(_OTHER_WORDS.sub("", words))) and not _ABOUT.search(words)


def _secrets(settings: Mapping[str, str], connector: LoadedConnector | None) -> dict[str, set[str]]:
    source = getattr(connector.connector.update_method, "__self__", None) if connector else None
    declared = source.config.fields if isinstance(source, Source) else {}
    found = {}
    for name, value in settings.items():
        secret = isinstance(declared[name], Secret) if name in declared else looks_secret(name)
        values = set(_within(value))
        if secret and value.strip().lower() not in _PLAIN_WORDS:
            values |= {value, value.strip()}
        if values - {""}:
            found[name] = values - {""}
    return found


def _within(value: str) -> Iterator[str]:
    """Yield the secrets in a value that holds more: JSON, an address with a password, `name=value` pairs."""
    with suppress(ValueError, RecursionError):
        yield from _leaves(json.loads(value))
    with suppress(ValueError):
        password = urlsplit(value).password
        if password:
            yield from (password, unquote(password))
    for name, text in _PAIR.findall(value):
        if looks_secret(name):
            yield from (text, unquote(text))


def _leaves(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner, one in value.items():
            yield from _leaves(one, inner)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one, name)
    elif isinstance(value, str) and looks_secret(name):
        yield value
