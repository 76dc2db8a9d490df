"""Streamed or whole, the records are the same."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_runtime import ContractError, json_stream
from headwater_runtime.json_stream import stream_records
from headwater_runtime.records import select

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(["a", "b", "data", '"', "\\", "é"])
OBJECTS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=3)
LISTS = st.lists(OBJECTS, max_size=4)
BODIES = st.recursive(
    LISTS | OBJECTS | SCALARS,
    lambda inner: st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=6,
)
PATHS = st.lists(st.sampled_from(["a", "b", "data", "*"]), max_size=3).map(".".join)
WRITERS = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])


class Drops:
    """A file that gives as much at a time as it likes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._file = io.BytesIO(data)
        self._sizes = iter(sizes)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, next(self._sizes, size)))


def outcome(found) -> object:
    try:
        return repr(found())
    except ContractError as error:
        return ("refused", str(error).partition("which holds")[0])


def streamed(data: bytes, path: str, sizes: list[int] | None = None) -> list[dict]:
    return [record for chunk in stream_records(Drops(data, sizes or []), path, "GET /x") for record in chunk]


@given(
    BODIES,
    PATHS,
    st.booleans(),
    WRITERS,
    st.sampled_from(["utf-8", "utf-16"]),
    st.lists(st.integers(1, 9), max_size=99),
)
def test_streamed_equals_whole(body, path, optional, writer, encoding, sizes):
    path += "?" if optional and path else ""
    data = json.dumps(body, **writer).encode(encoding)
    whole = outcome(lambda: select(json.loads(data), path, "GET /x"))
    assert outcome(lambda: streamed(data, path, [4, *sizes])) == whole


@settings(max_examples=25)
@given(LISTS, st.lists(st.integers(1, 30), max_size=30))
def test_a_text_cut_anywhere_is_an_error_whatever_the_window(records, sizes):
    data = json.dumps({"total": 12345, "data": records, "end": [1.5e3, True]}).encode()
    assert repr(streamed(data + b" \n", "data", [4, *sizes])) == repr(json.loads(data)["data"])
    for length in range(len(data)):
        with pytest.raises(ValueError):  # noqa: PT011  (UnicodeDecodeError and JSONDecodeError are both)
            streamed(data[:length], "data", [4, *sizes])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "[{}",
        "[{}}",
        "[{},]",
        "[{} {}]",
        '{"data"}',
        '{"data" []}',
        '{"data":[]]',
        "[]x",
        "[] []",
        "[1.]",
        "tru",
    ],
)
@pytest.mark.parametrize("path", ["", "data"])
def test_what_is_not_json_is_an_error(text, path):
    with pytest.raises((ValueError, ContractError)):
        streamed(text.encode(), path)


def test_chunks_are_bounded_and_in_order():
    data = json.dumps([{"id": number} for number in range(2_500)]).encode()
    chunks = list(stream_records(io.BytesIO(data), "", "GET /x"))
    assert [len(chunk) for chunk in chunks] == [1_000, 1_000, 500]
    assert [record["id"] for chunk in chunks for record in chunk] == list(range(2_500))


def test_a_long_list_before_the_records_is_passed_over_element_by_element():
    class Endless:
        """A list of 26 MB, and then the records."""

        def __init__(self):
            piece = b'{"x":"' + b"y" * json_stream.STEP + b'"},'
            self.pieces = iter([b'{"x":[', *[piece] * 200, b'1],"data":[{"id":1}]}'])
            self.largest = 0

        def read(self, size):
            self.largest = max(self.largest, size)
            return next(self.pieces, b"")

    source = Endless()
    assert [record for chunk in stream_records(source, "data", "GET /x") for record in chunk] == [{"id": 1}]
    assert source.largest < 3 * json_stream.STEP


def test_nesting_beyond_the_recursion_limit_is_an_error_of_the_text():
    with pytest.raises(ValueError, match="nested too deeply"):
        streamed(b"[" + b"[" * 100_000, "")
    with pytest.raises(ValueError, match="Expecting value|nested too deeply"):
        streamed(b'[{"a":' * 100_000, "")
