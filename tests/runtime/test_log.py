"""A secret leaves in no form."""

import base64
import builtins
import json
import sys
import traceback
from urllib.parse import quote, quote_plus, urlencode

import pytest
import requests

from headwater_runtime import ContractError
from headwater_runtime.log import redacted, redactor

SECRET = "p@ss/w0rd&more"


def test_a_secret_is_masked_as_it_is_quoted_and_in_base64():
    redact = redactor([SECRET])
    for form in (SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()):
        assert redact(f"a {form} b") == "a *** b"


NASTY = 'p@ss/w0rd "+\\ é\t%20'


def basic(secret, user="someone"):
    return requests.Request("GET", "http://x.test", auth=(user, secret)).prepare().headers["Authorization"]


@pytest.mark.parametrize(
    "shown",
    [
        quote(NASTY),
        quote(NASTY, safe="").lower(),
        urlencode({"key": NASTY}),
        requests.Request("GET", "http://x.test/", params={"key": NASTY}).prepare().url,
        json.dumps({"key": NASTY}),
        json.dumps({"key": NASTY}, ensure_ascii=False),
        repr({"key": NASTY}),
        NASTY.encode().hex(),
        base64.urlsafe_b64encode(NASTY.encode()).decode().rstrip("="),
    ],
)
def test_no_spelling_of_a_secret_is_left(shown):
    masked = redactor([NASTY])(shown)
    assert "***" in masked
    assert not any(part in masked for part in ("w0rd", quote_plus("@"), NASTY.encode()[:5].hex()))


@pytest.mark.parametrize("user", ["", "a", "bc", "def", "someone"])
def test_a_password_is_masked_within_the_base64_of_basic_auth(user):
    masked = redactor([SECRET])(basic(SECRET, user))
    left = masked.removeprefix("Basic ").split("***")
    assert len(left) == 2
    assert len(left[1].rstrip("=")) <= 2, "what the last characters share with the end, not more"
    begun = base64.b64decode(left[0] + "A" * (-len(left[0]) % 4))
    assert not begun.startswith(f"{user}:{SECRET[:2]}".encode())


def test_each_line_of_a_private_key_is_masked():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----"
    assert [redactor([key])(line) for line in key.splitlines()] == ["***"] * 4


def test_a_secret_within_a_longer_one_does_not_uncover_the_rest():
    assert redactor(["abcd", "abcd-efgh"])("x abcd-efgh y") == "x *** y"


def test_short_values_do_not_eat_ordinary_words():
    assert redactor(["a", ""])("a banana") == "a banana"


def test_a_whole_chain_is_masked_in_place():
    redact = redactor([SECRET])
    try:
        try:
            try:
                raise OSError(5, f"url {SECRET}")
            except OSError as error:
                raise KeyError(SECRET) from error
        except KeyError as error:
            raise ContractError(f"failed with {SECRET}", where=SECRET, hint=SECRET) from error
    except ContractError as error:
        redacted(error, redact)
        assert SECRET not in "".join(traceback.format_exception(error))
        assert error.what == "failed with ***"


def test_an_exception_whose_text_cannot_be_changed_is_replaced():
    error = redacted(FileNotFoundError(2, f"no {SECRET}", SECRET), redactor([SECRET]))
    assert isinstance(error, RuntimeError)
    assert str(error) == "FileNotFoundError: [Errno 2] no ***: '***'"


def test_arguments_that_are_no_texts_are_masked_and_the_kind_of_exception_stays():
    error = redacted(ValueError({"key": [SECRET]}, (1, SECRET)), redactor([SECRET]))
    assert isinstance(error, ValueError)
    assert error.args == ({"key": ["***"]}, (1, "***"))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups and notes came with Python 3.11")
def test_groups_and_notes_are_masked():
    hidden = OSError(5, SECRET)
    hidden.add_note(f"at {SECRET}")
    error = redacted(builtins.ExceptionGroup(f"two {SECRET}", [ValueError(SECRET), hidden]), redactor([SECRET]))
    told = "".join(traceback.format_exception(error))
    assert SECRET not in told
    assert told.count("***") == 4


def test_an_exception_that_cannot_say_what_it_is_stays():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    error = MuteError(SECRET)
    assert redacted(error, redactor([SECRET])) is error
    assert error.args == ("***",)
