"""What happens during a sync, told as it happens; and the capture of what a connector prints."""

from __future__ import annotations

import io
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

from fivetran_connector_sdk_common import constants
from fivetran_connector_sdk_common.logger import Logging

__all__ = ["Event", "Listener", "captured", "read_line"]


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    "log": `level` and `message` of a line the connector (or the SDK) logged or printed; a printed line has level "PRINT".
    "checkpoint": rows are committed and the state is saved; `data` holds `state` and the `operations` so far.
    "warning": the connector called the SDK's `warning`.
    """

    kind: Literal["log", "checkpoint", "warning"]
    message: str
    level: str = "INFO"
    data: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]

_LINE = re.compile(
    r"\d\d:\d\d:\d\d\.\d{3} (?P<level>DEBUG|FINE|INFO|WARNING|ERROR|SEVERE|CRITICAL)\s+⚡ (?:connector|sdk|debugger)\s+"
    r"(?P<message>.*)",
    re.DOTALL,
)
_CONTINUED = " " * 20  # the SDK indents the further lines of one message under its text


@contextmanager
def captured(listener: Listener, level: Logging.Level = Logging.Level.DEBUG) -> Iterator[Listener]:
    """Turn what is printed, to standard output or error and by any thread, into events line by line; then all is as before.

    Gives the listener to tell other events to: what the listener itself prints goes to the streams of before.
    """
    told = _Told(listener)
    before = sys.stdout, sys.stderr, constants.DEBUGGING, Logging.LOG_LEVEL
    lines = _Lines(told, "stdout", sys.stdout), _Lines(told, "stderr", sys.stderr)
    (sys.stdout, sys.stderr), constants.DEBUGGING, Logging.LOG_LEVEL = lines, True, level
    try:
        yield told.report
    finally:
        sys.stdout, sys.stderr, constants.DEBUGGING, Logging.LOG_LEVEL = before
        for stream in lines:
            stream.finish()


def read_line(line: str) -> Event | None:
    """Return the event of one printed line, None if it is blank."""
    found = _LINE.fullmatch(line)
    if found:
        return Event("log", found["message"], found["level"])
    if not line.strip():
        return None
    return Event("log", line.strip() if line.startswith(_CONTINUED) else line, "PRINT")


class _Told:
    """The listener, and which threads are in it right now."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._telling: set[int] = set()
        self.lock = threading.RLock()

    @property
    def is_telling(self) -> bool:
        """Whether this thread is within the listener."""
        return threading.get_ident() in self._telling

    def report(self, event: Event) -> None:
        """Give `event` to the listener."""
        with self.lock:
            thread = threading.get_ident()
            nested = thread in self._telling
            self._telling.add(thread)
            try:
                self._listener(event)
            finally:
                if not nested:
                    self._telling.discard(thread)


class _Lines(io.TextIOBase):
    """A text stream that passes on whole lines, each thread's own. `name` is that of the stream it stands in for."""

    def __init__(self, told: _Told, name: Literal["stdout", "stderr"], outside: TextIO) -> None:
        self._told = told
        self._name = name
        self._outside = outside
        self._unfinished: dict[int, str] = {}
        self._finished = False

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Take text; what comes from within the listener is not for the listener."""
        if self._finished:  # a log handler made at import keeps its stream; what it writes belongs to the one of today
            current: Any = getattr(sys, self._name)
            stream: TextIO = self._outside if current is self else current
            return stream.write(text)
        with self._told.lock:
            if self._told.is_telling:
                return self._outside.write(text)
            thread = threading.get_ident()
            *lines, rest = (self._unfinished.pop(thread, "") + text).split("\n")
            if rest:
                self._unfinished[thread] = rest
            for line in lines:
                self._pass_on(line)
        return len(text)

    def finish(self) -> None:
        """Pass on what never got its newline, and take no more."""
        with self._told.lock:
            for line in self._unfinished.values():
                self._pass_on(line)
            self._unfinished.clear()
            self._finished = True

    def _pass_on(self, line: str) -> None:
        event = read_line(line)
        if event is not None:
            self._told.report(event)
