"""Seals a text under a secret, for a state that is kept unencrypted: a refresh token that is good only once.

A synthetic-IV construction (after RFC 5297) of HMAC-SHA256 alone: the IV is the authenticator of the text, and the IV and a
counter make the keystream. It needs no randomness, so the same token gives the same state, and a repeated IV gives nothing away
but that the text is the same. Keys come from the secret by HKDF (RFC 5869).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from hashlib import sha256

__all__ = ["coded", "opened", "sealed"]

VERSION = "v1"
IV = 16  # bytes


def sealed(text: str, secrets: Sequence[str]) -> str:
    """Return `text` such that only who has `secrets` can read or change it: "v1.<iv>.<text>"."""
    authentic, hiding = _keys(secrets)
    plain = text.encode()
    iv = _hmac(authentic, plain)[:IV]
    return ".".join((VERSION, coded(iv), coded(_stream(hiding, iv, plain))))


def opened(seal: str, secrets: Sequence[str]) -> str:
    """Return the text that was sealed; "" for what was not sealed under `secrets`."""
    version, _, rest = seal.partition(".")
    try:
        iv, hidden = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in rest.split("."))
    except (ValueError, binascii.Error):
        return ""
    authentic, hiding = _keys(secrets)
    plain = _stream(hiding, iv, hidden)
    good = version == VERSION and hmac.compare_digest(_hmac(authentic, plain)[:IV], iv)
    return plain.decode() if good else ""


def _keys(secrets: Sequence[str]) -> tuple[bytes, bytes]:
    """Return the two keys, HKDF's first and second block."""
    extracted = _hmac(b"headwater seal " + VERSION.encode(), json.dumps(list(secrets)).encode())
    first = _hmac(extracted, b"keys\x01")
    return first, _hmac(extracted, first + b"keys\x02")


def _stream(key: bytes, iv: bytes, text: bytes) -> bytes:
    blocks = (_hmac(key, iv + number.to_bytes(8, "big")) for number in range(-(-len(text) // 32)))
    return bytes(one ^ other for one, other in zip(text, b"".join(blocks), strict=False))


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, sha256).digest()


def coded(value: bytes) -> str:
    """Return base64 as it goes into addresses and tokens."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
