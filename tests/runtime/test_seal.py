"""A sealed text can be read and changed by nobody without the secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime.seal import opened, sealed

SECRETS = ("client secret", "first refresh token")


@given(st.text(max_size=300), st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_what_is_sealed_opens_under_the_same_secrets(text, secrets):
    assert opened(sealed(text, secrets), secrets) == text


@given(st.text(min_size=1), st.text(), st.text())
def test_it_does_not_open_under_others(text, one, other):
    if one != other:
        assert opened(sealed(text, (one, "b")), (other, "b")) == ""


def test_which_secret_is_which_matters():
    assert opened(sealed("token", ("a", "bc")), ("ab", "c")) == ""


def test_a_changed_seal_does_not_open_whatever_was_changed():
    seal = sealed("a refresh token of usual length 0123456789", SECRETS)
    for at, letter in enumerate(seal):
        changed = seal[:at] + ("A" if letter != "A" else "B") + seal[at + 1 :]
        found = opened(changed, SECRETS)
        assert found in {"", opened(seal, SECRETS)}  # the last letter of base64 has bits that mean nothing
        assert found == "" or at in {seal.index(".", 3) - 1, len(seal) - 1}


@pytest.mark.parametrize("seal", ["", "v1", "v1.", "v1..", "v1.a.b.c", "v2.AAAA.AAAA", "v1.\x00.ü", "no seal at all"])
def test_what_is_no_seal_does_not_open(seal):
    assert opened(seal, SECRETS) == ""


def test_a_seal_is_a_short_text_that_shows_nothing_and_is_the_same_every_time():
    seal = sealed("refresh-token-0001" * 10, SECRETS)
    assert "refresh" not in seal
    assert seal == sealed("refresh-token-0001" * 10, SECRETS)
    assert seal.isascii()
    assert len(seal) < 2 * 180


def test_texts_of_one_beginning_share_nothing():
    one, other = (sealed("refresh-token-" + end, SECRETS).split(".")[2] for end in ("1", "2"))
    assert one[:8] != other[:8]
