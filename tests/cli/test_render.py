"""What the screen shows of results that are wider or longer than it."""

import io

import pytest
from rich.console import Console

from headwater.cli.render import render_debug, render_query
from headwater.model import Report

COLUMNS = ["id", "name", "note", "updated_at", "amount", "_fivetran_synced"]
ROW = [1, "Łódź " * 9, "a" * 80, "2026-01-01T00:00:00.000000Z", 12.5, "2026-01-01T00:00:00.000000Z"]


def shown(render, data, width):
    out = io.StringIO()
    render(Report("any", "ok", data), Console(file=out, width=width, highlight=False))
    return out.getvalue()


def debugged(**data):
    operations = ("upserts", "updates", "deletes", "truncates", "schema_changes", "checkpoints", "file_uploads")
    common = {"operations": dict.fromkeys(operations, 1), "state": {}, "seconds": 1.0, "peak_memory_mb": 150.0}
    return {"samples": {}, "tables": {"orders": 1}, "warehouse": "files/warehouse.db", **common, **data}


@pytest.mark.parametrize("width", [50, 60, 80, 200])
def test_a_sample_has_as_many_columns_as_fit_on_one_line(width):
    text = shown(render_debug, debugged(samples={"orders": {"columns": COLUMNS, "rows": [["x" * 36] * 6] * 3}}), width)
    table = text.split("rows\n", 1)[1].split("Operations", 1)[0].splitlines()
    assert len([line for line in table if "│" in line]) == 3


@pytest.mark.parametrize(("width", "across"), [(60, False), (80, False), (400, True)])
def test_a_row_that_is_wider_than_the_screen_goes_down_it(width, across):
    text = shown(render_query, {"columns": COLUMNS, "rows": [ROW, ROW], "more": False}, width)
    assert ("row 2" in text) is not across
    assert text.count("_fivetran_synced") == (1 if across else 2)
    assert text.count("2026-01-01T00:00:00.000000Z") == 4


def test_an_empty_answer_is_shown_too():
    text = shown(render_query, {"columns": ["id", "name"], "rows": [], "more": False}, 12)
    assert "0 row(s)" in text
    assert "id" in text


def test_of_a_long_state_the_beginning_is_shown():
    state = {"version": 1, "streams": {"orders": {"keys": "x" * 90_000, "open": [["y" * 301], 5]}}}
    text = shown(render_debug, debugged(state=state), 10_000)
    assert "90,000 characters" in text
    assert "301 characters" in text
    assert '"version": 1' in text
    assert len(text) < 2_000


def test_a_peak_that_is_not_known_is_not_shown():
    assert "peak 150 MB" in shown(render_debug, debugged(), 200)
    assert "peak" not in shown(render_debug, debugged(peak_memory_mb=0.04), 200)
