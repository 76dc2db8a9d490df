"""What a server's errors mean: by SQLSTATE where there is one, by the words of the driver where no connection came about."""

from __future__ import annotations

import re

from headwater_runtime.errors import ConfigError, SourceError, TransportError
from headwater_runtime.sql.server import Trouble

__all__ = ["ENCRYPTION", "explained", "first_line"]

ENCRYPTION = "TLS"  # a state of ours, where a driver has a number for it

_LEVEL = re.compile(r"(?:ERROR|FATAL|PANIC):\s+")
_REFUSED = re.compile(
    r"password|authentication|access denied|no pg_hba|role .* does not exist|no such user", re.IGNORECASE
)
_UNKNOWN = re.compile(r"(database|schema) .*(does not exist|unknown)|unknown database", re.IGNORECASE)
_ENCRYPTION = re.compile(r"does(n't| not) support SSL|SSL was required|certificate", re.IGNORECASE)
_STARTING = re.compile(r"starting up|shutting down|recovery|too many|connection slots|terminating", re.IGNORECASE)
_KEPT = "what was read before is kept, and the next sync goes on there"
# What a new connection, later, may mend: class 08, and these.
_PASSING = frozenset(
    {"25006", "25P03", "25P04", "40001", "40P01", "53300", "57P01", "57P02", "57P03", "57P05", "58030", "XX000"}
)
_ABSENT = {"42P01": "a table", "42703": "a column", "3F000": "a schema", "42704": "something", "42883": "a function"}


def first_line(text: str) -> str:
    """Return what a driver's message says, without its levels, details and the statement: those may hold data."""
    text = _LEVEL.split(text, maxsplit=1)[-1].strip()
    return (text.splitlines() or [""])[0].strip().rstrip(".") or "no reason given"


def explained(state: str, message: str, where: str) -> Trouble:
    """Return what an error with this SQLSTATE ("": none) means."""
    text = first_line(message)
    if state.startswith("28") or (not state and _REFUSED.search(message) and not _STARTING.search(message)):
        hint = "check user, password and the server's list of who may connect from where"
        return Trouble(ConfigError(f"the database refuses to let in: {text}", where=where, hint=hint))
    if state == "3D000" or (not state and _UNKNOWN.search(message)):
        return Trouble(ConfigError(f"there is no such database: {text}", where=where, hint="check the database's name"))
    if state == ENCRYPTION or (state[:2] in {"", "08"} and _ENCRYPTION.search(message)):
        hint = "check what the address says of encryption, and the certificate of the server"
        return Trouble(ConfigError(f"there is no encrypted connection: {text}", where=where, hint=hint))
    if state in _ABSENT:
        hint = f"compare the names in sync.py with the database; {_KEPT}"
        return Trouble(SourceError(f"the database lacks {_ABSENT[state]}: {text}", where=where, hint=hint))
    if state == "42501":
        hint = (
            "grant the user SELECT on it, and USAGE on its schema, name the columns= that it may read, or leave it out"
        )
        return Trouble(SourceError(f"the user may not read this: {text}", where=where, hint=hint))
    if state == "55P03":
        hint = f"something holds a lock: run again later, or raise lock_timeout=; {_KEPT}"
        return Trouble(SourceError(f"waited too long for a lock: {text}", where=where, hint=hint), passing=True)
    if state == "57014":
        hint = (
            f"raise statement_timeout=, read with snapshot=False in smaller chunks, or index what is asked for; {_KEPT}"
        )
        return Trouble(SourceError(f"the server stopped the statement: {text}", where=where, hint=hint))
    if not state or state in _PASSING or state.startswith("08"):
        hint = f"check host, port and that the server runs, then run again; {_KEPT}"
        return Trouble(TransportError(f"the database does not answer: {text}", where=where, hint=hint), passing=True)
    hint = f"see the message of the database (SQLSTATE {state}); {_KEPT}"
    return Trouble(SourceError(f"the database failed: {text}", where=where, hint=hint))
