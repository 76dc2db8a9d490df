"""Packed files: what is unpacked is what was packed, and what is damaged or made to burst is refused."""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from collections import deque

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_runtime import ContractError
from headwater_runtime.storage.packed import Limits, bare, members, unpacked

from .conftest import run
from .test_manifest import TOLERANT, zipped

LIMITS = Limits()
KINDS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
every = pytest.mark.parametrize("kind", KINDS)


def whole(content, name="a", limits=LIMITS):
    return unpacked(io.BufferedReader(io.BytesIO(content)), name, limits, "a.csv").read()


@every
@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=400).map(lambda data: data * 300), min_size=1, max_size=4))
def test_one_stream_or_several_give_what_was_packed(kind, parts):
    assert whole(b"".join(map(KINDS[kind], parts))) == b"".join(parts)


@every
def test_the_name_does_not_matter(kind):
    assert whole(KINDS[kind](b"1,2"), "a.csv") == b"1,2"
    assert whole(b"1,2", f"a.csv.{kind}") == b"1,2"
    assert whole(b"", f"a.csv.{kind}") == b""


@every
def test_a_stream_that_is_cut_anywhere_is_told(kind):
    packed = KINDS[kind](bytes(range(256)) * 8)
    for cut in range(17, len(packed)):
        with pytest.raises(ContractError, match="cut short|not whole"):
            whole(packed[:cut])


@every
def test_a_flipped_byte_is_told_or_harmless(kind):
    content = bytes(range(256)) * 8
    packed = bytearray(KINDS[kind](content))
    told = 0
    for place in range(16, len(packed), 3):
        packed[place] ^= 0x55
        try:
            found = whole(bytes(packed))
        except ContractError:
            told += 1
        else:
            assert found == content or kind == "zst"  # which has no checksum unless asked
        packed[place] ^= 0x55
    assert told > 10 or kind == "zst"


@every
def test_what_follows_a_stream_is_told(kind):
    assert whole(KINDS[kind](b"abc") + bytes(40)) == b"abc", "padding"
    with pytest.raises(ContractError, match="something else follows"):
        whole(KINDS[kind](b"abc") + b"and then something quite different")


@every
def test_what_bursts_is_refused_early(kind):
    bomb = KINDS[kind](bytes(300_000_000))
    file = unpacked(io.BufferedReader(io.BytesIO(bomb)), "a", Limits(ratio=100), "a.csv")
    taken = iter(lambda: file.read(1 << 20), b"")
    with pytest.raises(ContractError, match="unpacks to more than"):
        deque(taken, maxlen=0)
    assert file.raw.given < 170_000_000
    with pytest.raises(ContractError, match="unpacks to more than 1,000 bytes"):
        whole(KINDS[kind](bytes(10_000)), limits=Limits(size=1_000))


@pytest.mark.parametrize("name", ["a.7z", "a.csv.lz4", "a.tar", "a.tar.gz", "a.tgz", "a.csv.br"])
def test_other_ways_of_packing_are_refused(name):
    with pytest.raises(ContractError, match="are not read"):
        whole(b"whatever", name)


def test_names_without_their_packing():
    assert [bare(name) for name in ("a.csv.gz", "a.CSV.GZ", "a.csv", "a.zst", "a.csv.zip")] == [
        "a.csv", "a.CSV", "a.csv", "a", "a.csv.zip",
    ]  # fmt: skip


def listed(content, limits=LIMITS, fits=lambda name: name.endswith(".txt"), after=""):
    return [(name, file.read()) for name, file in members(io.BytesIO(content), fits, limits, "a.zip", after)]


def test_members_come_in_order_and_from_one_on():
    content = zipped({"b.txt": "1", "a.txt": "2", "c.md": "3", "__MACOSX/x.txt": "no"})
    assert listed(content) == [("b.txt", b"1"), ("a.txt", b"2")]
    assert listed(content, after="a.txt") == [("a.txt", b"2")]
    with pytest.raises(ContractError, match="is gone from the zip"):
        listed(content, after="z.txt")


def test_a_member_that_is_packed_itself_is_unpacked():
    assert listed(zipped({"a.txt": gzip.compress(b"1\n")})) == [("a.txt", b"1\n")]


@pytest.mark.parametrize("name", ["../a.txt", "x/../../a.txt", "/etc/a.txt", "C:a.txt", "..\\a.txt"])
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(ContractError, match="leads out of it"):
        listed(zipped({name: "1"}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "1")
        archive.writestr("a.txt", "2")
    with pytest.raises(ContractError, match="have one name"):
        listed(file.getvalue())


def test_an_encrypted_zip_is_refused():
    content = bytearray(zipped({"a.txt": "1"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(mark) + place
        content[at : at + 2] = struct.pack("<H", 1)
    with pytest.raises(ContractError, match="encrypted"):
        listed(bytes(content))


def test_too_many_members_and_too_long_a_list_are_refused():
    with pytest.raises(ContractError, match="the zip holds 20 files"):
        listed(zipped({f"{number}.txt": "" for number in range(20)}), Limits(members=10))
    content = bytearray(zipped({"a.txt": "1"}))
    at = content.rindex(b"PK\x05\x06") + 12
    content[at : at + 4] = struct.pack("<I", 10**8)
    with pytest.raises(ContractError, match="lists too many members"):
        listed(bytes(content))


def test_a_member_that_bursts_is_refused():
    with pytest.raises(ContractError, match="unpacks to more than"):
        listed(zipped({"a.txt": bytes(200_000_000)}), Limits(ratio=10))


def test_a_zip_without_a_file_to_read_says_so():
    with pytest.raises(ContractError, match="none of the 1 files"):
        listed(zipped({"a.md": "1"}))
    assert listed(zipped({})) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_zip_gives_rows_or_says_so(at, byte):
    content = bytearray(zipped({"a.txt": "".join(f"{number}\n" for number in range(300)), "b.txt": "2\n"}))
    content[at % len(content)] ^= byte
    try:
        listed(bytes(content))
    except ContractError as error:
        assert error.where.startswith("a.zip")


@every
def test_packed_files_in_a_place(place, kind):
    at, shelf = place("local")
    shelf.write(f"a.txt.{kind}", KINDS[kind](b"1\n2\n"))
    shelf.write("b.txt", KINDS[kind](b"3\n"))
    assert [text for _, text in run(at, "*.txt*").texts()] == ["1", "2", "3"]


@pytest.mark.parametrize("kind", ["s3", "web", "sftp"])
def test_a_zip_is_read_where_it_is(place, kind):
    at, shelf = place(kind)
    shelf.write("a.zip", zipped({"x.txt": "1\n", "y.txt": "2\n"}))
    assert run(at, "*.zip").texts() == [("a.zip/x.txt", "1"), ("a.zip/y.txt", "2")]
    assert run(at, "*.zip", members="y*").texts() == [("a.zip/y.txt", "2")]


def test_a_bad_member_leaves_the_members_before_it(place):
    at, shelf = place("local")
    content = bytearray(zipped({"x.txt": "1\n", "y.txt": "2\n" * 500, "z.txt": "3\n"}))
    inside = content.index(b"y.txt") + 6
    content[inside] ^= 0xFF
    shelf.write("a.zip", bytes(content))
    emit = run(at, "*.zip", stream=TOLERANT)
    assert emit.texts()[0] == ("a.zip/x.txt", "1")
    assert [row["url"].removeprefix(at.shown) for row in emit.rows("broken")] == ["/a.zip/y.txt"]
    with pytest.raises(ContractError) as caught:
        run(at, "*.zip")
    assert caught.value.where == f"{at.shown}/a.zip/y.txt"


def test_frames_of_zstd_that_are_to_be_skipped_are():
    packed = KINDS["zst"](b"abc")
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 5) + b"12345"
    assert whole(packed + skippable + packed) == b"abcabc"
    assert whole(skippable + packed) == b"abc"
