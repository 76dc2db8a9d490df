"""What is printed becomes events: from either stream, any thread, and whatever kept a stream from before."""

# ruff: noqa: T201  (what is printed is what is tested)

from __future__ import annotations

import logging
import sys
import threading

import pytest

from headwater.engine import captured


@pytest.fixture
def heard():
    return []


@pytest.fixture
def listener(heard):
    return lambda event: heard.append((event.level, event.message))


def test_both_streams_are_told_line_by_line(heard, listener, capsys):
    with captured(listener):
        print("one\ntw", end="")
        print("three", file=sys.stderr)
        print("o")
    assert heard == [("PRINT", "one"), ("PRINT", "three"), ("PRINT", "two")]
    assert capsys.readouterr() == ("", "")


def test_what_the_listener_prints_goes_outside_from_either_stream(capsys):
    def echo(event):
        print("out", event.message)
        print("err", event.message, file=sys.stderr)

    with captured(echo):
        print("a")
        print("b", file=sys.stderr)
    assert capsys.readouterr() == ("out a\nout b\n", "err a\nerr b\n")


def test_a_thread_that_fails_is_heard(heard, listener):
    with captured(listener):
        thread = threading.Thread(target=int, args=("x",))
        threading.excepthook, before = threading.__excepthook__, threading.excepthook
        try:
            thread.start()
            thread.join()
        finally:
            threading.excepthook = before
    assert heard[-1] == ("PRINT", "ValueError: invalid literal for int() with base 10: 'x'")


def test_a_log_handler_made_within_writes_to_the_stream_of_the_moment(heard, listener, capsys):
    """A connector that sets up logging at import does so in one capture, and logs in the next, or after all of them."""
    with captured(lambda _: None):
        handler = logging.StreamHandler()
    record = logging.makeLogRecord({"msg": "said"})
    with captured(listener):
        handler.emit(record)
        kept = sys.stderr
    handler.emit(record)
    assert heard == [("PRINT", "said")]
    assert capsys.readouterr().err == "said\n"
    kept.write("late\n")
    assert capsys.readouterr().err == "late\n"


def test_streams_are_as_before_after_a_failure(listener):
    before = sys.stdout, sys.stderr
    with pytest.raises(ValueError, match="x"), captured(listener):
        raise ValueError("x")
    assert (sys.stdout, sys.stderr) == before
