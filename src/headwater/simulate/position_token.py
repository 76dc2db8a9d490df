"""PositionToken: an opaque paging token of 32 hex characters that holds its position, so a vendor need remember none."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

__all__ = ["PositionToken"]

HALF = 8  # bytes in each half of the 16-byte block
ROUNDS = 4
TOKEN_LENGTH = 4 * HALF


@dataclass(frozen=True)
class PositionToken:
    """Encodes positions below 2^64 by a keyed permutation (a four-round Feistel network over 128 bits).

    The half of the block that carries no position must decode to zero, so a made-up token is refused. A token means the
    same position in every later process with the same key, however much the data has grown.
    """

    key: bytes = field(repr=False)

    def encode(self, position: int) -> str:
        """Return the token of `position`."""
        left, right = bytes(HALF), position.to_bytes(HALF, "big")
        for turn in range(ROUNDS):
            left, right = right, _xor(left, self._mix(turn, right))
        return (left + right).hex()

    def decode(self, token: str) -> int | None:
        """Return the position of `token`, None when this key never made it."""
        try:
            block = bytes.fromhex(token) if len(token) == TOKEN_LENGTH else b""
        except ValueError:
            return None
        if len(block) != 2 * HALF:
            return None
        left, right = block[:HALF], block[HALF:]
        for turn in reversed(range(ROUNDS)):
            left, right = _xor(right, self._mix(turn, left)), left
        return None if any(left) else int.from_bytes(right, "big")

    def _mix(self, turn: int, half: bytes) -> bytes:
        return blake2b(half, digest_size=HALF, key=self.key, salt=turn.to_bytes(2, "big")).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
