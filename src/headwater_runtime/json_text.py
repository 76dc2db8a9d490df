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

__all__ = ["loads", "whole_texts"]

DIGITS_AS_ZEROS = bytes(ord("0") if chr(code).isdigit() and code < 128 else ord(" ") for code in range(256))
LONG_RUN = b"0" * 19
ESCAPED = (b"\\ud", b"\\uD")  # how half of a pair of surrogates may be written
UNUSUAL = (b"\xed", b"\0")  # or as it is, or in UTF-16


def loads(text: bytes) -> Any:
    """Return the JSON value of `text`, the same whichever decoder is there, its texts mended. Raises ValueError."""
    if orjson is not None and LONG_RUN not in text.translate(DIGITS_AS_ZEROS):
        try:
            return orjson.loads(text)
        except ValueError:
            pass
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    # `orjson` takes no half of a pair, so what came through it needs no look.
    halves = b"\\" in text and any(mark in text for mark in ESCAPED)  # to look for one character is quick
    return whole_texts(value) if halves or any(mark in text for mark in UNUSUAL) else value


def whole_texts(value: Any) -> Any:
    """Return `value` with each lone half of a surrogate pair, which no encoding can hold, written as its escape.

    Such halves come from sources that cut a text in the middle of an emoji, and can only be written as escapes.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {whole_texts(name): whole_texts(item) for name, item in value.items()}
    return [whole_texts(item) for item in value] if isinstance(value, list) else value
