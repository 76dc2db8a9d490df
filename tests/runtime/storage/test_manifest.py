"""A manifest over real files: what is new, changed, shrunk, gone, half written or broken."""

import gzip
import json
import os
import tracemalloc
import zipfile
from collections import deque
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater_runtime import (
    ConfigError,
    ContractError,
    Errors,
    FullRefresh,
    SourceError,
    Stream,
    Table,
    TransientError,
)
from headwater_runtime.clock import FakeClock
from headwater_runtime.storage import Columns, Manifest, Place
from headwater_runtime.storage.listing import Listing
from headwater_runtime.storage.seen import Known, Seen

from .conftest import BROKEN, LINES, NOW, Ended, Lines, Shelf, Telling, run, source

TOLERANT = {"errors": Errors(BROKEN)}


def zipped(members):
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


class Touching(Ended):
    """An emit that changes the place after each page, as long as there is something to do."""

    def __init__(self, *deeds):
        super().__init__()
        self.deeds = list(deeds)

    def upsert(self, table, rows):
        super().upsert(table, rows)
        if self.deeds and (deed := self.deeds.pop(0)) is not None:
            deed()


def test_a_file_that_shrank_loses_its_last_rows(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n2\n3\n4\n")
    first = run(at, "*.txt")
    shelf.write("a.txt", "1\n")
    second = run(at, "*.txt", first.state)
    assert second.deleted == [("a.txt", 2), ("a.txt", 3), ("a.txt", 4)]
    shelf.write("a.txt", "")
    third = run(at, "*.txt", second.state)
    assert (third.texts(), third.deleted) == ([], [("a.txt", 1)])
    assert run(at, "*.txt", third.state).operations == [("checkpoint", third.state)]


def test_a_table_with_another_key_loses_nothing(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n2\n")
    into = {Table("lines", key="text"): dict}
    first = run(at, "*.txt", into=into)
    shelf.write("a.txt", "1\n")
    assert run(at, "*.txt", first.state, into=into).deleted == []


def test_the_rows_of_members_follow_their_zip(place):
    at, shelf = place("local")
    shelf.write("a.zip", zipped({"x.txt": "1\n2\n", "sub/y.txt": "3\n", "read.me": "no"}))
    first = run(at, "*.zip")
    assert first.texts() == [("a.zip/x.txt", "1"), ("a.zip/x.txt", "2"), ("a.zip/sub/y.txt", "3")]
    shelf.write("a.zip", zipped({"x.txt": "1\n"}))
    second = run(at, "*.zip", first.state)
    assert sorted(second.deleted) == [("a.zip/sub/y.txt", 1), ("a.zip/x.txt", 2)]


def test_a_zip_that_was_broken_off_goes_on_in_its_member(place):
    at, shelf = place("local")
    shelf.write("a.zip", zipped({f"{name}.txt": "".join(f"{name}{n}\n" for n in range(7)) for name in "xyz"}))
    whole = run(at, "*.zip")
    emitted: set = set()
    for what, value in whole.operations:
        if what == "checkpoint":
            assert emitted.isdisjoint(rest := run(at, "*.zip", value).texts())
            assert emitted | set(rest) == set(whole.texts())
        else:
            emitted.add((value[1]["_file"], value[1]["text"]))


def test_rows_of_files_that_are_gone_are_deleted_if_that_is_asked_for(place):
    at, shelf = place("local")
    for name in "abc":
        shelf.write(f"{name}.txt", "1\n2\n")
    asked = {"cursor": Manifest(delete_vanished=True)}
    first = run(at, "*.txt", **asked)
    shelf.delete("b.txt")
    second = run(at, "*.txt", first.state, **asked)
    assert second.deleted == [("b.txt", 1), ("b.txt", 2)]
    shelf.delete("a.txt")
    shelf.delete("c.txt")
    emit = Ended()
    with pytest.raises(SourceError, match="refused: 100 % of files vanished, 2 of 2"):
        run(at, "*.txt", second.state, emit=emit, **asked)
    assert emit.deleted == []
    third = run(at, "*.txt", emit.state, cursor=Manifest(delete_vanished=True, at_most=1.0))
    assert sorted(third.deleted) == [(name, line) for name in ("a.txt", "c.txt") for line in (1, 2)]


def test_a_file_that_was_gone_and_comes_back_as_it_was_is_read_again(place):
    at, shelf = place("local")
    for name in "abc":
        shelf.write(f"{name}.txt", "1\n2\n")
    asked = {"cursor": Manifest(delete_vanished=True)}
    first = run(at, "*.txt", **asked)
    (shelf.folder / "b.txt").rename(shelf.folder / "b.away")
    second = run(at, "*.txt", first.state, **asked)
    (shelf.folder / "b.away").rename(shelf.folder / "b.txt")
    assert run(at, "*.txt", second.state, **asked).texts() == [("b.txt", "1"), ("b.txt", "2")]


def test_what_was_read_of_a_file_that_went_is_deleted_too(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n2\n3\n4\n5\n")
    shelf.write("b.txt", "1\n")
    shelf.write("c.txt", "1\n")
    asked = {"cursor": Manifest(delete_vanished=True)}
    broken_off = run(at, "*.txt", **asked).states[0]
    shelf.delete("a.txt")
    emit = run(at, "*.txt", broken_off, cursor=Manifest(delete_vanished=True, at_most=1.0))
    assert emit.deleted == [("a.txt", 1), ("a.txt", 2), ("a.txt", 3)]


@pytest.mark.parametrize(
    ("table", "more"), [(Table("lines", key="id"), {}), (Table("lines"), {}), (LINES, {"columns": Columns(line="")})]
)
def test_deleting_needs_a_key_that_says_which_file(place, table, more):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n")
    with pytest.raises(ConfigError, match="does not say which file"):
        run(at, "*.txt", into={table: dict}, cursor=Manifest(delete_vanished=True), **more)


def test_a_manifest_is_for_files_only(scripted):
    client, _ = scripted(lambda _: [])
    with pytest.raises(ConfigError, match="a Manifest remembers files"):
        Stream(client.pages("/things"), {LINES: dict}, Manifest())
    with pytest.raises(ConfigError, match="at_most"):
        Stream(Place("/x").files("*"), {LINES: dict}, Manifest(at_most=0))


def test_another_cursor_reads_files_too(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n2\n")
    shelf.write("b.txt", "3\n")
    asked = {"cursor": FullRefresh(delete_vanished=True)}
    first = run(at, "*.txt", **asked)
    assert [text for _, text in first.texts()] == ["1", "2", "3"]
    shelf.delete("b.txt")
    assert run(at, "*.txt", first.state, **asked).deleted == [("b.txt", 1)]


def test_a_file_that_is_younger_than_settle_waits(place):
    at, shelf = place("local")
    shelf.write("old.txt", "1\n")
    shelf.write("new.txt", "2\n")
    os.utime(shelf.folder / "new.txt", (shelf.second, shelf.second + 100.5))
    now = datetime.fromtimestamp(shelf.second + 130, timezone.utc)
    asked = {"cursor": Manifest(settle=timedelta(minutes=1), delete_vanished=True)}
    first = run(at, "*.txt", now=now, **asked)
    assert first.texts() == [("old.txt", "1")]
    second = run(at, "*.txt", first.state, now=now + timedelta(minutes=1), **asked)
    assert second.texts() == [("new.txt", "2")]
    os.utime(shelf.folder / "new.txt", (shelf.second, shelf.second + 180))
    third = run(at, "*.txt", second.state, now=now + timedelta(minutes=1), **asked)
    assert (third.texts(), third.deleted) == ([], []), "it waits, and is not gone"


def test_a_file_of_the_future_is_read(place):
    """The place's clock is ahead of ours: nobody has to wait for the day it shows."""
    at, shelf = place("local")
    shelf.write("a.txt", "1\n")
    tomorrow = (NOW + timedelta(days=1)).timestamp()
    os.utime(shelf.folder / "a.txt", (tomorrow, tomorrow))
    assert run(at, "*.txt", cursor=Manifest(settle=timedelta(minutes=1))).texts() == [("a.txt", "1")]


def test_a_file_that_nothing_tells_changes_of_is_read_from_its_beginning(place, served):
    at, shelf = place("web")
    shelf.write("a.txt", "1\n2\n3\n4\n")
    served.web.times = False
    try:
        broken_off = run(at, "*.txt").states[0]
        assert broken_off["streams"]["lines"]["open"]
        shelf.write("a.txt", "5\n6\n7\n8\n")
        assert [text for _, text in run(at, "*.txt", broken_off).texts()] == ["5", "6", "7", "8"]
    finally:
        served.web.times = True


def test_a_time_in_whole_seconds_must_be_over(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n")
    now = datetime.fromtimestamp(shelf.second, timezone.utc)
    first = run(at, "*.txt", now=now + timedelta(seconds=1))
    assert first.texts() == [], "it could change once more within the second, and nobody would see"
    assert run(at, "*.txt", first.state, now=now + timedelta(seconds=3)).texts() == [("a.txt", "1")]


def test_a_file_that_changes_while_it_is_read_comes_again_in_the_sync(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n" * 20)
    shelf.write("b.txt", "b\n")
    emit = run(at, "*.txt", emit=Touching(lambda: shelf.write("a.txt", "one\ntwo\n")))
    assert emit.texts()[:3] == [("a.txt", "1")] * 3
    assert [emit.tables["lines"][key]["text"] for key in sorted(emit.tables["lines"])] == ["one", "two", "b"]
    assert run(at, "*.txt", emit.state).texts() == []


def test_a_file_that_never_rests_is_left_to_the_next_sync(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n" * 20)
    shelf.write("b.txt", "b\n")
    busy = [lambda: shelf.write("a.txt", "1\n" * 20)] * 100
    emit = run(at, "*.txt", emit=Touching(*busy), stream={"checkpoint_rows": 1000})
    assert emit.texts().count(("a.txt", "1")) in range(3, 61), "it is read three times and no more"
    assert ("b.txt", "b") in emit.texts()
    assert run(at, "*.txt", emit.state).texts() == [("a.txt", "1")] * 20


def test_a_file_that_goes_while_files_are_read_is_no_error(place):
    at, shelf = place("local")
    for name in "abc":
        shelf.write(f"{name}.txt", f"{name}\n")
    emit = run(at, "*.txt", emit=Touching(lambda: shelf.delete("b.txt")))
    assert emit.texts() == [("a.txt", "a"), ("c.txt", "c")]


def test_a_bad_row_and_a_broken_file_fail_alone_and_are_not_tried_again(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\nbad\n3\n")
    shelf.write("b.txt", "1\n2\n3\n4\nbroken\n")
    shelf.write("c.txt.gz", gzip.compress(b"1\n" * 5)[:-9])
    shelf.write("d.txt", "4\n")
    first = run(at, "*.txt*", stream=TOLERANT)
    assert first.texts()[:5] == [("a.txt", "1"), ("a.txt", "3"), ("b.txt", "1"), ("b.txt", "2"), ("b.txt", "3")]
    assert first.texts()[-1] == ("d.txt", "4")
    assert [row["_line"] for row in first.rows("lines")][:2] == [1, 3]
    told = [(row["url"].removeprefix(at.shown + "/"), row["message"]) for row in first.rows("broken")]
    assert told[:2] == [("a.txt, line 2", "a line cannot be read"), ("b.txt, line 5", "a line cannot be read")]
    assert told[2][0] == "c.txt.gz"
    assert "cut short" in told[2][1]
    second = run(at, "*.txt*", first.state, stream=TOLERANT)
    assert [what for what, _ in second.operations] == ["checkpoint"]
    shelf.write("b.txt", "1\n")
    third = run(at, "*.txt*", second.state, stream=TOLERANT)
    assert third.texts() == [("b.txt", "1")]
    assert third.deleted == [("b.txt", 2), ("b.txt", 3)]


@pytest.mark.parametrize(("content", "where"), [("1\nbad\n", "a.txt, line 2"), ("broken\n", "a.txt, line 1")])
def test_without_an_errors_table_it_is_an_error_that_says_where(place, content, where):
    at, shelf = place("local")
    shelf.write("a.txt", content)
    with pytest.raises(ContractError, match="a line cannot be read") as caught:
        run(at, "*.txt")
    assert caught.value.where == f"{at.shown}/{where}"


def test_what_is_broken_only_because_it_is_being_written_is_no_error(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n" * 14 + "broken\n")
    emit = run(at, "*.txt", emit=Touching(lambda: shelf.write("a.txt", "1\n2\n3\n4\n")))
    assert [text for _, text in emit.texts()][-4:] == ["1", "2", "3", "4"]


def test_links_are_followed_but_not_in_circles(place):
    at, shelf = place("local")
    shelf.write("in/a.txt", "1\n")
    shelf.write("elsewhere/b.txt", "2\n")
    (shelf.folder / "in/loop").symlink_to(shelf.folder / "in")
    (shelf.folder / "in/self").symlink_to("self")
    (shelf.folder / "in/dead.txt").symlink_to("nowhere")
    (shelf.folder / "in/more").symlink_to(shelf.folder / "elsewhere")
    (shelf.folder / "in/linked.txt").symlink_to("a.txt")
    os.mkfifo(shelf.folder / "in/pipe.txt")
    (shelf.folder / "in/folder.txt").mkdir()
    assert sorted(run(at, "in/**/*.txt").texts()) == [("in/a.txt", "1"), ("in/linked.txt", "1"), ("in/more/b.txt", "2")]


def test_names_that_are_no_text_or_have_line_ends(place):
    at, shelf = place("local")
    shelf.write("a\nb.txt", "1\n")
    Path(os.fsdecode(os.fsencode(shelf.folder) + b"/caf\xe9.txt")).write_text("2\n")
    emit = run(at, "*.txt")
    assert sorted(emit.texts()) == [("a\nb.txt", "1"), ("caf\\xe9.txt", "2")]
    json.dumps(emit.state, ensure_ascii=False).encode()
    assert run(at, "*.txt", emit.state).texts() == []


def test_columns_of_ours_can_be_named_and_left_out(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n")
    rows = run(at, "*.txt", columns=Columns("text_of", "", ""), into={Table("lines", key="text_of"): dict}).rows(
        "lines"
    )
    assert rows == [{"text": "1", "text_of": "a.txt"}]
    with pytest.raises(ContractError, match="a column 'text' of its own"):
        run(at, "*.txt", columns=Columns(file="text"))
    with pytest.raises(ConfigError, match="name of one put beside"):
        at.files("{_file}/*.txt")


def test_many_tiny_files(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n")
    for number in range(2_000):
        os.link(shelf.folder / "a.txt", shelf.folder / f"{number}.txt")
    emit = run(at, "*.txt", stream={"checkpoint_rows": 500})
    assert len(emit.tables["lines"]) == 2_001
    assert run(at, "*.txt", emit.state).operations == [("checkpoint", emit.state)]


def test_a_listing_needs_little_memory(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n")
    for number in range(5_000):
        os.link(shelf.folder / "a.txt", shelf.folder / f"a-name-of-some-length-{number:08}.txt")
    ready = at.begin(None, FakeClock(NOW), Telling())
    tracemalloc.start()
    try:
        listing = Listing()
        listing.add(ready.files("*.txt").listed())
        assert sum(1 for _ in listing) == 5_001
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
        listing.close()


contents = st.integers(0, 9).map(lambda count: [f"{count}-{number}" for number in range(count)])
changes = st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), contents)), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(st.tuples(changes, st.integers(0, 40)), min_size=1, max_size=5), parallel=st.integers(1, 3))
def test_the_destination_is_what_the_files_are(tmp_path_factory, rounds, parallel):
    """Files come, change and go between syncs that are killed anywhere: after a whole sync the tables are the files."""
    shelf = Shelf(tmp_path_factory.mktemp("drawn"))
    at = Place(str(shelf.folder))
    state, table, truth = {}, {}, {}
    for edits, most in [*rounds, ([], 10**6)]:
        for name, lines in edits:
            if lines is not None:
                truth[f"{name}.txt"] = lines
                shelf.write(f"{name}.txt", "".join(f"{line}\n" for line in lines))
            elif f"{name}.txt" in truth:
                del truth[f"{name}.txt"]
                shelf.delete(f"{name}.txt")
        emit = Killed(table, most)
        connector = source(
            at,
            "*.txt",
            cursor=Manifest(delete_vanished=True, at_most=1.0),
            may_be_empty=True,
            stream={"parallel": parallel},
        )
        with suppress(Killed.Error):
            connector.run({}, state, emit=emit, clock=FakeClock(NOW))
        state, table = emit.saved or state, emit.committed
    assert {key: row["text"] for key, row in table.items()} == {
        (name, number): line for name, lines in truth.items() for number, line in enumerate(lines, 1)
    }


class Killed(Ended):
    """An emit that dies at an operation; what was not checkpointed is lost."""

    class Error(Exception):
        pass

    def __init__(self, table, most):
        super().__init__()
        self.committed, self.saved, self.left = dict(table), None, most
        self.tables = {"lines": dict(table)}

    def _spend(self):
        self.left -= 1
        if self.left < 0:
            raise self.Error

    def upsert(self, table, rows):
        self._spend()
        super().upsert(table, rows)

    def delete(self, table, keys):
        self._spend()
        super().delete(table, keys)

    def checkpoint(self, state, *, urgent=False):
        self._spend()
        self.committed, self.saved = dict(self.tables["lines"]), state


def test_a_place_is_listed_once_a_sync(place, served):
    at, shelf = place("web")
    for name in "abc":
        shelf.write(f"{name}.txt", "1\n")
    served.web.asked.clear()
    run(at, "*.txt")
    folder = "/" + at.url.rpartition("/")[2] + "/"
    assert [path for method, path, _ in served.web.asked if path == folder] == [folder]


def test_who_must_know_all_names_reads_what_was_folded_again(place):
    seen = Seen({}, exact=1, slack=0, shortest=1)
    for name in "abc":
        seen.note(f"{name}.txt", Known("0" * 16, 5, {"": 1}, settled=True))
        seen.fold()
    saved = seen.saved()
    assert "runs" in saved
    again = Seen(saved, whole=True)
    assert (again.count, "runs" in again.saved()) == (1, False)


def test_another_cursor_reads_a_file_that_changes_again(begun):
    at, shelf, _ = begun("local")
    shelf.write("a.txt", "1\n" * 20)
    pages = at.files("*.txt", format=Lines()).read()
    next(pages)
    shelf.write("a.txt", "2\n")
    assert [row["text"] for page in pages for row in page.records][-1] == "2"


def test_a_file_that_does_not_rest_is_an_error_for_another_cursor(begun):
    at, shelf, _ = begun("local")
    shelf.write("a.txt", "1\n" * 20)
    touched = (shelf.write("a.txt", "1\n" * 20) for _ in at.files("*.txt", format=Lines()).read())
    with pytest.raises(TransientError, match="changed while it was read"):
        deque(touched, maxlen=0)
