"""Many parts, each with a progress of its own, in a state of a bounded size."""

import json

import pytest

from headwater_runtime import ConfigError, FullRefresh, TransientError
from headwater_runtime.cursor import Token
from headwater_runtime.parts import MOST, PerPart
from headwater_runtime.ranges import Windows
from headwater_runtime.sequence import Sequence
from headwater_runtime.watermark import Watermark

from .cursor_model import BORN, DAY, Fake, Record, page

WEEK = Windows(BORN - 7 * DAY, step=3 * DAY, unit=DAY, smallest=DAY, lag=0 * DAY)


def begin(cursor, parts, saved=None, fields=("id",), **source):
    source = Fake(**source)
    progress = PerPart(cursor, source, json.loads(json.dumps(saved or {})), BORN, fields)
    progress.add(parts)
    return progress, source


def finish(progress, token=None):
    """Read every slice there is, in order; return whose they were."""
    whose = []
    while (one := progress.next()) is not None:
        whose.append(one.part)
        assert progress.wanted(one, page([], token))
        progress.moved(one, page([], token))
        progress.done(one)
    return whose


def numbered(count):
    return [{"id": number} for number in range(count)]


def test_each_part_is_read_with_its_own_state_and_its_record():
    progress, _ = begin(Token(), [{"id": "eu", "name": "Europe"}, {"id": 17}], {"parts": {"eu": {"token": "t1"}}})
    eu, other = progress.next(), progress.next()
    assert (eu.part, eu.at) == ({"id": "eu", "name": "Europe"}, "t1")
    assert (other.part, other.at) == ({"id": 17}, None)
    progress.moved(other, page([], "t9"))
    assert progress.saved() == {"parts": {"eu": {"token": "t1"}, "17": {"token": "t9"}}}


def test_parts_times_windows():
    progress, _ = begin(WEEK, numbered(2))
    given = [progress.next() for _ in range(4)]
    assert [one.part["id"] for one in given] == [0, 0, 0, 1]
    progress.done(given[1])
    assert progress.failed(given[0], TransientError("slow", heavy=True))
    again = progress.next()
    assert (again.part["id"], again.start, again.end) == (0, given[0].start, given[0].start)
    assert len(progress.saved()["parts"]["0"]["open"]) == 2


def test_a_full_refresh_a_part_needs_no_state():
    progress, _ = begin(FullRefresh(), numbered(3))
    assert finish(progress) == numbered(3)
    assert progress.saved() == {}


def test_a_part_that_comes_twice_is_read_again_after_itself():
    progress, _ = begin(FullRefresh(), [{"id": 1}, {"id": 1}, {"id": 2}])
    first, other = progress.next(), progress.next()
    assert [first.part["id"], other.part["id"], progress.next()] == [1, 2, None]
    progress.done(first)
    assert progress.next().part == {"id": 1}


def test_parts_may_come_page_by_page():
    progress, _ = begin(Token(), numbered(2))
    assert finish(progress, "t") == numbered(2)
    progress.add([{"id": 2}])
    assert finish(progress, "t") == [{"id": 2}]
    assert list(progress.saved()["parts"]) == ["0", "1", "2"]


def test_parts_that_are_gone_are_forgotten_when_all_were_seen():
    saved = {"parts": {"0": {"token": "a"}, "7": {"token": "b"}}}
    progress, _ = begin(Token(), numbered(1), saved)
    finish(progress)
    assert set(progress.saved()["parts"]) == {"0", "7"}
    progress.forget_others()
    assert set(progress.saved()["parts"]) == {"0"}


@pytest.mark.parametrize("cursor", [WEEK, Watermark("changed")])
def test_ten_thousand_parts_fit_into_a_megabyte(cursor):
    progress, source = begin(cursor, [{"id": f"customer-{number:07d}"} for number in range(MOST)])
    while (one := progress.next()) is not None:
        progress.moved(one, page([Record(1, BORN, BORN - DAY)]))
        progress.done(one)
    assert len(progress.saved()["parts"]) == MOST
    assert len(json.dumps(progress.saved())) < 1_000_000
    assert source.warnings == []


def test_of_a_longer_list_the_beginning_is_remembered_and_the_rest_read_from_the_beginning():
    parts = numbered(MOST + 50)
    progress, source = begin(Token(), parts)
    finish(progress, "t")
    for _ in range(2):
        saved = progress.saved()
        assert list(saved["parts"]) == [str(number) for number in range(MOST)]
        assert len(source.warnings) == 1
        progress, source = begin(Token(), parts, saved)
        one = progress.next()
        assert one.at == "t"
        progress.done(one)
        finish(progress, "t")


def test_of_parts_that_come_now_and_then_the_longest_unread_are_forgotten():
    progress, _ = begin(Token(), numbered(MOST))
    finish(progress, "t")
    progress, _ = begin(Token(), [{"id": 0}, {"id": MOST}], progress.saved())
    finish(progress, "u")
    kept = progress.saved()["parts"]
    assert ("0" in kept, "1" in kept, str(MOST) in kept, len(kept)) == (True, False, True, MOST)


def test_names_in_the_state_tell_parts_apart_and_stay_short():
    parts = [{"id": value} for value in ("eu", "17", 17, True, "true", None, "", "x" * 25, "#1", 1.5, "élan")]
    progress, _ = begin(Token(), parts)
    finish(progress, "t")
    names = list(progress.saved()["parts"])
    assert names[:5] == ["eu", '"17"', "17", "true", '"true"']
    assert len(set(names)) == len(parts)
    assert max(map(len, names)) <= 25


def test_several_fields_and_paths_may_identify_a_part():
    progress, _ = begin(Token(), [{"a": {"id": 1}, "b": "x", "c": 3}, {"a": {"id": 1}}], fields=("a.id", "b"))
    finish(progress, "t")
    assert list(progress.saved()["parts"]) == ['[1,"x"]', "[1,null]"]


def test_a_sync_that_is_killed_after_every_slice_still_ends():
    saved, slices = {}, 0
    while slices < 100:
        progress, _ = begin(WEEK, numbered(3), saved)
        due = [one for one in iter(progress.next, None) if one.end < BORN]
        if not due:
            break
        progress.done(due[0])
        saved, slices = json.loads(json.dumps(progress.saved())), slices + 1
    assert slices == 6


def test_cursors_that_cannot_be_had_once_a_part_are_refused():
    for cursor in (FullRefresh(delete_vanished=True), Sequence(Fake())):
        with pytest.raises(ConfigError, match="does not go with parts"):
            begin(cursor, [])
