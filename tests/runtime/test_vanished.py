"""Rows that are gone at the source: exactly those are deleted, and never many by mistake."""

import json

import pytest

from headwater_runtime import ConfigError, FullRefresh, SourceError, Table
from headwater_runtime.cursor import Vanishing
from headwater_runtime.vanished import KEYS

from .cursor_model import BORN, Fake, page

THINGS = Table("things", key="id")
PAIRS = Table("pairs", key=("thing", "day"))


def begin(saved=None, *, at_most=0.5, table=THINGS):
    cursor = FullRefresh(delete_vanished=True, at_most=at_most)
    return cursor.begin(json.loads(json.dumps(saved or {})), Fake(), BORN)


def rows(*ids):
    return [{"id": number, "name": "x"} for number in ids]


def complete(progress, *ids):
    one = progress.next()
    progress.seen(THINGS, rows(*ids))
    progress.moved(one, page([]))
    gone = progress.vanished(THINGS)
    progress.done(one)
    return [row["id"] for row in gone], progress.saved()


def test_what_a_complete_pass_did_not_see_is_deleted_and_forgotten():
    gone, saved = complete(begin(), 1, 2, 3)
    assert (gone, saved["count"]) == ([], 3)
    gone, saved = complete(begin(saved), 1, 3, 4)
    assert (gone, saved["count"]) == ([2], 3)
    assert complete(begin(saved), 1, 3, 4)[0] == []


def test_a_killed_pass_deletes_nothing_and_what_it_added_is_known_to_the_next():
    _, saved = complete(begin(), 1, 2, 3)
    progress = begin(saved)
    progress.next()
    progress.seen(THINGS, rows(1, 9))
    saved = progress.saved()
    assert saved["count"] == 4
    assert complete(begin(saved), 1, 2, 3)[0] == [9]


def test_too_many_are_refused_and_stay_known():
    _, saved = complete(begin(), *range(12))
    progress = begin(saved)
    progress.seen(THINGS, rows(0, 1))
    with pytest.raises(SourceError, match="refused: 83 % of rows vanished, 10 of 12"):
        progress.vanished(THINGS)
    assert progress.saved()["count"] == 12
    gone, _ = complete(begin(progress.saved(), at_most=1.0), 0, 1)
    assert sorted(gone) == list(range(2, 12))


def test_keys_of_several_columns_and_types_come_back_as_they_were():
    progress = begin()
    progress.seen(PAIRS, [{"thing": 1, "day": "2025-01-01"}, {"thing": "1", "day": None}, {"thing": "é", "day": 1.5}])
    progress = begin(progress.saved(), at_most=1.0)
    assert [type(row["thing"]) for row in progress.vanished(PAIRS)] == [str, str, int]
    assert progress.vanished(PAIRS) == []


def test_each_table_is_judged_by_itself():
    progress = begin()
    progress.seen(THINGS, rows(1, 2, 3))
    progress.seen(PAIRS, [{"thing": 1, "day": 1}])
    progress = begin(progress.saved())
    progress.seen(THINGS, rows(1, 2))
    assert [row["id"] for row in progress.vanished(THINGS)] == [3]
    with pytest.raises(SourceError, match="100 %"):
        progress.vanished(PAIRS)


def test_a_table_without_a_key_and_too_many_keys_are_refused():
    with pytest.raises(ConfigError, match="has no key"):
        begin().seen(Table("loose"), [{"id": 1}])
    progress = begin()
    with pytest.raises(ConfigError, match="250,000"):
        progress.seen(THINGS, rows(*range(KEYS + 1)))


def test_the_most_keys_fit_the_state():
    progress = begin()
    progress.seen(THINGS, rows(*range(KEYS)))
    assert len(json.dumps(progress.saved())) < 1_000_000
    assert len(begin(progress.saved(), at_most=1.0).vanished(THINGS)) == KEYS


def test_only_a_refresh_that_deletes_asks_for_keys():
    assert isinstance(begin(), Vanishing)
    assert not isinstance(FullRefresh().begin({}, Fake(), BORN), Vanishing)
    with pytest.raises(ConfigError, match="share"):
        FullRefresh(delete_vanished=True, at_most=0).check(Fake())


def test_a_job_is_kept_beside_the_keys_until_it_is_read():
    progress = begin()
    one = progress.next()
    progress.moved(one, page([], "job-1", urgent=True))
    assert progress.saved() == {"at": "job-1"}
    assert begin(progress.saved()).next().at == "job-1"
    progress.done(one)
    assert progress.saved() == {}
