"""When to try again, and for how long to wait."""

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ConfigError, Retry
from headwater_runtime.retry import retry_after, seconds_until
from headwater_runtime.transport import Response

NOW = datetime(2025, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("7s", 7),
        (" 0.5 ", 0.5),
        ("-3", 0),
        ("Wed, 01 Jan 2025 00:00:09 GMT", 9),
        ("Tue, 31 Dec 2024 00:00:00 GMT", 0),
        ("2025-01-01T00:00:09Z", 9),
        ("2025-01-01T01:00:09+01:00", 9),
        ("2025-01-01 00:00:09", 9),
        ("2025-01-01T00:00:09.5Z", 9.5),
        ("2025-01-01T00:00:09.1234567+0000", 9.123456),
        ("2025-01-01T02:00:09.25+02", 9.25),
        ("1735689609", 9),
        ("1735689609.5", 9.5),
        ("1735689609000", 9),
        ("1600000000", 0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("Wed, 99 Jan 2025 00:00:09 GMT", None),
    ],
)
def test_every_spelling_of_a_wait(text, seconds):
    assert seconds_until(text, NOW) == seconds
    assert retry_after(Response(429, {"retry-after": text}), NOW) == seconds


@given(st.text(max_size=40))
def test_no_text_is_too_odd(text):
    assert (seconds_until(text, NOW) or 0) >= 0


@given(st.integers(0, 10**6))
def test_date_epoch_and_seconds_say_the_same(seconds):
    moment = NOW + timedelta(seconds=seconds)
    spellings = [str(seconds), format_datetime(moment, usegmt=True), moment.isoformat(), str(int(moment.timestamp()))]
    assert {seconds_until(text, NOW) for text in [*spellings, spellings[-1] + "000"]} == {seconds}


@given(st.integers(1, 5000), st.floats(0, 1, exclude_max=True))
def test_backoff_stays_between_half_and_the_whole_of_its_step(failures, drawn):
    step = min(60.0, 2.0 ** min(failures - 1, 10))
    assert step / 2 <= Retry(draw=lambda: drawn).wait(failures, None, NOW) <= step


def test_a_source_is_not_waited_for_beyond_patience():
    assert Retry(patience=100).wait(1, Response(429, {"retry-after": "1e9"}), NOW) == 100


def test_more_statuses_can_be_named():
    retry = Retry(also=(520,))
    assert retry.repeats(520)
    assert retry.repeats(503)
    assert not retry.repeats(501)
    assert not Retry(statuses=frozenset({429})).repeats(503)


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"breaker": 0}])
def test_a_retry_that_tries_nothing_is_refused(wrong):
    with pytest.raises(ConfigError, match="may not be tried once"):
        Retry(**wrong)
