"""Whichever decoder runs, the value is the standard library's, but for texts that no encoding can hold."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import json_text
from headwater_runtime.transport import Response

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)


def same(text: bytes) -> None:
    assert repr(json_text.loads(text)) == repr(json_text.whole_texts(json.loads(text)))


@given(VALUES, st.booleans())
def test_any_value(value, ascii_only):
    same(
        json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        if ascii_only
        else json.dumps(value).encode()
    )


@given(NUMBERS)
def test_any_spelling_of_a_number(text):
    same(f'{{"v": [{text}]}}'.encode())


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"[Infinity, -Infinity]",
        b"-0",
        b"1E400",
        b'"\\ud800"',
        b"\xef\xbb\xbf[1]",
        '["é"]'.encode("utf-16"),
        b'{"a":1,"a":2}',
    ],
)
def test_what_the_decoders_disagree_on(text):
    same(text)


@pytest.mark.parametrize("text", [b"", b"{", b"[1,]", b"<html>", b'"\xff"'])
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011  (UnicodeDecodeError and JSONDecodeError are both)
        json_text.loads(text)


def test_it_works_without_orjson():
    script = "import sys; sys.modules['orjson'] = None; from headwater_runtime import json_text; print(json_text.loads(b'[18446744073709551616]'))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[18446744073709551616]\n"


@pytest.mark.parametrize(
    "text", [b'["\\ud83d"]', b'["\\uDE00 x"]', b'["\xed\xa0\xbd"]', '["\ud83d"]'.encode("utf-16", "surrogatepass")]
)
def test_half_a_character_is_written_as_its_escape_however_it_came(text):
    (found,) = json_text.loads(text)
    assert found.encode().startswith(b"\\ud")


def test_a_record_that_is_asked_for_alone_is_whole_too(scripted):
    client, _ = scripted(lambda _: Response(200, {}, b'{"name": "cut \\ud83d"}'))
    assert client.get(client.request("/things")) == {"name": "cut \\ud83d"}
