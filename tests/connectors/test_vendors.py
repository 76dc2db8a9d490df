"""The Leadfeeder and Virtuous connectors against their vendors: what was asked of each, compared with the vendors' truth."""

import pytest

from .served import synced, vendor

HOUR = 3_600.0
KEY = {"api_generation": "key", "LEADFEEDER_API_TOKEN": "leadfeeder-demo-key-8a20"}


def grow(served, by):
    """Rows come later than the last sync and before the next."""
    served.clock.pass_by(HOUR)
    served.grow(by)
    served.clock.pass_by(HOUR)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("leadfeeder", {}),
        ("leadfeeder", {"order": "newest", "null_next": False}),
        ("leadfeeder", {"lacking": 5}),
        ("virtuous", {}),
        ("virtuous", {"order": "newest", "errors": "older"}),
        ("virtuous", {"largest_healthy": 50}),
        ("virtuous", {"poison": 40}),
    ],
)
def test_it_lands_what_the_vendor_has_and_then_what_is_new(name, options):
    with vendor(name, **options) as (served, landing):
        first = synced(landing)
        assert served.untruth(landing.snapshot()) == ""
        grow(served, 20)
        second = synced(landing, first.result.state)
        assert served.untruth(landing.snapshot()) == ""
        assert second.result.operations["upserts"] < first.result.operations["upserts"] / 2


@pytest.mark.parametrize("name", ["leadfeeder", "virtuous"])
def test_an_empty_account(name):
    with vendor(name, records=0) as (served, landing):
        synced(landing)
        assert served.untruth(landing.snapshot()) == ""


# Leadfeeder -----------------------------------------------------------------------------------------------------------


def test_keys_of_the_second_generation_read_the_same_leads_and_visits():
    with vendor("leadfeeder") as (_, landing):
        synced(landing)
        old = landing.snapshot().rows
    with vendor("leadfeeder") as (_, landing):
        synced(landing, settings=KEY)
        new = landing.snapshot().rows

    def ids(rows, table):
        return {row["id"] for row in rows[table]}

    for table in ("raw_leadfeeder_leads", "raw_leadfeeder_visits"):
        assert ids(old, table) == ids(new, table) != set()


def test_a_record_that_lacks_a_field_is_logged_and_the_rest_go_on():
    with vendor("leadfeeder", broken=50) as (served, landing):
        sync = synced(landing)
        assert served.untruth(landing.snapshot()) == ""
        told = [line for line in sync.lines if "a record is left out" in line]
        assert len(told) == 5  # the first five by name of field, then the sum
        assert all("'attributes'" in line for line in told)
        assert any("12 records are left out" in line for line in sync.lines)


def test_each_stream_has_a_date_of_its_own():
    with vendor("leadfeeder") as (_, landing):
        state = synced(landing).result.state
    assert {name: entry["until"] for name, entry in state["streams"].items()} == {
        "raw_leadfeeder__leads": "2025-01-01",
        "raw_leadfeeder__visits": "2025-01-01",
    }


def test_an_account_without_a_paying_plan_has_no_rows():
    with vendor("leadfeeder") as (_, landing):
        sync = synced(landing, settings={"LEADFEEDER_ACCOUNT_ID": "555555"})
        assert sync.result.operations["upserts"] == 0


def test_what_the_token_may_not_read_does_not_stop_the_rest():
    with vendor("leadfeeder", forbidden=("leads",)) as (_, landing):
        sync = landing.sync()
        assert "403" in sync.trouble
        assert len(landing.snapshot().rows["raw_leadfeeder_visits"]) == 600


def test_the_limit_is_never_exceeded():
    with vendor("leadfeeder", requests_a_minute=10) as (served, landing):
        synced(landing, settings={"page_size": "10"})
        assert served.untruth(landing.snapshot()) == ""


# Virtuous -------------------------------------------------------------------------------------------------------------


def test_a_query_that_fails_alone_is_a_row_of_errors():
    with vendor("virtuous", poison=10) as (served, landing):
        sync = synced(landing)
        assert served.untruth(landing.snapshot()) == ""
        rows = landing.snapshot().rows["errors"]
    assert {row["stream"] for row in rows} == {"contacts", "contact_individuals", "gifts"}
    assert len(rows) >= 40
    for row in rows:
        assert row["status"] == 500
        assert "take=1" in row["url"]
        assert "sortBy" in row["payload"]
        assert "The query failed." in row["message"]
        assert row["at"] is not None
    assert served.configuration["api_key"] not in str(rows) + str(sync.result.state)


def test_the_state_holds_the_last_id_and_the_total():
    with vendor("virtuous") as (_, landing):
        state = synced(landing).result.state["streams"]["gifts"]
        assert state["rows"] == 300
        assert state["until"] == max(int(row["id"]) for row in landing.snapshot().rows["gifts"])
        assert "open" not in state


@pytest.mark.parametrize("parallel", ["1", "3", "8"])
def test_any_number_of_requests_at_a_time_lands_the_same(parallel):
    with vendor("virtuous", records=900) as (served, landing):
        synced(landing, settings={"parallel": parallel, "page_size": "50"})
        assert served.untruth(landing.snapshot()) == ""


def test_edits_arrive_and_cost_no_second_reading_of_the_rest():
    with vendor("virtuous") as (served, landing):
        state = synced(landing).result.state
        served.clock.pass_by(HOUR)
        for index in (3, 77, 290):
            served.simulation.populations["gifts"].edit(index)
        served.clock.pass_by(HOUR)
        second = synced(landing, state)
        assert served.untruth(landing.snapshot()) == ""
        assert second.result.operations["upserts"] < 100


def test_the_organisations_hour_is_waited_for():
    with vendor("virtuous", requests_an_hour=20) as (served, landing):
        begun = served.clock.monotonic()
        synced(landing, settings={"page_size": "20"})
        assert served.untruth(landing.snapshot()) == ""
        assert served.clock.monotonic() - begun > 600


def test_a_revoked_key_stops_it_with_progress_kept():
    with vendor("virtuous", revoked_at=6) as (_, landing):
        sync = landing.sync(settings={"page_size": "50", "parallel": "1"})
        assert "401" in sync.trouble
        assert sync.result.state["streams"]
