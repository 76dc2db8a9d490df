"""Seals a text under a secret, for a state that is kept unencrypted: a refresh token that is good only once.

The standard library has no cipher, so this is made of HMAC-SHA256 alone, in the one way whose proof needs no more than that
HMAC is a pseudorandom function: a synthetic IV (Rogaway and Shrimpton; RFC 5297 is the same of AES). The IV is the
authenticator of the whole text under one key; the IV and a counter, under another, make the keystream. The text is shown to
nobody before its authenticator was compared, in constant time. There is no nonce that could be used twice: the same text gives
the same seal, so a sync that is run again leaves the same state.

Keys come by HKDF (RFC 5869) from the secrets, each in its place, with a label that names this use and version. HKDF does not
slow a guesser down: the secrets are a vendor's, and RFC 6749 (10.10) demands of those that no one guesses them. Do not seal
under what a person chose. A seal opens under the secrets of its own connection only, so it is of no use in the state of another.

What it tells: the length of the text, and whether two seals hold the same. What it cannot prevent: who may write the state
may put an older seal back, with a token that is spent. Whoever changes the format raises `VERSION` and opens the old one too,
else every connection has to be consented to anew; a test holds a seal of each version.
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
