"""Jwt: a signed token a vendor verifies, with nothing but the standard library."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from headwater.simulate.access import bearer_of
from headwater.simulate.message import Request

__all__ = ["Jwt", "PublicKey"]

SHA256_INFO = bytes.fromhex(
    "3031300d060960864801650304020105000420"
)  # RFC 8017: the DER that precedes a SHA-256 digest
LONGEST = 3600  # seconds between `iat` and `exp`


@dataclass(frozen=True)
class PublicKey:
    """An RSA public key."""

    modulus: int
    exponent: int = 65537

    @classmethod
    def from_pem(cls, text: str) -> PublicKey:
        """Read the PEM form `-----BEGIN PUBLIC KEY-----`."""
        der = base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-----")))
        (outer,) = _items(der)
        _, bits = _items(outer)
        (pair,) = _items(bits[1:])  # the first byte counts unused bits
        modulus, exponent = (int.from_bytes(number, "big") for number in _items(pair))
        return cls(modulus, exponent)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` is RSASSA-PKCS1-v1_5 with SHA-256 over `message`."""
        size = (self.modulus.bit_length() + 7) // 8
        digest = SHA256_INFO + sha256(message).digest()
        wanted = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        found = pow(int.from_bytes(signature, "big"), self.exponent, self.modulus).to_bytes(size, "big")
        return len(signature) == size and hmac.compare_digest(found, wanted)


@dataclass(frozen=True)
class Jwt:
    """HS256 with a text as `key`, RS256 with a public key. `claims` must be there just so; `exp` must lie ahead.

    As an `Access` it takes the token as a bearer token; an `OAuth` takes it as an assertion.
    """

    key: str | PublicKey = field(repr=False)
    claims: tuple[tuple[str, str], ...] = ()

    def allows(self, request: Request) -> bool:
        """Tell whether the request bears a good token."""
        return self.verifies(bearer_of(request) or "", request.at)

    def verifies(self, token: str, now: datetime) -> bool:
        """Tell whether `token` is signed by the key, says what it must, and is of now."""
        head, _, signature = token.rpartition(".")
        try:
            header, body = (json.loads(_decoded(part)) for part in head.split("."))
            good = self._signed(header, head.encode(), _decoded(signature)) and self._timely(body, now)
            return good and all(body.get(name) == value for name, value in self.claims)
        except (AttributeError, TypeError, ValueError):  # parts that are no JSON objects, times that are no numbers
            return False

    def _signed(self, header: Any, message: bytes, signature: bytes) -> bool:
        if isinstance(self.key, PublicKey):
            return header.get("alg") == "RS256" and self.key.verifies(message, signature)
        wanted = hmac.new(self.key.encode(), message, sha256).digest()
        return header.get("alg") == "HS256" and hmac.compare_digest(signature, wanted)

    def _timely(self, body: Any, now: datetime) -> bool:
        begins, ends = body.get("iat", now.timestamp()), body.get("exp", 0)
        return bool(begins <= now.timestamp() + 1 and now.timestamp() < ends <= begins + LONGEST)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _items(der: bytes) -> list[bytes]:
    """Return the contents of the DER items that follow one another in `der`."""
    found, at = [], 0
    while at < len(der):
        length, at = der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(der[at : at + count], "big"), at + count
        found.append(der[at : at + length])
        at += length
    return found
