"""Whether a file is still the one that was listed: asked of the store, and believed only where it is the store that answers."""

import pytest

from headwater_runtime.clock import FakeClock
from headwater_runtime.errors import TransientError
from headwater_runtime.log import Log
from headwater_runtime.storage import Place
from headwater_runtime.storage.entry import Entry
from headwater_runtime.storage.reading import ChangedError

LISTED = Entry("a.csv", 900, 1_700_000_000_000_000, "etag-1")
PAGE = Entry("a.csv", 120, 0, "")  # what a proxy's page in place of the answer looks like


class Told:
    """A store that answers as told, the last answer again and again."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def stat(self, path):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def files(tmp_path, *answers):
    place = Place(f"file://{tmp_path}").begin(None, FakeClock(), Log())
    place.stores._made[place.url] = Told(*answers)  # the seam between places and their kinds
    return place.files("*.csv")


def test_a_page_in_place_of_the_answer_is_asked_away(tmp_path):
    files(tmp_path, PAGE, PAGE, LISTED).still(LISTED)


def test_a_page_that_stays_is_a_trouble_and_no_change_of_the_file(tmp_path):
    with pytest.raises(TransientError):
        files(tmp_path, PAGE).still(LISTED)


def test_another_file_is_a_change(tmp_path):
    with pytest.raises(ChangedError) as caught:
        files(tmp_path, Entry("a.csv", 120, LISTED.stamp, "etag-2")).still(LISTED)
    assert caught.value.found.size == 120


def test_a_store_that_never_tells_is_believed(tmp_path):
    blind = Entry("a.csv", 900, 0, "")
    files(tmp_path, blind).still(blind)


SECOND = 1_000_000


@pytest.mark.parametrize(
    ("listed", "now", "same"),
    [
        ((900, 7 * SECOND, ""), (901, 7 * SECOND, ""), False),
        ((900, 7 * SECOND, "a"), (901, 7 * SECOND, "a"), False),
        ((900, 7 * SECOND, "a"), (900, 7 * SECOND, "b"), False),
        ((900, 7 * SECOND, "a"), (900, 9 * SECOND, "a"), True),  # told in another unit
        ((900, 7 * SECOND, ""), (900, 8 * SECOND, ""), False),
        ((900, 7 * SECOND, ""), (900, 7 * SECOND + 5, ""), True),  # a listing in whole seconds
        ((900, 7 * SECOND + 5, ""), (900, 7 * SECOND + 6, ""), False),
        ((-1, 7 * SECOND, ""), (900, 7 * SECOND, ""), True),
        ((900, 7 * SECOND, ""), (900, 0, "a"), True),  # nothing that both tell
    ],
)
def test_what_tells_one_content_from_another(listed, now, same):
    assert Entry("a.csv", *listed).same(Entry("a.csv", *now)) is same
    assert Entry("a.csv", *now).same(Entry("a.csv", *listed)) is same
