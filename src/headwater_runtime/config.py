"""A connector's configuration, declared once: parsing, the template, the setup form, the secrets and the README table.

Fivetran hands a connector a flat object of at most 100 values, all of them text.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from headwater_runtime.errors import ConfigError

__all__ = ["Choice", "Config", "Date", "Field", "Int", "Secret", "Settings", "Text", "Toggle", "Url"]

MAX_FIELDS = 100


class Field(Protocol):
    """One setting. `label` is what a person reads, `default` the text used when the setting is left out or empty."""

    @property
    def label(self) -> str:
        """What the setup form and the README call it."""

    @property
    def default(self) -> str | None:
        """The text used when nothing is given; None makes the setting required."""

    @property
    def kind(self) -> str:
        """The kind of value, in words: "a whole number from 1 to 200"."""

    def parse(self, text: str) -> Any:
        """Return the value. Raises ValueError with a phrase that says what is wrong, without the value if it is secret."""


@dataclass(frozen=True)
class Text:
    """Any text."""

    label: str
    default: str | None = None
    kind: str = field(default="a text", init=False)

    def parse(self, text: str) -> str:
        """Return the text without surrounding space."""
        return text.strip()


@dataclass(frozen=True)
class Secret:
    """A credential: masked in the form, in every log line and in every error. One that may be left out has the default ""."""

    label: str
    default: Literal[""] | None = None
    kind: str = field(default="a secret", init=False)

    def parse(self, text: str) -> str:
        """Return the secret without surrounding space, the most common slip of a paste."""
        secret = text.strip()
        if not secret.isprintable():
            raise ValueError("holds line breaks or control characters")
        return secret


@dataclass(frozen=True)
class Url:
    """An http or https address."""

    label: str
    default: str | None = None
    kind: str = field(default="an address like https://api.example.com", init=False)

    def parse(self, text: str) -> str:
        """Return the address without a trailing slash."""
        address = text.strip().rstrip("/")
        try:
            parts = urlsplit(address)
            known = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            known = False
        if not known or any(mark in address for mark in " @?#"):
            raise ValueError("is not an http or https address without user, query or fragment")
        return address


@dataclass(frozen=True, init=False)
class Int:
    """A whole number from `low` to `high`, both included."""

    label: str
    default: str | None
    low: int
    high: int

    def __init__(self, label: str, default: int | None = None, low: int = 0, high: int = 2**63 - 1) -> None:
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "default", None if default is None else str(default))
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @property
    def kind(self) -> str:
        """The range, in words."""
        return f"a whole number from {self.low} to {self.high}"

    def parse(self, text: str) -> int:
        """Return the number."""
        try:
            number = int(text.strip())
        except ValueError:
            raise ValueError(f"is '{text}', not a whole number") from None
        if not self.low <= number <= self.high:
            raise ValueError(f"is {number}, outside {self.low} to {self.high}")
        return number


@dataclass(frozen=True)
class Date:
    """A day, written as year-month-day."""

    label: str
    default: str | None = None
    kind: str = field(default="a date like 2024-01-31", init=False)

    def parse(self, text: str) -> date:
        """Return the day."""
        try:
            return date.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"is '{text}', not a date like 2024-01-31") from None


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    label: str
    options: tuple[str, ...]
    default: str | None = None

    @property
    def kind(self) -> str:
        """The options, in words."""
        return "one of " + ", ".join(self.options)

    def parse(self, text: str) -> str:
        """Return the option."""
        if text.strip() not in self.options:
            raise ValueError(f"is '{text}', not {self.kind}")
        return text.strip()


@dataclass(frozen=True)
class Toggle:
    """Yes or no, given as "true" or "false"."""

    label: str
    default: str | None = "false"
    kind: str = field(default="true or false", init=False)

    def parse(self, text: str) -> bool:
        """Return the boolean."""
        if text.strip().lower() not in {"true", "false"}:
            raise ValueError(f"is '{text}', not true or false")
        return text.strip().lower() == "true"


class Settings:
    """The parsed configuration: one attribute a setting."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = MappingProxyType(dict(values))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(self._values) or "none"
            raise AttributeError(f"no setting '{name}' is declared in Config(…); declared are: {known}") from None


class Config:
    """The declared settings, in order. Raises ConfigError for more than the platform's 100."""

    def __init__(self, **fields: Field) -> None:
        if len(fields) > MAX_FIELDS:
            raise ConfigError(f"{len(fields)} settings are declared; Fivetran takes {MAX_FIELDS}", where="Config(…)")
        self.fields: Mapping[str, Field] = MappingProxyType(fields)

    def parse(self, configuration: Mapping[str, Any]) -> Settings:
        """Return the typed settings. Raises one ConfigError that lists every problem, never showing a secret's value.

        A key that is no setting is a problem where it looks like the misspelling of one that is not given.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for name, declared in self.fields.items():
            try:
                values[name] = self._value(configuration, name, declared)
            except ValueError as error:
                problems.append(f"{name} {error}; give {declared.kind} ({declared.label})")
        problems += [
            f"{name} is not a setting of this connector; did you mean {near}?"
            for name in self.unknown(configuration)
            for near in difflib.get_close_matches(name, self.fields, n=1)
            if near not in configuration
        ]
        if problems:
            count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            raise ConfigError(
                f"the configuration has {count}:" + "".join(f"\n  - {problem}" for problem in problems),
                hint="mend configuration.json (on Fivetran: the connection's setup form) and run again",
            )
        return Settings(values)

    def _value(self, configuration: Mapping[str, Any], name: str, declared: Field) -> Any:
        given = configuration.get(name)
        if given is not None and not isinstance(given, str):
            raise ValueError(f"must be text in quotes, not {type(given).__name__}")
        text = given if given is not None and given.strip() else declared.default
        if text is None:
            raise ValueError("is missing")
        return declared.parse(text)

    def unknown(self, configuration: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the keys of `configuration` that no setting has.

        They are no error by themselves: a connection keeps the settings of an earlier version of its connector.
        """
        return tuple(name for name in configuration if name not in self.fields)

    def secrets(self, configuration: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the secret values `configuration` holds."""
        names = [name for name, declared in self.fields.items() if isinstance(declared, Secret)]
        given = [configuration[name] for name in names if isinstance(configuration.get(name), str)]
        return tuple(form for value in given for form in {value, value.strip()} if form)

    def template(self) -> dict[str, str]:
        """Return the content of a configuration.json to fill in: defaults, and "" for what is required."""
        return {name: declared.default or "" for name, declared in self.fields.items()}

    def readme(self) -> str:
        """Return the settings as a Markdown table."""
        lines = ["| Setting | Value | Default |", "| --- | --- | --- |"]
        for name, declared in self.fields.items():
            default = "required" if declared.default is None else f"`{declared.default}`"
            lines.append(f"| `{name}` | {declared.label}: {declared.kind} | {default} |")
        return "\n".join(lines) + "\n"

    def form(self, test: Callable[[dict[str, str]], Any]) -> Any:
        """Return the SDK setup form, with `test` as its connection test."""
        from fivetran_connector_sdk import ConfigurationForm  # noqa: PLC0415  (only the platform asks for the form)

        form = ConfigurationForm()
        for name, declared in self.fields.items():
            form.add_field(_form_field(name, declared))
        form.add_test(label="The source answers with this configuration", func=test)
        return form


def _form_field(name: str, declared: Field) -> Any:
    from fivetran_connector_sdk import form_field  # noqa: PLC0415

    about: dict[str, Any] = {"description": declared.kind, "required": declared.default is None}
    if isinstance(declared, Toggle):
        return form_field.ToggleField(name, declared.label, **about)
    if isinstance(declared, Choice):
        options = [form_field.DropdownFieldParam(value=option) for option in declared.options]
        return form_field.DropdownField(name, declared.label, fields=options, **about)
    style = form_field.TextField.password if isinstance(declared, Secret) else form_field.TextField.plain_text
    return form_field.TextField(name, declared.label, style, placeholder=declared.default, **about)
