"""A secret leaves in no form."""

import base64
import traceback
from urllib.parse import quote

from headwater_runtime import ContractError
from headwater_runtime.log import redacted, redactor

SECRET = "p@ss/w0rd&more"


def test_a_secret_is_masked_as_it_is_quoted_and_in_base64():
    redact = redactor([SECRET])
    for form in (SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()):
        assert redact(f"a {form} b") == "a *** b"


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
