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
    """Turn what is printed, by any thread, into events line by line. Standard output is as before afterwards.

    Gives the listener to tell other events to: what the listener itself prints goes to the standard output of before.
    """
    lines = _Lines(listener, sys.stdout)
    before = sys.stdout, constants.DEBUGGING, Logging.LOG_LEVEL
    sys.stdout, constants.DEBUGGING, Logging.LOG_LEVEL = lines, True, level
    try:
        yield lines.report
    finally:
        sys.stdout, constants.DEBUGGING, Logging.LOG_LEVEL = before
        lines.finish()


def read_line(line: str) -> Event | None:
    """Return the event of one printed line, None if it is blank."""
    found = _LINE.fullmatch(line)
    if found:
        return Event("log", found["message"], found["level"])
    if not line.strip():
        return None
    return Event("log", line.strip() if line.startswith(_CONTINUED) else line, "PRINT")


class _Lines(io.TextIOBase):
    """A text stream that passes on whole lines, each thread's own."""

    def __init__(self, listener: Listener, outside: TextIO) -> None:
        self._listener = listener
        self._outside = outside
        self._unfinished: dict[int, str] = {}
        self._telling: set[int] = set()
        self._lock = threading.RLock()

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Take text; what comes from within the listener is not for the listener."""
        with self._lock:
            thread = threading.get_ident()
            if thread in self._telling:
                return self._outside.write(text)
            *lines, rest = (self._unfinished.pop(thread, "") + text).split("\n")
            if rest:
                self._unfinished[thread] = rest
            for line in lines:
                self._pass_on(line)
        return len(text)

    def report(self, event: Event) -> None:
        """Give `event` to the listener."""
        with self._lock:
            thread = threading.get_ident()
            nested = thread in self._telling
            self._telling.add(thread)
            try:
                self._listener(event)
            finally:
                if not nested:
                    self._telling.discard(thread)

    def finish(self) -> None:
        """Pass on what never got its newline."""
        with self._lock:
            for line in self._unfinished.values():
                self._pass_on(line)
            self._unfinished.clear()

    def _pass_on(self, line: str) -> None:
        event = read_line(line)
        if event is not None:
            self.report(event)
