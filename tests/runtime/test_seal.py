"""A sealed text can be read and changed by nobody without the secrets."""

import base64
import hashlib
import hmac
import json

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


def test_a_seal_of_every_version_opens_for_ever():
    """These are in the states of connections: one that does not open any more needs new consent at the vendor."""
    assert opened("v1.8LjusDHDYTYEw8bAtOyukg.zsc00DC95kyu-YDkQHl2Hhaz", SECRETS) == "refresh-token-0001"


def block(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


@given(st.text(max_size=100))
def test_it_is_what_its_docstring_says(text):
    """HKDF and a synthetic IV once more, from the two RFCs."""
    plain = text.encode()
    pseudorandom = block(b"headwater seal v1", json.dumps(list(SECRETS)).encode())  # extract: the salt is the key
    authentic = block(pseudorandom, b"", b"keys", b"\x01")
    hiding = block(pseudorandom, authentic, b"keys", b"\x02")
    iv = block(authentic, plain)[:16]
    stream = b"".join(block(hiding, iv, number.to_bytes(8, "big")) for number in range(len(plain) // 32 + 1))
    hidden = bytes(one ^ other for one, other in zip(plain, stream, strict=False))
    parts = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (iv, hidden))
    assert sealed(text, SECRETS) == ".".join(("v1", *parts))


def test_a_seal_tells_the_length_and_nothing_else_of_a_text():
    assert len({len(sealed(letter * 40, SECRETS)) for letter in "abc"}) == 1
    assert len(sealed("a" * 42, SECRETS)) > len(sealed("a" * 40, SECRETS))


def test_the_parts_of_two_seals_do_not_make_a_third():
    one, other = (sealed(text, SECRETS).split(".") for text in ("refresh-token-1", "refresh-token-2"))
    assert opened(".".join((one[0], one[1], other[2])), SECRETS) == ""
    assert opened(".".join((one[0], one[1], one[2][:8])), SECRETS) == ""
    assert opened(".".join((one[0], one[1][:11], one[2])), SECRETS) == ""


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
