"""`python -m benchmarks http` measures syncs that read everything, and sees one that does not. No time is asserted."""

from __future__ import annotations

import pytest

from benchmarks.contestants.tally import Tally, served_records
from benchmarks.measure import Failed
from benchmarks.over_http.cost import cost_section, costs
from benchmarks.over_http.growth import growth, growth_section
from benchmarks.over_http.section import PARTS, http_section
from benchmarks.over_http.stage import OFFSET, RUNTIME, Plan, staged
from benchmarks.over_http.waiting import aheads, flight_section, flights, prefetch_section
from benchmarks.records import write_pool


@pytest.fixture
def plan(tmp_path):
    return Plan(
        records=250,
        compared=120,
        page_size=50,
        waited=6,
        waited_page_sizes=(10,),
        latency=0.002,
        rounds=1,
        cache=tmp_path,
    )


def test_every_contestant_hands_over_every_value(plan):
    found = costs(plan)
    assert [(one.wrong, len(one.runs)) for one in found] == [("", 1)] * 4
    assert [set(one.runs[0].versions) - {"fivetran_connector_sdk", "requests"} for one in found][-2:] == [
        set(),
        {"orjson"},
    ]
    text = cost_section(found, plan)
    assert text.count("verified |") == 4
    assert "120 records" in text


def test_syncs_of_each_size_come_to_their_end(plan):
    found = growth(plan)
    assert [(one.records, one.problem, one.run is not None) for one in found] == [(120, "", True), (250, "", True)]
    assert growth_section(found, plan).count("verified |") == 2


def test_a_sync_beyond_its_address_space_is_told(plan, tmp_path):
    with staged(plan, 120, 50) as stage, pytest.raises(Failed):
        stage.run(RUNTIME, "keys", address_space=50_000_000)


def test_requests_in_flight_lose_nothing(plan):
    found = flights(plan)
    assert [(one.width, one.wrong, len(one.seconds)) for one in found] == [(width, "", 1) for width in (1, 2, 4, 8)]
    assert flight_section(found, plan).count("verified |") == 4


def test_reading_ahead_loses_nothing(plan):
    found = aheads(plan)
    assert [(one.emit, one.wrong) for one in found] == [("sleeping", ""), ("busy", "")]
    assert all(len(times) == 1 for one in found for times in (one.fetch, one.emitting, one.both))
    assert prefetch_section(found, plan).count("verified |") == 2


def test_only_the_parts_asked_for_are_measured(plan):
    text = http_section(plan, ["memory"])
    assert "**Memory.**" in text
    assert text.count("**") == 2
    assert list(PARTS) == ["cost", "memory", "flight", "prefetch"]


@pytest.mark.parametrize("what", ["keys", "content"])
def test_rows_that_are_missing_or_out_of_order_are_seen(plan, what):
    with staged(plan, 60, 10) as stage:
        run = stage.run(OFFSET, what)
        assert stage.wrong(run, what) == ""
    with staged(plan, 59, 10) as stage:
        assert stage.wrong(run, what) == "60 rows instead of 59"
    pool = stage.pool
    rows = list(served_records(pool, 60))
    straight, swapped = Tally(what, pool), Tally(what, pool)
    for row, other in zip(rows, [rows[1], rows[0], *rows[2:]], strict=True):
        straight.upsert("", row)
        swapped.upsert("", other)
    assert straight.told() == run.told["reached"]
    assert swapped.told() != straight.told()


def test_content_is_compared_by_meaning(tmp_path):
    pool = tmp_path / "pool.jsonl"
    write_pool(pool, 10)
    record = next(served_records(pool, 1))
    assert type(record["order_total"]) is float

    def digest(**changed):
        tally = Tally("content", pool)
        tally.upsert("", {**record, **changed})
        return tally.digest

    assert digest(order_total=repr(record["order_total"])) == digest()
    assert digest(order_total=record["order_total"] + 0.01) != digest()
    assert digest(order_status=None) != digest()
    with pytest.raises(ValueError, match="29 columns"):
        digest(more=1)
