"""PostgresProxy: stands before a real PostgreSQL server, counts and logs what a client asks, and makes it go wrong.

One request is a connection, a simple query, or what an extended query sends up to its Sync: anything that asks for
something. Statements that only end what was (ROLLBACK, CLOSE) pass uncounted.
"""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from socketserver import BaseRequestHandler
from threading import Lock, Thread
from types import MappingProxyType

from headwater.simulate.course import Course
from headwater.simulate.fault import Fault, FaultKind
from headwater.simulate.listener import Listener, abort, held
from headwater.simulate.postgres_wire import (
    CANCEL,
    Incoming,
    Startup,
    asks,
    failure,
    masked,
    of_catalog,
    ready,
    rows_told,
    verb,
)
from headwater.simulate.request_log import Exchange

__all__ = ["POSTGRES_FAULTS", "PostgresProxy"]

POSTGRES_FAULTS: tuple[Fault, ...] = (
    Fault("reset"),
    Fault("refuse"),
    Fault("timeout"),
    Fault("cut_body"),
    Fault("restart"),
    Fault("error", code="57P01"),  # an administrator ends the session
    Fault("error", code="40001"),  # the transaction could not be serialised: again from its beginning
)
"""Every failure of a PostgreSQL server that asking again mends."""

TEXTS = {
    "57P01": "terminating connection due to administrator command",
    "57P03": "the database system is starting up",
    "53300": "sorry, too many clients already",
    "40001": "could not serialize access due to concurrent update",
}
FATAL = frozenset({"57P01", "57P03", "53300"})
REFUSED = 2  # connections that are refused after a restart or a refusal
PIECE = 1 << 16
HEAD = 5  # bytes before what a message holds: its kind and its length
CONNECT = "CONNECT"
SERVED, FAILED = 200, 500  # the log's statuses, in HTTP's numbers
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass
class _Asked:
    """A request whose answer is on its way. `exchange` is None for one that is not counted; `cut`: break the answer off."""

    exchange: Exchange | None = None
    cut: bool = False
    rows: int | None = None
    failed: bool = False


class PostgresProxy(Listener):
    """Listens before the server at `address`; its URL names `database`."""

    scheme = "postgresql"

    def __init__(self, port: int, course: Course, hold: float, address: tuple[str, int], database: str) -> None:
        self.course = course
        self.address = address
        self._database = database
        self._refused = 0, 0, ""  # in which round, how many more connections, with which error
        super().__init__(port, _Connection, hold)

    @property
    def url(self) -> str:
        """The database's address."""
        return f"{super().url}/{self._database}"

    def refuse(self, code: str) -> None:
        """Refuse the next connections."""
        self._refused = self.course.rounds, REFUSED, code

    def refusal(self) -> str:
        """Return the error with which a new connection is refused; empty if it is not."""
        rounds, left, code = self._refused
        if rounds != self.course.rounds or not left:
            return ""
        self._refused = rounds, left - 1, code
        return code


class _Connection(BaseRequestHandler):
    """One client's connection, and the one to the server that was made for it."""

    server: PostgresProxy
    request: socket.socket

    def handle(self) -> None:
        """Pass on what the client sends until one of the two ends it."""
        self._client = self.request
        self._incoming = Incoming(self._client)
        self._status = b"I"
        self._asked: deque[_Asked] = deque()
        self._guard = Lock()
        self._statements: dict[bytes, str] = {}
        self._portals: dict[bytes, bytes] = {}
        with contextlib.suppress(OSError):
            try:
                if (first := self._first()) is not None:
                    self._begin(first)
            except OSError:
                raise  # the client hung up, or the server did
            except Exception as error:  # noqa: BLE001  (a bug of this proxy must reach the test, not die in a thread)
                self.server.course.failures.append(error)

    def _first(self) -> Startup | None:
        while (startup := Startup.read(self._incoming)) is not None and startup.encrypts:
            self._client.sendall(b"N")
        return startup

    def _begin(self, startup: Startup) -> None:
        if startup.code == CANCEL:
            with socket.create_connection(self.server.address) as line:
                line.sendall(startup.packet)
            return
        asked = self._arrived(CONNECT, startup.database, connecting=True)
        if asked is None:
            return
        if code := self.server.refusal():
            self._fail(code)
            return
        with socket.create_connection(self.server.address) as self._line:
            self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._asked.append(asked)
            self._line.sendall(startup.packet)
            answering = Thread(target=self._answer, daemon=True)
            answering.start()
            try:
                self._pass_on()
            finally:
                with contextlib.suppress(OSError):
                    self._line.shutdown(socket.SHUT_RDWR)
                answering.join()

    # What the client sends ---------------------------------------------------------------------------------------------

    def _pass_on(self) -> None:
        group, statement, counts = [], "", False
        while (message := self._incoming.message()) is not None:
            kind, data = message
            group.append(data)
            if kind == b"Q":
                statement, counts = data[5:-1].decode("utf-8", "replace"), True
            elif kind in b"PBDE":
                statement, counts = self._meant(kind, data) or statement, True
            if kind in b"QSHF":
                if not self._ask(statement, b"".join(group), ends=kind != b"H", counts=counts):
                    return
                group, statement, counts = [], "", False
            elif kind in b"pdcfX":  # a password, data of a COPY, a farewell: parts of what was asked before
                self._line.sendall(b"".join(group))
                group = []

    def _meant(self, kind: bytes, data: bytes) -> str:
        """Return the statement that a message of an extended query is about, and remember what it is called."""
        names = data[5:].split(b"\0", 2)
        if kind == b"P":
            self._statements[names[0]] = names[1].decode("utf-8", "replace")
            return self._statements[names[0]]
        if kind == b"B":
            self._portals[names[0]] = names[1]
            return self._statements.get(names[1], "")
        if kind == b"E":
            return self._statements.get(self._portals.get(names[0], b""), "")
        return ""

    def _ask(self, statement: str, data: bytes, *, ends: bool, counts: bool) -> bool:
        """Send a request on, or do to it what its fault says. False: the connection has ended."""
        asked: _Asked | None = _Asked()
        if counts and asks(statement):
            asked = self._arrived(verb(statement), statement)
        if asked is None:
            return False
        if asked.failed:  # answered already
            return True
        if ends:
            self._asked.append(asked)
        self._line.sendall(data)
        return True

    # What goes wrong ---------------------------------------------------------------------------------------------------

    def _arrived(self, method: str, statement: str, *, connecting: bool = False) -> _Asked | None:
        """Have the request counted, and strike it. None: the connection has ended; `failed`: it was answered with an error."""
        exchange, fault = self.server.course.arrived(method, statement if connecting else masked(statement), NOTHING)
        if fault is None:
            return _Asked(exchange)
        if fault.kind == "cut_body":
            return _Asked(exchange, cut=True)
        if fault.kind == "echo":
            return self._error("42601", f"syntax error in: {statement}", fatal=connecting)
        if fault.kind == "error":
            code = "57P03" if connecting and fault.code not in FATAL else fault.code  # there is no transaction yet
            return self._error(code, TEXTS.get(code, "failed"), fatal=code in FATAL)
        ENDS.get(fault.kind, _Connection._reset)(self)
        return None

    def _error(self, code: str, text: str, *, fatal: bool) -> _Asked | None:
        if fatal:
            self._fail(code, text)
            return None
        self._status = b"I" if self._status == b"I" else b"E"
        self._client.sendall(failure(code, text, fatal=False) + ready(self._status))
        return _Asked(failed=True)

    def _fail(self, code: str, text: str = "") -> None:
        """End the connection with an error."""
        with self._guard:
            self._client.sendall(failure(code, text or TEXTS[code], fatal=True))

    def _reset(self) -> None:
        with self._guard:
            abort(self._client)

    def _hold(self) -> None:
        held(self._client, self.server)

    def _refuse(self) -> None:
        self.server.refuse("53300")
        self._reset()

    def _restart(self) -> None:
        self.server.refuse("57P03")
        self._fail("57P01")
        self.server.hang_up()

    # What the server answers -------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            try:
                self._relay()
            except OSError:
                raise  # one of the two hung up
            except Exception as error:  # noqa: BLE001  (as above)
                self.server.course.failures.append(error)
        with contextlib.suppress(OSError):  # whichever ended it, the client's side is over
            self._client.shutdown(socket.SHUT_RDWR)

    def _relay(self) -> None:
        """Pass the server's bytes on as they come, message by message, but for an answer that is to be cut."""
        kept = b""
        while part := self._line.recv(PIECE):
            kept += part
            first = self._asked[0] if self._asked else None
            whole = self._noted(kept)
            if first is not None and first.cut:
                ended = not self._asked or self._asked[0] is not first
                # To connect takes several rounds: what comes first is half of it. Of a long answer a piece is enough.
                if ended or len(kept) >= PIECE or (first.exchange is not None and first.exchange.method == CONNECT):
                    self._client.sendall(kept[: len(kept) // 2])
                    return
                continue
            with self._guard:
                self._client.sendall(kept[:whole])
            kept = kept[whole:]

    def _noted(self, data: bytes) -> int:
        """Look at each message that is whole, and return where they end."""
        at = 0
        while len(data) - at >= HEAD and len(data) - at > (size := int.from_bytes(data[at + 1 : at + HEAD], "big")):
            if (kind := data[at : at + 1]) in b"DdCEZ":
                self._note(kind, data[at : at + size + 1])
            at += size + 1
        return at

    def _note(self, kind: bytes, message: bytes) -> None:
        asked = self._asked[0] if self._asked else None
        if asked is None:
            return
        if kind == b"E":
            asked.failed = True
        elif kind in b"Dd":
            asked.rows = (asked.rows or 0) + 1
        elif kind == b"C":
            told = rows_told(message)
            asked.rows = asked.rows if told is None else told
        else:
            self._status = message[HEAD:]
            self._asked.popleft()
            if asked.exchange is not None:
                status = FAILED if asked.failed else SERVED
                page = None if asked.failed or of_catalog(asked.exchange.path) else asked.rows
                self.server.course.answered(asked.exchange, status, page)


ENDS: Mapping[FaultKind, Callable[[_Connection], None]] = {
    "timeout": _Connection._hold,  # noqa: SLF001  (the table of the class's own ways)
    "refuse": _Connection._refuse,  # noqa: SLF001
    "restart": _Connection._restart,  # noqa: SLF001
}
