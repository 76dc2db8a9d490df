"""Transfers that end early without a word: what is missing is asked for, never taken for the end of the file."""

import io

import pytest

from headwater_runtime.storage.ranged import CutError, Ranged, fetched

DATA = bytes(range(100))


def patient(function, where):
    for _ in range(100):
        try:
            return function()
        except CutError:
            continue
    raise CutError(where)


def test_a_file_that_is_fetched_whole_goes_on_where_it_broke_off():
    asked = []

    def fetch(file, begin):
        asked.append(begin)
        file.write(DATA[begin : begin + 30])

    with fetched(fetch, len(DATA), patient, "f") as file:
        assert file.read() == DATA
    assert asked == [0, 30, 60, 90]


def test_a_file_that_never_comes_whole_is_no_file():
    with pytest.raises(CutError):
        fetched(lambda file, begin: file.write(DATA[begin:99]), len(DATA), patient, "f")


def test_where_no_size_is_told_the_end_is_believed():
    with fetched(lambda file, _: file.write(DATA[:30]), -1, patient, "f") as file:
        assert file.read() == DATA[:30]


@pytest.mark.parametrize("block", [7, 25, 100, 1_000])
def test_a_range_that_comes_short_is_asked_for_again(block):
    short = iter([1, 2, 0, 3])

    def fetch(start, end):
        return DATA[start : end - next(short, 0)]

    with io.BufferedReader(Ranged(len(DATA), fetch, patient, "f", block)) as file:
        assert file.read() == DATA
