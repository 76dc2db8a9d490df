"""Decoding JSON with every digit, as fast as what is installed allows.

`orjson` is two to three times as fast as the standard library, but turns an integer beyond 64 bits into a float. Such an
integer has a run of 19 digits, so a text without one is safe with it; everything it refuses the standard library decides.
"""

from __future__ import annotations

import json
from typing import Any

try:
    import orjson
except ImportError:  # not on Fivetran unless a connector requires it
    orjson = None  # type: ignore[assignment]

__all__ = ["loads"]

DIGITS_AS_ZEROS = bytes(ord("0") if chr(code).isdigit() and code < 128 else ord(" ") for code in range(256))
LONG_RUN = b"0" * 19


def loads(text: bytes) -> Any:
    """Return the JSON value of `text`, the same whichever decoder is there. Raises ValueError."""
    if orjson is not None and LONG_RUN not in text.translate(DIGITS_AS_ZEROS):
        try:
            return orjson.loads(text)
        except ValueError:
            pass
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
