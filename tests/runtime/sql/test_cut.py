"""The line to MariaDB is cut after any number of bytes, once or for good: in the end every row is there, as it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from headwater_runtime import FullRefresh, Retry, Stream, Table, TransientError, Watermark
from headwater_runtime.sql import InRanges
from tests.runtime.conftest import Kept

from .conftest import Place, records, synced

T = Table("t", key=("a", "b"))
ROWS, STEP = 90, 6_000
CURSORS = {
    "full": lambda: FullRefresh(delete_vanished=True),
    "by key": lambda: Watermark("changed"),
    "by time": lambda: Watermark("changed", order="ascending"),
    "in ranges": lambda: InRanges(Watermark("changed"), rows=40),
}


class Cut:
    """A port that leads to the server until `left` bytes have come from there; then every line ends, and new ones if `down`."""

    def __init__(self, target: int) -> None:
        self._target, self._guard = target, threading.Lock()
        self._lines: list[socket.socket] = []
        self.left, self.down, self.passed = 0, False, 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def after(self, count: int, *, down: bool) -> None:
        """Cut after so many bytes from now on."""
        self.left, self.down, self.passed = count, down, 0

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._end()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:  # closed
                return
            if self.left <= 0 and self.down:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            with self._guard:
                self._lines += [near, far]
            threading.Thread(target=self._lead, args=(near, far), daemon=True).start()
            threading.Thread(target=self._lead, args=(far, near), kwargs={"counts": True}, daemon=True).start()

    def _lead(self, source: socket.socket, target: socket.socket, *, counts: bool = False) -> None:
        with suppress(OSError):
            while data := source.recv(1_000):
                whole = len(data)
                if counts:
                    with self._guard:
                        before, self.left = self.left, self.left - whole
                        self.passed += whole
                    if before > 0 >= self.left:
                        target.sendall(data[:before])
                        self._end()
                        return
                target.sendall(data)
        self._shut(source, target)

    def _end(self) -> None:
        with self._guard:
            lines, self._lines = self._lines, []
        self._shut(*lines)

    @staticmethod
    def _shut(*lines: socket.socket) -> None:
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()


@contextmanager
def line_to(place: Place) -> Iterator[Cut]:
    """Lead the place's address through a line that can be cut."""
    cut = Cut(place.server.port)
    place.url = place.url.replace(f":{place.server.port}/", f":{cut.port}/")
    try:
        yield cut
    finally:
        for database in place.opened:
            database.close()
        place.opened.clear()
        cut.close()


def landed(*syncs: Kept) -> dict:
    """Return what a destination holds after these syncs."""
    rows: dict = {}
    for operation, (_, row) in (one for emit in syncs for one in emit.operations if one[0] in {"upsert", "delete"}):
        key = row["a"], row["b"]
        rows.pop(key, None)
        if operation == "upsert":
            rows[key] = row
    return rows


class Landing(Kept):
    """Tells deletes from upserts."""

    def delete(self, table, keys):
        self.operations += [("delete", (table.name, dict(key))) for key in keys]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("cursor", CURSORS.values(), ids=CURSORS)
def test_wherever_the_line_is_cut_every_row_lands_as_it_is(mariadb, cursor):
    columns = "a varchar(9), b int, n decimal(40,3), x text, y varbinary(9), changed date, PRIMARY KEY (a, b)"
    mariadb.execute(f"CREATE TABLE t ({columns})")
    text = "é'\\☃" * 40
    rows = [(f"k{n % 7}", n, f"{n}.125", f"{text}{n}", bytes([n]), f"2024-01-{1 + n % 9:02}") for n in range(ROWS)]
    mariadb.fill("t", rows)
    truth = {(row["a"], row["b"]): row for row in records(mariadb.table("t"))}
    assert len(truth) == ROWS

    def streams(client):
        going = cursor()
        since = None if isinstance(going, FullRefresh) else "changed"
        rows = client.table("t", schema=mariadb.schema, since=since, chunk=11)
        return [Stream(rows, {T: dict}, going, checkpoint_rows=1)]

    def read(state=None):
        emit, error = Landing(), None
        database = mariadb.database(retry=Retry(attempts=2, draw=lambda: 1.0))
        try:
            synced(database, streams, state, emit=emit)
        except TransientError as told:
            error = told
        return emit, error

    with line_to(mariadb) as cut:
        cut.after(1 << 40, down=False)
        assert landed(read()[0]) == truth
        whole, ended = cut.passed, 0
        for at in range(1, whole, STEP):
            cut.after(at, down=False)
            once, error = read()
            assert (error, landed(once)) == (None, truth), at
            cut.after(at, down=True)
            first, error = read()
            ended += error is not None
            cut.after(1 << 40, down=False)
            second, error = read(first.states[-1] if first.states else None)
            assert (error, landed(first, second)) == (None, truth), at
        assert ended >= whole // STEP - 2  # the last bytes are of lines that have nothing more to say
