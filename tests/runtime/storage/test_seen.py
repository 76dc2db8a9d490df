"""What is remembered of files: nothing is lost whatever happens between and during syncs, and the state stays small."""

import json
import random
from datetime import datetime, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headwater_runtime import ConfigError
from headwater_runtime.storage.entry import Entry, microseconds
from headwater_runtime.storage.listing import Listing, raw, text
from headwater_runtime.storage.seen import Known, Seen, identity, spelt, unspelt

SMALL = {"exact": 4, "slack": 1, "shortest": 2, "runs": 3}


def in_order(files):
    return sorted(files.values(), key=lambda one: (one.stamp, raw(one.path)))


def read(seen, files, most=None):
    """Read what is unseen, in order, up to `most` files; return them."""
    met = set()
    todo = list(seen.unseen(in_order(files), met))
    for path in [path for path in seen.exact if path not in met]:
        seen.forget(path)
    for entry in todo[:most]:
        seen.note(entry.path, Known(identity(entry), entry.stamp, {"": 1}, settled=True))
        seen.fold()
    return todo[:most]


def again(seen, **sizes):
    """Return what a later sync begins with."""
    return Seen(json.loads(json.dumps(seen.saved())), **sizes)


stamps, sizes = st.integers(0, 6), st.integers(0, 2)
paths = st.sampled_from([f"{letter}{number}" for letter in "ab" for number in range(12)])
edits = st.lists(st.tuples(paths, st.one_of(st.none(), st.tuples(sizes, stamps))), max_size=30)
passes = st.lists(st.tuples(edits, st.one_of(st.none(), st.integers(0, 20))), min_size=1, max_size=8)


CHANGED_WHEN_OTHERS_COME = [
    ([("a3", (0, 0))], None),
    ([(path, (0, stamp)) for path, stamp in (("a0", 1), ("a1", 0), ("a2", 1), ("a3", 1), ("a4", 0), ("a5", 0))], 0),
]


@settings(max_examples=300, deadline=None)
@given(passes)
@example(CHANGED_WHEN_OTHERS_COME)
def test_what_is_there_in_the_end_was_read_as_it_is(told):
    """Files come, change, get old times and go; syncs are broken off anywhere: a whole pass leaves nothing unread."""
    files: dict[str, Entry] = {}
    emitted: dict[str, Entry] = {}
    seen = Seen({}, **SMALL)
    for changes, most in [*told, ([], None)]:
        for path, change in changes:
            if change is None:
                files.pop(path, None)
            else:
                files[path] = Entry(path, change[0], change[1], "tag")
        emitted |= {one.path: one for one in read(seen, files, most)}
        seen = again(seen, **SMALL)
        assert most is not None or {path: emitted[path] for path in files} == files
    assert read(seen, files) == [], "nothing changed, so nothing is read"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_a_first_pass_that_is_broken_off_repeats_nothing(count, most):
    files = {f"f{number:03}": Entry(f"f{number:03}", 1, 1 + number // 7, "") for number in range(count)}
    seen = Seen({}, **SMALL)
    first = read(seen, files, most)
    assert first + read(again(seen, **SMALL), files) == in_order(files)


def test_a_late_file_with_an_old_time_is_read_with_its_run_only():
    files = {f"f{number:03}": Entry(f"f{number:03}", 1, 1 + number, "") for number in range(200)}
    seen = Seen({}, exact=10, slack=0, shortest=5, runs=1_000)
    assert len(read(seen, files)) == 200
    files["late"] = Entry("late", 1, 50, "")
    assert {one.path for one in read(seen, files)} >= {"late"}
    seen = again(seen, exact=10, slack=0, shortest=5, runs=1_000)
    files["later"] = Entry("later", 1, 52, "")
    assert 1 <= len(read(seen, files)) <= 7
    assert read(seen, files) == []


def test_runs_that_are_gone_as_a_whole_cost_nothing():
    files = {f"f{number:03}": Entry(f"f{number:03}", 1, 1 + number, "") for number in range(200)}
    seen = Seen({}, exact=10, slack=0, shortest=5, runs=1_000)
    read(seen, files)
    for number in range(52):  # a store forgets its oldest
        del files[f"f{number:03}"]
    assert len(read(seen, files)) <= 5
    assert read(again(seen, exact=10, slack=0, shortest=5, runs=1_000), files) == []


def test_what_was_forgotten_stays_forgotten():
    files = {name: Entry(name, 1, 5, "") for name in "abc"}
    seen = Seen({}, whole=True)
    read(seen, files)
    seen = again(seen, whole=True)
    seen.forget("b")
    seen = again(again(seen, whole=True), whole=True)
    assert [one.path for one in read(seen, files)] == ["b"]
    assert sorted(again(seen, whole=True).exact) == ["a", "b", "c"]


@pytest.mark.timeout(240)  # a million names take ten seconds of a free machine
def test_a_million_files_fit_the_state_and_are_all_known_again():
    draw = random.Random(7)
    begin = microseconds(datetime(2025, 1, 1, tzinfo=timezone.utc))

    def drawn(count):
        for number in range(count):
            day = number // 3_000
            name = f"exports/region={draw.choice('abcd')}/day={day:04}/part-{draw.getrandbits(64):016x}.parquet"
            yield Entry(name, draw.getrandbits(24), begin + number * 29_000_000, f"{draw.getrandbits(128):032x}")

    entries = list(drawn(1_000_000))
    seen = Seen({})
    for entry in list(seen.unseen(entries, set())):
        seen.note(entry.path, Known(identity(entry), entry.stamp, {"": draw.randrange(10_000)}, settled=True))
        seen.fold()
    state = json.dumps(seen.saved())
    assert len(state) < 1_000_000
    seen = Seen(json.loads(state))
    assert seen.count == 1_000_000
    assert list(seen.unseen(entries, set())) == []
    changed = entries[500_000]
    entries[500_000] = Entry(changed.path, changed.size + 1, changed.stamp, changed.tag)
    found = list(seen.unseen(entries, set()))
    assert entries[500_000] in found
    assert len(found) <= 512


def test_names_without_order_fit_too():
    draw = random.Random(7)
    seen = Seen({})
    letters = [chr(number) for number in range(0x20, 0x2FFF)]
    for number in range(25_000):
        name = "".join(draw.choices(letters, k=40))
        seen.note(
            f"{name}{number}",
            Known(f"{draw.getrandbits(64):016x}", draw.getrandbits(50), {"": draw.getrandbits(30)}, settled=True),
        )
        seen.fold()
    state = json.dumps(seen.saved())
    assert len(state) < 1_000_000
    assert Seen(json.loads(state)).count == 25_000


def test_where_all_must_be_known_too_many_are_refused():
    draw = random.Random(7)
    seen = Seen({}, whole=True)
    for number in range(120_000):
        name = f"{draw.getrandbits(256):064x}"
        seen.note(name, Known(f"{draw.getrandbits(64):016x}", number, {"": 1}, settled=True))
        seen.fold()
    with pytest.raises(ConfigError, match="too many"):
        seen.saved()


@given(st.binary(max_size=20).filter(lambda name: b"\0" not in name))
def test_any_name_of_a_file_is_kept(name):
    path = name.decode("utf-8", "surrogateescape")
    assert unspelt(json.loads(json.dumps(spelt(path)).encode("utf-8"))) == path
    text(path).encode()
    seen = Seen({})
    seen.note(path, Known("0" * 16, 5, {"": 1, "a/ü": 2}, settled=False))
    assert again(again(seen)).exact == seen.exact
    listing = Listing()
    listing.add([Entry(path, 1, 2, "tag"), Entry(path, 1, 2, "tag")])
    assert list(listing) == [Entry(path, 1, 2, "tag")]
    listing.close()
