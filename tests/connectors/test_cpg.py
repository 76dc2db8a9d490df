"""Section by section, what was asked of the CPG connector, through the command line."""

import re

import pytest


def upserts(ran):
    return ran.report["operations"]["upserts"]


def test_a_debug_run_lands_750_rows_and_a_second_only_the_last_page(headwater, cpg):
    first = headwater("debug", cpg.project, "--json")
    assert first.code == 0, first
    report = first.report
    assert report["status"] == "ok"
    assert report["tables"] == {"cpg_records": 750}
    assert report["operations"] == {
        "upserts": 750,
        "updates": 0,
        "deletes": 0,
        "truncates": 0,
        "schema_changes": 1,
        "checkpoints": 8,
        "file_uploads": 0,
    }
    assert report["state"]["streams"]["cpg_records"]["token"]
    assert report["seconds"] > 0
    assert report["peak_memory_mb"] > 0

    second = headwater("debug", cpg.project, "--json")
    assert second.code == 0
    assert upserts(second) == 50
    assert second.report["tables"] == {"cpg_records": 750}
    assert second.report["state"] == report["state"]


def test_the_live_run_shows_its_six_parts_in_order(headwater, cpg):
    shown = headwater("debug", cpg.project, "--reset", "--yes")
    assert shown.code == 0, shown
    parts = [
        "cpg_records (key: record_id)",
        "Reset",
        "GET /cpg_data page_size=100",
        "checkpoint",
        "cpg_records: first 5 of 750 rows",
        "Operations",
        "State for the next sync",
    ]
    places = [shown.out.find(part) for part in parts]
    assert -1 not in places, dict(zip(parts, places, strict=True))
    assert places == sorted(places)
    for name, count in {"Upserts": 750, "Updates": 0, "Deletes": 0, "Truncates": 0, "Schema changes": 1}.items():
        assert re.search(rf"{name}\s+│ {count}\b", shown.out), shown.out
    assert cpg.configuration["api_key"] not in shown.out + shown.err


def test_reset_asks_and_starts_over(headwater, cpg):
    headwater("debug", cpg.project, "--json")
    refused = headwater("debug", cpg.project, "--reset")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert upserts(headwater("debug", cpg.project, "--json")) == 50, "a refused reset deletes nothing"
    (cpg.project / "files/storage/tester").mkdir(parents=True)
    assert upserts(headwater("debug", cpg.project, "--reset", "--yes", "--json")) == 750
    assert not (cpg.project / "files/storage").exists()


def test_a_state_file_elsewhere_is_read_and_written(headwater, cpg, tmp_path):
    state = tmp_path / "other.json"
    assert upserts(headwater("debug", cpg.project, "--state", state, "--json")) == 750
    assert upserts(headwater("debug", cpg.project, "--state", state, "--json")) == 50
    assert not (cpg.project / "files/state.json").exists()


def test_query_reads_the_warehouse(headwater, cpg):
    headwater("debug", cpg.project, "--json")
    report = headwater(
        "query", cpg.project, "select count(*) as n, min(order_date) as first from tester.cpg_records", "--json"
    ).report
    assert report["columns"] == ["n", "first"]
    assert report["rows"][0][0] == 750
    shown = headwater("query", cpg.project, "select product_category, count(*) from tester.cpg_records group by all")
    assert shown.code == 0
    assert "Beauty" in shown.out
    changed = headwater("query", cpg.project, "delete from tester.cpg_records")
    assert changed.code != 0
    assert headwater("query", cpg.project, "select count(*) from tester.cpg_records", "--json").report["rows"] == [
        [750]
    ]


def apply_readme(project):
    """Apply every diff block of the README to the module it names: old lines are replaced by the new ones."""
    blocks = re.findall(r"^```diff (\S+)\n(.*?)^```", (project / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    for name, block in blocks:
        text = (project / name).read_text()
        for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", block, re.MULTILINE):
            before, after = (re.sub(r"^[-+]", "", part, flags=re.MULTILINE) for part in (old, new))
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        (project / name).write_text(text)


def test_the_readmes_derived_field_and_second_table_work(headwater, cpg):
    headwater("debug", cpg.project, "--json")
    apply_readme(cpg.project)
    ran = headwater("debug", cpg.project, "--json")
    assert ran.code == 0, ran
    products = headwater(
        "query",
        cpg.project,
        "select (select count(distinct product_id) from tester.cpg_records), count(*), count(product_category) from tester.cpg_products",
        "--json",
    ).report["rows"][0]
    assert products[0] == products[1] == products[2] > 10
    margins = headwater(
        "query",
        cpg.project,
        "select count(*) from tester.cpg_records where abs(profit_margin - (1 - product_price / order_total)) < 1e-9",
        "--json",
    ).report["rows"][0][0]
    assert margins == 750, "a new table makes the stream start over, so every row has the new field"


@pytest.mark.parametrize("size", ["7", "200"])
def test_any_page_size_lands_the_same(headwater, cpg, size):
    cpg.configure(page_size=size)
    assert headwater("debug", cpg.project, "--json").report["tables"] == {"cpg_records": 750}


@pytest.mark.sdk
@pytest.mark.timeout(120)
def test_the_sdks_own_runner_lands_the_same(headwater, cpg):
    ran = headwater("debug", cpg.project, "--engine", "sdk", "--json", timeout=110)
    assert ran.code == 0, ran
    assert ran.report["tables"] == {"cpg_records": 750}
    assert ran.report["operations"]["upserts"] == 750
    assert ran.report["operations"]["checkpoints"] == 8
    assert ran.report["state"]["streams"]["cpg_records"]["token"]
    assert upserts(headwater("debug", cpg.project, "--json")) == 50, (
        "the SDK's warehouse and state serve the next run here"
    )
