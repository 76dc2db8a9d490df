"""The source: a REST API on loopback, in a process of its own, as fast as possible so that it is not what is measured.

It speaks just enough HTTP over raw sockets: keep-alive, TCP_NODELAY, answers that wait ready in memory. Any path is the one endpoint;
`cursor` and `offset` (of a whole page) are the only parameters it looks at. With a latency each answer waits that long, those of several
connections side by side. It prints its port and serves until its standard input is closed.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from benchmarks.records import CYCLE, FIELD, pool_size, write_pool

__all__ = ["Pages", "served"]

PLACE = re.compile(rb"[?&](?:cursor=p|(offset)=)(\d+)")
FIRST = (CYCLE % 0).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Pages:
    """The answers to every request. `pool` is what `write_pool` wrote, cut to whole pages."""

    def __init__(self, pool: Sequence[bytes], records: int, page_size: int) -> None:
        self._records, self._size = records, page_size
        self._count = -(-records // page_size)
        self._pool = [b",".join(pool[start : start + page_size]) for start in range(0, len(pool), page_size)]
        self._last = b",".join(
            pool[(self._count - 1) * page_size % len(pool) :][: records - (self._count - 1) * page_size]
        )
        self._ready = [self._build(number) for number in range(min(self._count, len(self._pool)))]

    def answer(self, request: bytes) -> bytes:
        """Return the whole response to a request's head; a cursor past the end is refused."""
        found = PLACE.search(request.split(b"\r\n", 1)[0])
        number = int(found[2]) if found else 0
        if found and found[1]:
            number, within = divmod(number, self._size)
            number = self._count if within else number
        if number < len(self._ready):
            return self._ready[number]
        if number < self._count:
            return self._build(number)
        return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"

    def _build(self, number: int) -> bytes:
        cycle, place = divmod(number, len(self._pool))
        more = number + 1 < self._count
        records = self._pool[place] if more else self._last
        if cycle:
            records = records.replace(FIRST, (CYCLE % cycle).encode())
        following = b'"p%d"' % (number + 1) if more else b"null"
        told = (following, b"true" if more else b"false", self._records)
        start, end = b'{"%s":[' % FIELD.encode(), b'],"next_cursor":%s,"has_more":%s,"total":%d}' % told
        return b"".join((HEAD % (len(start) + len(records) + len(end)), start, records, end))


def _converse(connection: socket.socket, pages: Pages, latency: float) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    held = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in held:
                try:
                    arrived = connection.recv(65536)
                except ConnectionError:
                    return
                if not arrived:
                    return
                held += arrived
            request, _, held = held.partition(b"\r\n\r\n")
            if latency:
                time.sleep(latency)
            try:
                connection.sendall(pages.answer(request))
            except ConnectionError:
                return
            if b"connection: close" in request.lower():
                return


def _accept(listener: socket.socket, pages: Pages, latency: float) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_converse, args=(connection, pages, latency), daemon=True).start()


def main(pool: Path, records: int, page_size: int, latency: float) -> None:
    """Serve until the process that started this one closes the pipe or dies."""
    if not pool.exists():
        write_pool(pool, pool_size(records, page_size))
    pages = Pages(pool.read_bytes().splitlines(), records, page_size)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        threading.Thread(target=_accept, args=(listener, pages, latency), daemon=True).start()
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        sys.stdin.read()


@contextmanager
def served(folder: Path, records: int, page_size: int, latency: float = 0.0) -> Iterator[tuple[str, Path]]:
    """Serve `records` from a process of its own; give its address and the file that holds its pool."""
    pool = folder / f"pool-{pool_size(records, page_size)}.jsonl"
    command = [sys.executable, "-m", "benchmarks.server", str(pool), str(records), str(page_size), str(latency)]
    with Popen(command, cwd=Path(__file__).parents[1], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdin is not None  # noqa: S101  (asked for above)
        assert process.stdout is not None  # noqa: S101
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the benchmark's server did not start: {' '.join(command)}")
            yield f"http://127.0.0.1:{json.loads(line)['port']}", pool
        finally:
            process.stdin.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
