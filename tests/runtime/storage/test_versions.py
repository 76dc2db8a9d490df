"""Of a file that changes while it is read no row of two versions is given, and the rows of what is later come later."""

import json
import os

import pytest

from headwater_runtime import Table
from headwater_runtime.call import Slice
from headwater_runtime.storage import Csv, Manifest
from headwater_runtime.storage.reading import ChangedError

from .conftest import KINDS, Ended, Lines, Shelf, run
from .test_manifest import Touching

KEYED = Table("keyed", key="id")
OLD, NEW = (f"{letter * 1_000}\n" * 13_000 for letter in "ab")  # more than three ranges


def in_place(shelf, path, text):
    """Write over a file, as some writers do, so that who has it open sees it."""
    if not isinstance(shelf, Shelf):
        shelf.write(path, text)
        return
    with (shelf.folder / path).open("r+b") as file:
        file.write(text.encode())
    shelf.second += 1
    os.utime(shelf.folder / path, (shelf.second, shelf.second))


@pytest.mark.parametrize("kind", KINDS)
def test_no_row_is_of_two_versions(begun, kind):
    at, shelf, _ = begun(kind)
    shelf.write("a.txt", OLD)
    files = at.files("a.txt", format=Lines(10))
    entry = next(files.listed())
    files.prepare([entry])
    part = {"path": entry.path, "size": entry.size, "modified": entry.stamp, "etag": entry.tag}
    pages, texts = files.read(Slice(part=part)), set()
    texts |= {row["text"] for row in next(pages).records}
    in_place(shelf, "a.txt", NEW)
    with pytest.raises(ChangedError):
        texts.update(row["text"] for page in pages for row in page.records)
    assert texts == {"a" * 1_000}


def test_a_file_that_grows_gives_no_row_of_its_unfinished_end(place):
    at, shelf = place("local")
    shelf.write("a.txt", "1\n" * 20)
    grow = (shelf.folder / "a.txt").open("a")
    emit = run(at, "a.txt", emit=Touching(lambda: (grow.write("half"), grow.close())))
    assert emit.texts().index(("a.txt", "half")) > 20, "it is only given once the file was read as it is now"


def test_what_changed_while_it_was_read_comes_after_the_files_before_it(place):
    at, shelf = place("local")
    shelf.write("a.csv", "id,v\n" + "1,old\n" * 2_000_000)
    shelf.write("b.csv", "id,v\n1,between\n")
    emit = run(
        at, "*.csv", format=Csv(), into={KEYED: dict}, emit=Touching(lambda: shelf.write("a.csv", "id,v\n1,new\n"))
    )
    assert [row["v"] for row in emit.tables["keyed"].values()] == ["new"]


class Stopped(Ended):
    """An emit that stops a sync at the first state in which a file is open."""

    class Error(Exception):
        pass

    def checkpoint(self, state, *, urgent=False):
        super().checkpoint(state, urgent=urgent)
        if '"b.csv", 1' in json.dumps(state) and '"open"' in json.dumps(state):
            raise self.Error


def test_a_file_is_not_gone_on_with_in_another_dialect(place):
    """What was found in a.csv, which the second sync does not look at, gave the rows of b.csv their numbers."""
    at, shelf = place("local")
    table = Table("rows", key=("_file", "_line"))
    shelf.write("a.csv", "id;name\n1;x\n")
    shelf.write("b.csv", "id;name\n" + "".join(f"{number};z\n" for number in range(200_000)))
    form = Csv(header=True)
    first, stopped = Stopped(), {"format": form, "into": {table: dict}}
    with pytest.raises(Stopped.Error):
        run(at, "*.csv", emit=first, **stopped)
    assert 0 < len(first.rows("rows")) < 200_000
    name, size, stamp, tag, position, rows, how = first.state["streams"]["rows"]["open"][-1]
    assert (name, "delimiter=';'" in how) == ("b.csv", True)
    on = run(at, "*.csv", first.state, **stopped)
    assert len(first.rows("rows")) + len(on.rows("rows")) == 200_001, "in the same dialect it goes on"
    first.state["streams"]["rows"]["open"][-1] = [name, size, stamp, tag, position, rows, how.replace("';'", "','")]
    anew = run(at, "*.csv", first.state, **stopped)
    assert len(anew.rows("rows")) == 200_000, "in another it is read from its beginning"


@pytest.mark.parametrize("parallel", [1, 4])
def test_files_of_one_page_come_in_the_order_of_their_times(place, parallel):
    at, shelf = place("local")
    for number in range(40):
        shelf.write(f"{39 - number:02}.csv", f"id,v\n1,{number}\n")
    emit = run(at, "*.csv", format=Csv(), into={KEYED: dict}, cursor=Manifest(), stream={"parallel": parallel})
    assert [row["v"] for row in emit.rows("keyed")] == [str(number) for number in range(40)]


@pytest.mark.parametrize("parallel", [1, 3])
def test_of_files_with_rows_of_one_key_the_later_wins_however_many_are_read_at_a_time(place, parallel):
    at, shelf = place("local")
    for number in range(4):
        shelf.write(f"{3 - number}.csv", "id,v\n" + "".join(f"{key},{number}\n" for key in range(70_000)))
    emit = run(at, "*.csv", format=Csv(), into={KEYED: dict}, cursor=Manifest(), stream={"parallel": parallel})
    written = [row["v"] for row in emit.rows("keyed")]
    assert written == sorted(written)
    assert len(written) == 4 * 70_000
