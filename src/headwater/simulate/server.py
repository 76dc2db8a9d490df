"""The loopback server: real HTTP/1.1 with keep-alive in threads, and the socket-level faults no framework offers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from headwater.errors import SimulatorError
from headwater.simulate.conditions import Conditions
from headwater.simulate.course import Course
from headwater.simulate.listener import Listener, abort, held
from headwater.simulate.message import Reply, Request, reason
from headwater.simulate.traffic import SILENT, Outcome, Traffic
from headwater_runtime.clock import Clock, SystemClock

if TYPE_CHECKING:
    from typing_extensions import Self

    from headwater.simulate.request_log import Exchange
    from headwater.simulate.simulation import Simulation

__all__ = ["Server", "serve"]

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
    return Server(Course(simulation, clock or SystemClock(), conditions or Conditions()), port, hold)


class Server:
    """A running vendor. A context manager; closing it ends every connection and held reply at once."""

    def __init__(self, course: Course, port: int, hold: float) -> None:
        self._course = course
        listen = course.simulation.listen or HttpListener
        course.simulation.begin()
        try:
            self._listener = listen(port, course, hold)
        except (OSError, OverflowError) as error:
            course.simulation.end()
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
        return self._listener.url

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    @property
    def log(self) -> tuple[Exchange, ...]:
        """The requests since the last reset, in order of arrival."""
        return self._course.log

    @property
    def busiest(self) -> int:
        """The most requests that were under way at the same time since the last reset."""
        return self._course.busiest

    def reset(self, conditions: Conditions | None = None) -> None:
        """Begin again at request 1 under `conditions` (default: fair weather). The vendor's data stays as it is."""
        self._course.reset(conditions or Conditions())

    def close(self) -> None:
        """Stop. SimulatorError if a route of the vendor raised while it was served."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
            self._listener.server_close()
            self._course.simulation.end()
        if self._course.failures:
            first = self._course.failures[0]
            self._course.failures.clear()
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


class HttpListener(Listener):
    """Serves a simulation's routes over HTTP."""

    def __init__(self, port: int, course: Course, hold: float) -> None:
        self.traffic = Traffic(course)
        super().__init__(port, _Connection, hold)


class _Connection(BaseHTTPRequestHandler):
    """One kept-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpListener

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
        elif kind in SILENT:
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
                self.server.traffic.failed(error)
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
        held(self.connection, self.server)

    def _reset(self) -> None:
        self.close_connection = True
        abort(self.connection)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the standard library's)
        """Write nothing to stderr: the log is data."""


def _head(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {reason(reply.status)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if "Content-Length" not in reply.headers:
        lines.append("Transfer-Encoding: chunked" if reply.chunks else f"Content-Length: {len(reply.body)}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")
