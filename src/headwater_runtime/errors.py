"""The runtime's exception tree, grouped by what the reader of the message should do.

    HeadwaterError
    ├── ConfigError      a setting is missing or wrong: mend it and run again
    ├── TransientError   the source kept failing although it was retried: run again later
    │   └── TransportError   no whole answer came: refused, reset, timed out or cut short
    ├── SourceError      the source refused the request: stop and look
    └── ContractError    the source broke the shape it had: a field is gone, paging loops, a key is null
        └── UnreadableError  a body is not in the format it should be

A message is a sentence, a place and a remedy. It never holds a response body, a credential or a query string.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "ContractError",
    "HeadwaterError",
    "SourceError",
    "TransientError",
    "TransportError",
    "UnreadableError",
    "require",
]


class HeadwaterError(Exception):
    """Root of the tree. `what` is a sentence, `where` a stream, table or endpoint, `hint` what to do next.

    `status` is the HTTP status it comes from, 0 if there was none. `heavy`: a smaller question might have been answered.
    """

    heavy = False

    def __init__(self, what: str, *, where: str = "", hint: str = "", status: int = 0) -> None:
        super().__init__(what, where, hint)
        self.status = status

    @property
    def what(self) -> str:
        """What happened, one sentence."""
        return str(self.args[0])

    @property
    def where(self) -> str:
        """The stream, table, endpoint or file it happened at; may be empty."""
        return str(self.args[1])

    @property
    def hint(self) -> str:
        """What to do next; may be empty."""
        return str(self.args[2])

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        remedy = f"\n  → {self.hint}" if self.hint else ""
        return f"{self.what}{place}{remedy}"


class ConfigError(HeadwaterError):
    """A setting is missing or wrong, or a connector is declared in a way that cannot work."""


class TransientError(HeadwaterError):
    """The source kept failing although the request was retried. `heavy`: by a time-out, or a 5xx without Retry-After."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", status: int = 0, heavy: bool = False) -> None:
        super().__init__(what, where=where, hint=hint, status=status)
        self.heavy = heavy


class TransportError(TransientError):
    """No whole answer came: refused, reset, timed out or cut short."""


class SourceError(HeadwaterError):
    """The source refused the request; retrying would not help."""


class ContractError(HeadwaterError):
    """The source broke the shape the connector relies on."""


class UnreadableError(ContractError):
    """A body that is not in the format it should be: often a proxy's passing error page, so it is retried first."""

    heavy = True


def require(met: object, what: str, where: str = "", hint: str = "") -> None:
    """Raise ConfigError unless `met`: what cannot work is refused where it is declared."""
    if not met:
        raise ConfigError(what, where=where, hint=hint)
