"""Reading a configuration file as the SDK would: a flat JSON object of texts."""

from __future__ import annotations

import json
from pathlib import Path

from headwater.errors import UsageError

__all__ = ["DEFAULT", "read"]

DEFAULT = "configuration.json"


def read(project: Path, given: Path | None) -> dict[str, str]:
    """Return the configuration at `given`, or the project's own, or {} if it has none.

    Raises UsageError for a file that is missing, is not JSON, is not an object, or holds values that are not text; every
    such value is named in one message, without the value.
    """
    path = given or project / DEFAULT
    if given is None and not path.exists():
        return {}
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"the configuration cannot be read: {error.strerror}", where=str(path), hint="name it with --configuration"
        ) from error
    except ValueError as error:
        # Not chained: the decoder's exception holds the whole text, and with it the secrets.
        place = (
            f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "its encoding"
        )
        raise UsageError(
            f"the configuration is not JSON ({place})", where=str(path), hint='write it as {"name": "value", …}'
        ) from None
    if not isinstance(loaded, dict):
        raise UsageError(
            "the configuration is not a JSON object", where=str(path), hint='write it as {"name": "value", …}'
        )
    wrong = [f"{name} is {type(value).__name__}" for name, value in loaded.items() if not isinstance(value, str)]
    if wrong:
        raise UsageError(
            f"every value of the configuration must be text: {', '.join(wrong)}",
            where=str(path),
            hint="put the values in quotes: Fivetran hands a connector nothing but text",
        )
    return loaded
