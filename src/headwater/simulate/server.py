"""The loopback server: real HTTP/1.1 with keep-alive in threads, and the socket-level faults no framework offers."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from headwater.errors import SimulatorError
from headwater.simulate.message import Reply, Request, reason
from headwater.simulate.traffic import Conditions, Outcome, Traffic
from headwater_runtime.clock import Clock, SystemClock

if TYPE_CHECKING:
    from typing_extensions import Self

    from headwater.simulate.request_log import Exchange
    from headwater.simulate.simulation import Simulation

__all__ = ["Server", "serve"]

Accepted = socket.socket | tuple[bytes, socket.socket]
ABORT = struct.pack("ii", 1, 0)  # linger 0: close sends RST instead of FIN
POLL = 0.02  # seconds between looks at the stop flag; closing a server waits for one


def serve(
    simulation: Simulation,
    port: int = 0,
    *,
    conditions: Conditions | None = None,
    clock: Clock | None = None,
    hold: float = 30.0,
) -> Server:
    """Serve `simulation` on 127.0.0.1 until closed; port 0 takes a free one.

    A time-out fault holds its reply until the client gives up, the server closes, or `hold` real seconds passed.
    """
    traffic = Traffic(simulation, clock or SystemClock(), conditions or Conditions())
    return Server(traffic, port, hold)


class Server:
    """A running vendor. A context manager; closing it ends every connection and held reply at once."""

    def __init__(self, traffic: Traffic, port: int, hold: float) -> None:
        self._traffic = traffic
        try:
            self._listener = _Listener(port, traffic, hold)
        except (OSError, OverflowError) as error:
            raise SimulatorError(
                f"Port {port} cannot be served: {error}",
                where="127.0.0.1",
                hint="Choose another port, or 0 for a free one.",
            ) from error
        self._thread = Thread(target=self._listener.serve_forever, args=(POLL,), name="simulator", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base URL, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._listener.server_address[1]
        return port

    @property
    def log(self) -> tuple[Exchange, ...]:
        """The requests since the last reset, in order of arrival."""
        return self._traffic.log

    @property
    def busiest(self) -> int:
        """The most requests that were under way at the same time since the last reset."""
        return self._traffic.busiest

    def reset(self, conditions: Conditions | None = None) -> None:
        """Begin again at request 1 under `conditions` (default: fair weather). The vendor's data stays as it is."""
        self._traffic.reset(conditions or Conditions())

    def close(self) -> None:
        """Stop. SimulatorError if a route of the vendor raised while it was served."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
            self._listener.server_close()
        if self._traffic.failures:
            first = self._traffic.failures[0]
            self._traffic.failures.clear()
            raise SimulatorError(
                f"A route of the simulator raised {type(first).__name__}: {first}",
                where=self.url,
                hint="Mend the simulator: a vendor's bad day is a fault, not an exception.",
            ) from first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(SimulatorError) if error else contextlib.nullcontext():
            self.close()  # an error that is already on its way must not be hidden by ours


class _Listener(ThreadingMixIn, TCPServer):
    """Accepts connections, and knows them all so that closing need not wait for idle clients."""

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False  # `server_close` joins by closing the connections and waiting itself

    def __init__(self, port: int, traffic: Traffic, hold: float) -> None:
        self.traffic = traffic
        self.hold = hold
        self._open: set[Accepted] = set()
        self._serving: set[Thread] = set()
        self._guard = Lock()
        self._stop, self.stopped = socket.socketpair()
        try:
            super().__init__(("127.0.0.1", port), _Connection)
        except BaseException:
            self._stop.close()
            self.stopped.close()
            raise

    def process_request(self, request: Accepted, client_address: object) -> None:
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._guard:
            self._serving = {one for one in self._serving if one.is_alive()} | {thread}
            self._open.add(request)
            thread.start()

    def shutdown_request(self, request: Accepted) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        self._stop.close()  # held replies see the other end become readable
        with self._guard:
            for connection in self._open:
                if isinstance(connection, socket.socket):  # always, for TCP; the pair is a UDP server's
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
            serving = set(self._serving)
        for thread in serving:
            thread.join()
        self.stopped.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up in the middle is part of the play; routes' errors are in `failures`."""


class _Connection(BaseHTTPRequestHandler):
    """One kept-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        # BaseHTTPRequestHandler looks up do_<METHOD>; every method goes one way here.
        setattr(self, f"do_{self.command}", self._serve)
        return True

    def _serve(self) -> None:
        split = urlsplit(self.path)
        length = self._length()
        if length is None:
            self.close_connection = True  # where its body ends, and the next request begins, is unknown
            self._send(Outcome(Reply.error(411, "Send the body with a Content-Length.")))
            return
        request = Request(
            method=self.command,
            path=split.path,
            params=dict(parse_qsl(split.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        outcome = self.server.traffic.answer(request)
        kind = outcome.fault.kind if outcome.fault else None
        if kind == "timeout":
            self._hold()
        elif kind == "reset":
            self._reset()
        else:
            self._send(outcome)

    def _length(self) -> int | None:
        text = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not (text.isascii() and text.isdigit()):
            return None
        return int(text)

    def _send(self, outcome: Outcome) -> None:
        cut = outcome.fault is not None and outcome.fault.kind == "cut_body"
        if outcome.reply.chunks and self.command != "HEAD":
            try:
                self._stream(outcome.reply, outcome.reply.chunks(), cut=cut)
            except OSError:
                raise  # the client hung up
            except Exception as error:  # noqa: BLE001  (as for a route: a bug in a vendor must reach the test)
                self.server.traffic.failures.append(error)
                self.close_connection = True
            return
        data = _head(outcome.reply)
        if self.command != "HEAD":
            body = outcome.reply.body
            data += body[: len(body) // 2] if cut else body
            self.close_connection = self.close_connection or cut
        self.wfile.write(data)

    def _stream(self, reply: Reply, chunks: Iterator[bytes], *, cut: bool) -> None:
        """Send the body as it is made; `cut` stops after its first chunk, without the end that chunks have."""
        self.wfile.write(_head(reply))
        told = "Content-Length" in reply.headers
        for chunk in chunks:
            if chunk:
                self.wfile.write(chunk if told else b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if cut:
                self.close_connection = True
                return
        if not told:
            self.wfile.write(b"0\r\n\r\n")

    def _hold(self) -> None:
        self.close_connection = True
        select.select([self.connection, self.server.stopped], [], [], self.server.hold)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        os.close(self.connection.detach())  # a plain close() waits for rfile, and would then send FIN

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the standard library's)
        """Write nothing to stderr: the log is data."""


def _head(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {reason(reply.status)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if "Content-Length" not in reply.headers:
        lines.append("Transfer-Encoding: chunked" if reply.chunks else f"Content-Length: {len(reply.body)}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")
