"""Listener: a loopback socket that serves each connection in a thread of its own and can be closed at once."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from socketserver import BaseRequestHandler, TCPServer, ThreadingMixIn
from threading import Lock, Thread

__all__ = ["ABORT", "Accepted", "Listener", "abort", "held"]

Accepted = socket.socket | tuple[bytes, socket.socket]
ABORT = struct.pack("ii", 1, 0)  # linger 0: close sends RST instead of FIN


class Listener(ThreadingMixIn, TCPServer):
    """Accepts connections, and knows them all so that closing need not wait for idle clients.

    `hold` is how many real seconds a request is held that gets no answer; `stopped` becomes readable when the server closes.
    """

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False  # `server_close` joins by closing the connections and waiting itself
    scheme = "http"

    def __init__(self, port: int, handler: type[BaseRequestHandler], hold: float) -> None:
        self.hold = hold
        self._open: set[Accepted] = set()
        self._serving: set[Thread] = set()
        self._guard = Lock()
        self._stop, self.stopped = socket.socketpair()
        try:
            super().__init__(("127.0.0.1", port), handler)
        except BaseException:
            self._stop.close()
            self.stopped.close()
            raise

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self.server_address[1]
        return port

    @property
    def url(self) -> str:
        """Its address, without a trailing slash."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def process_request(self, request: Accepted, client_address: object) -> None:
        """Serve a new connection in a thread."""
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._guard:
            self._serving = {one for one in self._serving if one.is_alive()} | {thread}
            self._open.add(request)
            thread.start()

    def shutdown_request(self, request: Accepted) -> None:
        """Forget a connection that was served, and end it."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End every connection there is; new ones are welcome."""
        with self._guard:
            for connection in self._open:
                if isinstance(connection, socket.socket):  # always, for TCP; the pair is a UDP server's
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)

    def server_close(self) -> None:
        """Stop listening, end every connection, and wait for their threads."""
        super().server_close()
        self._stop.close()  # held replies see the other end become readable
        self.hang_up()
        with self._guard:
            serving = set(self._serving)
        for thread in serving:
            thread.join()
        self.stopped.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up in the middle is part of the play; bugs are in the course's `failures`."""


def abort(connection: socket.socket) -> None:
    """Reset a connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    os.close(connection.detach())  # a plain close() waits for what else holds the socket, and would then send FIN


def held(connection: socket.socket, listener: Listener) -> None:
    """Wait until the client gives up or says something else, the server closes, or `hold` passed."""
    select.select([connection, listener.stopped], [], [], listener.hold)
