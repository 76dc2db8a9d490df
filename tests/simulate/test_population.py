"""Records by index, and tokens that hold their position."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.simulate import Population, PositionToken, Remembered, choice, draw


def make(seed, index, version):
    return {"id": index, "value": draw("test", seed, index, version)[0]}


def test_a_record_depends_on_seed_and_index_alone():
    small, large = Population(make, 10, seed=4), Population(make, 5_000_000, seed=4)
    assert small.record(9) == large.record(9)
    assert small.record(9) != Population(make, 10, seed=5).record(9)


def test_growth_appends_and_moves_nothing():
    population = Population(make, 3)
    before = list(population.records())
    population.grow(2)
    assert len(population) == 5
    assert list(population.records())[:3] == before


def test_an_edit_changes_one_record_and_the_revision():
    population = Population(make, 3)
    before, revision = list(population.records()), population.revision
    population.edit(1)
    after = list(population.records())
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    assert population.revision != revision


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_record_outside(index):
    population = Population(make, 3)
    with pytest.raises(IndexError):
        population.record(index)
    with pytest.raises(IndexError):
        population.edit(index)


def test_records_stop_where_the_population_does():
    assert [record["id"] for record in Population(make, 5).records(3, 9)] == [3, 4]


def test_draws_are_the_same_on_every_machine():
    assert draw("cpg", 0, 0)[:3] == (28014, 40055, 47057)


def test_choice_reaches_every_option():
    assert {choice("abc", word) for word in range(0, 65536, 101)} == set("abc")


@given(st.integers(0, 2**64 - 1))
def test_a_token_gives_its_position_back(position):
    token = PositionToken(b"k").encode(position)
    assert len(token) == 32
    assert PositionToken(b"k").decode(token) == position


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32) | st.text(max_size=40))
def test_a_made_up_token_is_refused(text):
    assert PositionToken(b"k").decode(text) is None


def test_a_token_of_another_key_is_refused():
    assert PositionToken(b"other").decode(PositionToken(b"k").encode(100)) is None


def test_neighbouring_positions_have_unrelated_tokens():
    one, other = (PositionToken(b"k").encode(position) for position in (100, 101))
    assert sum(a == b for a, b in zip(one, other, strict=True)) < 12


def test_what_was_made_is_kept_until_something_changes():
    population, made = Population(make, 5), []

    def text(index):
        made.append(index)
        return str(population.record(index))

    texts = Remembered(text, lambda: population.revision, most=2)
    assert texts.many([0, 1, 0, 1]) == [str(population.record(index)) for index in (0, 1, 0, 1)]
    assert made == [0, 1]
    population.edit(1)
    assert texts(1) == str(population.record(1))
    texts.many([2, 3, 1])
    assert made == [0, 1, 1, 2, 3, 1]


def test_a_watcher_hears_of_every_change_when_it_has_happened():
    population = Population(lambda seed, index, version: {"id": index, "version": version}, 2)
    heard = []

    def watcher(indices):
        versions = ((index, population.as_it_was(index)["version"]) for index in indices)
        heard.extend((*one, one[0] in population.deleted, len(population)) for one in versions)

    population.watch(watcher)
    population.grow(2)
    population.edit(0)
    population.delete(3)
    assert heard == [(2, 0, False, 4), (3, 0, False, 4), (0, 1, False, 4), (3, 0, True, 4)]
