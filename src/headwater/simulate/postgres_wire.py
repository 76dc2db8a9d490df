"""The messages between a PostgreSQL client and its server, as far as somebody between the two has to understand them."""

from __future__ import annotations

import re
import socket
import struct

__all__ = ["CANCEL", "Incoming", "Startup", "asks", "failure", "masked", "of_catalog", "ready", "rows_told", "verb"]

SSL, GSS, CANCEL = 80_877_103, 80_877_104, 80_877_102  # what a first packet asks for instead of a protocol's version
LONGEST = 200  # characters of a statement in a log
QUIET = frozenset({"ROLLBACK", "COMMIT", "CLOSE", "DEALLOCATE", "DISCARD", "RELEASE", "END", "ABORT", ""})
LITERAL = re.compile(r"'(?:[^']|'')*'|\$\d+|\b\d+(?:\.\d+)?\b")
WORD = re.compile(r"\s*(\w*)")
CATALOG = re.compile(r"\bpg_|\binformation_schema\b|\bset_config\b|\bversion\(\)|WHERE \? = \?")
COUNTED = re.compile(rb"(?:SELECT|FETCH|COPY) (\d+)")


class Incoming:
    """Messages read from a socket, whole. An end in between is an end: `message` then gives None."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def message(self) -> tuple[bytes, bytes] | None:
        """Return the next message, its kind and all of its bytes."""
        head = self.exactly(5)
        if head is None:
            return None
        body = self.exactly(int.from_bytes(head[1:], "big") - 4)
        return None if body is None else (head[:1], head + body)

    def exactly(self, count: int) -> bytes | None:
        """Return that many bytes."""
        parts = []
        while count:
            part = self._connection.recv(min(count, 1 << 16))
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


class Startup:
    """The first packet of a connection. `code` tells a protocol's version, or what else is asked for."""

    def __init__(self, packet: bytes) -> None:
        self.packet = packet
        (self.code,) = struct.unpack(">I", packet[4:8])

    @classmethod
    def read(cls, incoming: Incoming) -> Startup | None:
        """Return it, None where the client hung up."""
        head = incoming.exactly(4)
        body = incoming.exactly(int.from_bytes(head, "big") - 4) if head else None
        return None if head is None or body is None or len(body) < 4 else cls(head + body)

    @property
    def encrypts(self) -> bool:
        """Whether the client would like to encrypt first."""
        return self.code in {SSL, GSS}

    @property
    def database(self) -> str:
        """The database the client asks for."""
        words = self.packet[8:].split(b"\0")
        given = dict(zip(words[::2], words[1::2], strict=False))
        return given.get(b"database", given.get(b"user", b"")).decode("utf-8", "replace")


def failure(code: str, text: str, *, fatal: bool) -> bytes:
    """Return the server's error message."""
    severity = "FATAL" if fatal else "ERROR"
    fields = {"S": severity, "V": severity, "C": code, "M": text}
    return _message(b"E", "".join(f"{name}{value}\0" for name, value in fields.items()).encode() + b"\0")


def ready(status: bytes) -> bytes:
    """Return the message that ends an answer: I outside of a transaction, T inside of one, E inside of a failed one."""
    return _message(b"Z", status)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


def rows_told(message: bytes) -> int | None:
    """Return how many rows a CommandComplete message says there were; None where it is no statement that gives rows."""
    found = COUNTED.match(message, 5)
    return int(found[1]) if found else None


def verb(statement: str) -> str:
    """Return a statement's first word, in capitals."""
    found = WORD.match(statement)
    return found[1].upper() if found else ""


def asks(statement: str) -> bool:
    """Tell whether a statement asks for something: one that only ends or forgets what was does not."""
    return verb(statement) not in QUIET


def of_catalog(statement: str) -> bool:
    """Tell whether a masked statement asks the server about itself: its rows are no page of records."""
    return CATALOG.search(statement) is not None


def masked(statement: str) -> str:
    """Return a statement in one line without its values: fit for a log, and the same for every page of a table."""
    text = " ".join(LITERAL.sub("?", statement).split())
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
