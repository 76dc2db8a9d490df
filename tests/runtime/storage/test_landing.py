"""Columns that the destination would make one stay two, with and without an engine of columns."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.engine.naming import fivetran_name
from headwater_runtime import ContractError, Table
from headwater_runtime.storage import Csv, Jsonl
from headwater_runtime.storage.landing import apart_names, landed

from .conftest import run

ROWS = Table("rows", key=("_file", "_line"))
names = st.text("aAb_1 2éñ名-", max_size=5) | st.text(max_size=5)


@given(names)
@example("HTTPServer2Go")
def test_names_land_as_the_engine_says(name):
    assert landed(name) == fivetran_name(name)


@given(st.lists(names, unique=True, max_size=8).map(tuple))
@example(("a_2", "A", "a", "A_2"))
def test_names_made_apart_land_apart_and_others_stay(given_names):
    made = apart_names(given_names)
    assert len({landed(name) for name in made}) == len(set(made)) == len(given_names)
    first = {landed(name): name for name in reversed(given_names)}
    assert all(name == other for name, other in zip(given_names, made, strict=True) if first[landed(name)] == name)


def test_ten_thousand_names_without_a_latin_letter_are_made_apart_at_once():
    made = apart_names(tuple(chr(0x4E00 + number) for number in range(10_000)))
    assert len({landed(name) for name in made}) == 10_000


@pytest.mark.parametrize(
    ("name", "form", "content"),
    [
        ("a.csv", Csv(header=True), "Id,ID,Größe,grosse,名,前\n1,2,3,4,5,6\n"),
        ("a.jsonl", Jsonl(), json.dumps({"Id": "1", "ID": "2", "Größe": "3", "grosse": "4", "名": "5", "前": "6"})),
        ("b.jsonl", Jsonl(), json.dumps({"Id": "1", "ID": ["2"], "Größe": "3", "grosse": "4", "名": "5", "前": "6"})),
    ],
)
def test_every_value_lands(place, name, form, content):
    at, shelf = place("local")
    shelf.write(name, content)
    (row,) = run(at, name, format=form, into={ROWS: dict}).rows("rows")
    values = {fivetran_name(column): value for column, value in row.items()}
    assert {column: values[column] for column in ("id", "grosse", "_", "_2")} == {
        "id": "1", "grosse": "4", "_": "5", "_2": "6",
    }  # fmt: skip
    assert values["id_2"] in ("2", ["2"])
    assert values["gro_e"] == "3"


@pytest.mark.parametrize("content", ["_File,v\n1,2\n", "Day,v\n1,2\n"])
def test_a_column_that_lands_on_one_of_ours_is_refused(place, content):
    at, shelf = place("local")
    shelf.write("2024-01-01.csv", content)
    with pytest.raises(ContractError, match="of its own"):
        run(at, "{day:%Y-%m-%d}.csv", format=Csv(header=True), into={ROWS: dict})
