"""Text in any encoding becomes UTF-8, in whatever pieces it comes; what does not decode stays visible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import ConfigError
from headwater_runtime.storage.encoding import Utf8, checked, encoding_of, without_mark
from headwater_runtime.storage.format import Feed, Sample

from .reading import Drops

LETTERS = {
    "utf-8": "aé€😀\n",
    "utf-16-le": "aé€😀\n",
    "utf-16-be": "aé€😀\n",
    "utf-32-le": "aé€😀\n",
    "cp1252": "aé€\n",
    "cp1251": "aж\n",
    "shift_jis": "aあ漢\n",
    "gb18030": "a汉😀\n",
}


def whole(data: bytes, encoding: str, sizes: list[int], size: int = 7) -> bytes:
    source, found = Utf8(Feed(Drops(data, sizes)), encoding), b""
    while taken := source.take(size):
        found += taken
    return found


@given(st.data(), st.sampled_from(list(LETTERS)), st.lists(st.integers(1, 5), max_size=30), st.integers(1, 9))
def test_text_becomes_utf8_in_whatever_pieces(data, encoding, sizes, size):
    text = data.draw(st.text(st.sampled_from(LETTERS[encoding]), max_size=30))
    assert whole(text.encode(encoding), encoding, sizes, size) == text.encode()


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("cp1252", b"a\x81b"),
        ("utf-16-le", "ab".encode("utf-16-le")[:-1]),
        ("utf-16-le", b"a\x00\x00\xd8b\x00"),
        ("shift_jis", b"a\xfcb"),
        ("utf-32-le", b"a\0\0\0\xff\xff\xff\xff"),
    ],
)
def test_what_does_not_decode_is_no_utf8(encoding, data):
    with pytest.raises(UnicodeDecodeError):
        whole(data, encoding, []).decode()


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"", ""),
        (b"abc", ""),
        ("é".encode(), "utf-8"),
        ("é".encode()[:1], "cp1252"),
        ("aé".encode("utf-8-sig"), "utf-8"),
        ("aé".encode("utf-16"), "utf-16-le"),
        ("aé\n" * 9, "utf-16-be"),
        ("aé".encode("utf-32"), "utf-32-le"),
        ("Zoë € 5".encode("cp1252"), "cp1252"),
        (b"a\x81\xe9", "latin-1"),
        ("Zoë, Łódź".encode() + b"\xff", "utf-8"),
        ("Zoë, Łódź, ".encode() + "Zoë".encode("cp1252"), "utf-8"),
        ("Zoë, Łódź".encode()[:-1], "utf-8"),
        (b"a\xed\xa0\x80", "utf-8"),
        ("Καλημέρα κόσμε, τι κάνεις σήμερα".encode("cp1253"), "cp1253"),
    ],
)
def test_the_encoding_is_found(data, encoding):
    data = data.encode(encoding) if isinstance(data, str) else data
    assert encoding_of(Sample("x", data))[0] == encoding


def test_a_character_that_the_sample_cuts_is_no_evidence_against_utf8():
    assert encoding_of(Sample("x", "aé".encode()[:-1], whole=False))[0] == "utf-8"


def test_a_mark_is_taken_off_and_believed():
    assert without_mark("é".encode("utf-8-sig"), "cp1252") == ("é".encode(), "utf-8")
    assert without_mark(b"abc", "cp1252") == (b"abc", "cp1252")


@pytest.mark.parametrize("encoding", ["utf-9", "base64", "rot13", ""])
def test_an_unknown_encoding_is_refused(encoding):
    with pytest.raises(ConfigError):
        checked(encoding, "Csv(encoding=…)")
