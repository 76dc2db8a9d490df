"""The benchmarks measure what they say: every record is served once, and what is landed is judged. No time is asserted."""

from __future__ import annotations

import json
from collections import Counter

import duckdb
import pytest

from benchmarks import verify
from benchmarks.measure import Run
from benchmarks.records import FIELD, pool_size, write_pool
from benchmarks.report import rest_section, write_section
from benchmarks.rest import compete
from benchmarks.roster import contestants
from benchmarks.server import Pages
from benchmarks.turns import Outcome, Plan

SHORT = [one for one in contestants(100) if one.script in {"floor", "engine"} and not one.requirements]


def test_a_tiny_run_lands_verified_content(tmp_path):
    plan = Plan(records=300, page_size=100, rounds=1, cache=tmp_path, rehearse=False)
    outcomes = compete(SHORT, plan)
    assert [(one.failed, one.wrong, len(one.runs)) for one in outcomes] == [("", "", 1)] * len(SHORT)
    text = rest_section(outcomes, plan, {}, published=True)
    assert text.count("verified") == len(SHORT)


@pytest.mark.parametrize("records", [1, 10, 25, 30, 67])
def test_each_record_is_served_once_in_any_cycle(tmp_path, records):
    lines = (b'{"record_id":"0000-%02d"}' % number for number in range(30))
    pages, seen, following = Pages(list(lines), records, 10), Counter(), ""
    while following is not None:
        body = json.loads(
            pages.answer(b"GET /cpg_data?page_size=10&cursor=%s HTTP/1.1" % following.encode()).split(b"\r\n\r\n")[1]
        )
        seen.update(record["record_id"] for record in body[FIELD])
        assert body["has_more"] is (body["next_cursor"] is not None)
        following = body["next_cursor"]
    assert (seen.total(), len(seen)) == (records, records)


def test_pages_by_offset_are_those_by_cursor():
    lines = [b'{"record_id":"0000-%02d"}' % number for number in range(30)]
    pages = Pages(lines, 67, 10)
    for number in range(7):
        by_cursor, by_offset = (
            pages.answer(b"GET /cpg_data?%s HTTP/1.1" % query)
            for query in (b"cursor=p%d" % number, b"limit=10&offset=%d0" % number)
        )
        assert by_cursor == by_offset
        assert json.loads(by_cursor.split(b"\r\n\r\n")[1])["total"] == 67
    for query in (b"offset=70", b"offset=15", b"cursor=p7"):
        assert pages.answer(b"GET /cpg_data?%s HTTP/1.1" % query).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            "UPDATE t SET order_total = order_total + 0.01 WHERE record_id = (SELECT min(record_id) FROM t)",
            "values differ",
        ),
        ("UPDATE t SET order_status = NULL WHERE record_id = (SELECT min(record_id) FROM t)", "values differ"),
        ("DELETE FROM t WHERE record_id = (SELECT min(record_id) FROM t)", "39 rows instead of 40"),
        ("UPDATE t SET record_id = (SELECT min(record_id) FROM t)", "1 different keys instead of 40"),
        ("ALTER TABLE t ALTER order_total TYPE FLOAT", ""),
        ("UPDATE t SET revenue_growth_rate = -revenue_growth_rate", "values differ"),
        ("ALTER TABLE t ALTER order_date TYPE VARCHAR", ""),
    ],
)
def test_damage_is_seen_and_types_are_not(tmp_path, damage, said):
    pool, warehouse = tmp_path / "pool.jsonl", tmp_path / "w.db"
    write_pool(pool, pool_size(40, 10))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"CREATE TABLE t AS FROM read_json('{pool}')")
        connection.execute(damage)
    assert verify.landed(warehouse, "t", pool).against(verify.truth(pool, 40)) == said


def test_what_may_not_be_published_is_not_written(tmp_path):
    run = Run(wall=12.34, cpu=11.0, sync=12.0, sync_cpu=10.0, peak=200.0)
    outcomes = [Outcome(one, 1_000, [run]) for one in contestants(100)]
    hidden = [one.name for one in contestants(100) if not one.published]
    printed, written = (rest_section(outcomes, Plan(), {}, published=published) for published in (False, True))
    assert hidden
    assert all(name in printed and name not in written for name in hidden)
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- benchmarks: rest -->\nold\n<!-- end of benchmarks: rest -->\nb\n")
    write_section(page, "rest", written)
    assert page.read_text() == f"a\n<!-- benchmarks: rest -->\n{written}\n<!-- end of benchmarks: rest -->\nb\n"
