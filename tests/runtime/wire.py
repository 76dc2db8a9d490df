"""A server that writes bytes as it is told, right or wrong: what no HTTP framework lets one do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from socketserver import StreamRequestHandler, ThreadingTCPServer

Script = Callable[[str, dict[str, str]], Iterable[bytes]]


def head(*headers: str, status: int = 200) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} OK", *headers, "Connection: close", "", ""]).encode()


def sized(body: bytes, *headers: str, status: int = 200) -> list[bytes]:
    return [head(f"Content-Length: {len(body)}", *headers, status=status), body]


def chunked(pieces: Iterable[bytes], *headers: str) -> Iterator[bytes]:
    yield head("Transfer-Encoding: chunked", *headers)
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


@contextlib.contextmanager
def wire(script: Script) -> Iterator[str]:
    """Serve `script`, which makes the raw answer to a path and its headers; yields the address."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            path = self.rfile.readline().split(b" ")[1].decode()
            lines = iter(lambda: self.rfile.readline().strip().decode(), "")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            with contextlib.suppress(OSError):  # a client that hangs up is among the things under test
                for piece in script(path, headers):
                    self.wfile.write(piece)
                self.connection.shutdown(socket.SHUT_WR)

    class Server(ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
