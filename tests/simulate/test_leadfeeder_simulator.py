"""The Leadfeeder vendor over real HTTP, point by point of its reference."""

import csv
import io
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from headwater.simulate import Conditions, Fault, FaultPlan

from .vendor import serving

YEAR = {"start_date": "2024-01-01", "end_date": "2024-12-31"}
EVER = {"start_date": "2024-01-01", "end_date": "2025-01-01"}
HOME = "/accounts/123456"


def headers(configuration):
    return {"Authorization": f"Token token={configuration['LEADFEEDER_API_TOKEN']}"}


api = serving("leadfeeder", headers, requests_a_minute=None)


def size(number):
    return {"page[size]": str(number)}


def walk(vendor, path, **params):
    """Return every page by following `links.next`."""
    pages = [vendor.get(path, **params).json()]
    while following := pages[-1]["links"].get("next"):
        pages.append(vendor.http.get(following, headers=vendor.headers, timeout=5).json())
    return pages


def data(pages):
    return [one for page in pages for one in page["data"]]


def test_page_numbers_and_next_links_agree(api):
    vendor = api()
    linked = walk(vendor, f"{HOME}/visits", **YEAR, **size(40))
    counted = [
        vendor.get(f"{HOME}/visits", **YEAR, **size(40), **{"page[number]": str(number)}).json() for number in (1, 2, 3)
    ]
    assert [len(page["data"]) for page in linked] == [40, 40, 10]
    assert linked == counted
    assert "page%5Bnumber%5D=3" in linked[0]["links"]["last"]
    assert linked[-1]["links"]["next"] is None


def test_the_last_page_can_leave_next_out(api):
    assert "next" not in api(null_next=False).get(f"{HOME}/visits", **YEAR, **size(100)).json()["links"]


def test_pages_hold_ten_unless_asked(api):
    assert len(api().get(f"{HOME}/leads", **YEAR).json()["data"]) == 10


@pytest.mark.parametrize("number", ["0", "101", "ten", ""])
def test_an_impossible_page_size_is_400(api, number):
    reply = api().get(f"{HOME}/leads", **YEAR, **size(number))
    assert (reply.status_code, reply.json()["errors"][0]["status"]) == (400, "400")


def test_a_size_above_100_can_be_clamped(api):
    page = api(records=300, clamp_size=True).get(f"{HOME}/visits", **YEAR, **size(500)).json()
    assert len(page["data"]) == 100


@pytest.mark.parametrize(
    "days", [{}, {"start_date": "2024-01-01"}, {"start_date": "x", "end_date": "y"}, {**YEAR, "end_date": "2023-01-01"}]
)
def test_leads_and_visits_need_a_date_range(api, days):
    assert api().get(f"{HOME}/visits", **days).status_code == 400
    assert api(date_error=422).get(f"{HOME}/leads", **days).status_code == 422


def test_windows_of_days_divide_the_visits_among_them(api):
    vendor = api()
    edges = [datetime(2024, 1, 1) + timedelta(days=30 * turn) for turn in range(14)]
    seen = []
    for first, after in pairwise(edges):
        days = {"start_date": first.date(), "end_date": (after - timedelta(days=1)).date()}
        seen += [one["id"] for one in data(walk(vendor, f"{HOME}/visits", **days, **size(100)))]
    assert len(seen) == len(set(seen)) == 90


def test_the_order_is_one_nobody_promised_and_the_same_every_time(api):
    def ids(**options):
        return [one["id"] for one in data(walk(api(**options), f"{HOME}/visits", **YEAR, **size(30)))]

    mixed, oldest, newest = ids(), ids(order="oldest"), ids(order="newest")
    assert ids() == mixed != oldest == newest[::-1]
    assert sorted(mixed) == oldest
    assert set(mixed[:30]) != set(oldest[:30])  # also across the ends of pages


def test_moments_are_shared_by_several_visits(api):
    moments = [one["attributes"]["started_at"] for one in data(walk(api(), f"{HOME}/visits", **YEAR, **size(100)))]
    assert len(set(moments)) == 30


def test_a_lead_counts_its_visits_and_they_are_found_under_it(api):
    vendor = api()
    visits = data(walk(vendor, f"{HOME}/visits", **YEAR, **size(100)))
    for lead in data(walk(vendor, f"{HOME}/leads", **YEAR, **size(100)))[::7]:
        own = sorted(one["attributes"]["started_at"] for one in visits if one["attributes"]["lead_id"] == lead["id"])
        listed = vendor.get(f"{HOME}/leads/{lead['id']}/visits", **YEAR).json()["data"]
        assert sorted(one["attributes"]["started_at"] for one in listed) == own
        assert lead["attributes"]["visits"] == len(own)
        assert lead["attributes"]["first_visit_date"] == own[0][:10]
        assert lead["attributes"]["last_visit_date"] == own[-1][:10]


def test_a_visit_of_today_brings_an_old_lead_back(api):
    vendor = api()
    vendor.simulation.populations["visits"].grow(8)
    leads = data(walk(vendor, f"{HOME}/leads", start_date="2025-01-01", end_date="2025-01-01", **size(100)))
    assert {lead["attributes"]["last_visit_date"] for lead in leads} == {"2025-01-01"}
    assert min(lead["attributes"]["first_visit_date"] for lead in leads) < "2024-12-20"
    assert len(data(walk(vendor, f"{HOME}/visits", **EVER, **size(100)))) == 98


def test_growth_while_paging_moves_no_earlier_visit(api):
    vendor = api()
    before = [one["id"] for one in data(walk(vendor, f"{HOME}/visits", **EVER, **size(100)))]
    vendor.simulation.populations["visits"].grow(50)
    after = [one["id"] for one in data(walk(vendor, f"{HOME}/visits", **EVER, **size(100)))]
    assert after[:90] == before
    assert len(after) == 140


def test_a_late_visit_appears_in_a_day_that_was_over(api):
    vendor = api()
    vendor.simulation.populations["visits"].grow(1, late=5 * 86_400)
    found = data(walk(vendor, f"{HOME}/visits", start_date="2024-12-27", end_date="2024-12-27"))
    assert [one["id"] for one in found] == ["visit-0000091"]


def test_included_holds_each_location_the_page_refers_to_once(api):
    pages = walk(api(), f"{HOME}/visits", **YEAR, **size(100))
    relations = [one.get("relationships", "none") for one in data(pages)]
    assert "none" in relations
    assert {"location": None} in relations or {"location": {"data": None}} in relations
    named = {
        one["location"]["data"]["id"] for one in relations if one != "none" and (one["location"] or {}).get("data")
    }
    ids = [one["id"] for one in pages[0]["included"]]
    assert sorted(ids) == sorted(named)


def test_truth_is_what_the_endpoints_show(api):
    vendor = api(lacking=9)
    vendor.simulation.populations["visits"].grow(11)
    vendor.simulation.populations["leads"].edit(2)
    visits = walk(vendor, f"{HOME}/visits", **EVER, **size(100))
    leads = walk(vendor, f"{HOME}/leads", **EVER, **size(100))
    truth = {table: list(rows()) for table, rows in vendor.simulation.truth.items()}
    assert {row["id"] for row in truth["raw_leadfeeder_visits"]} == {one["id"] for one in data(visits)}
    shown = {one["id"]: one["attributes"] for one in data(leads)}
    assert {row["id"]: row["quality"] for row in truth["raw_leadfeeder_leads"]} == {
        one: attributes["quality"] for one, attributes in shown.items()
    }
    places = {one["id"] for page in (*visits, *leads) for one in page["included"]}
    assert {row["id"] for row in truth["raw_leadfeeder_locations"]} == places
    steps = sum(len(one["attributes"].get("visit_route", ())) for one in data(visits))
    assert len(truth["raw_leadfeeder_visit_routs"]) == steps > 100
    assert truth["raw_leadfeeder_visits"][0]["started_at"] == datetime(2024, 1, 2, tzinfo=timezone.utc)


def test_records_can_lack_attributes_or_be_none_at_all(api):
    vendor = api(lacking=10, broken=45)
    visits = data(walk(vendor, f"{HOME}/visits", **YEAR, **size(100)))
    assert sum("attributes" not in one for one in visits) == 2
    assert sum("page_depth" not in one.get("attributes", {"page_depth": 0}) for one in visits) == 8
    assert len(list(vendor.simulation.truth["raw_leadfeeder_visits"]())) == 88


def test_a_feed_restricts_leads_by_path_or_by_parameter(api):
    vendor = api()
    nested = data(walk(vendor, f"{HOME}/custom-feeds/feed-1/leads", **YEAR, **size(100)))
    assert nested == data(walk(vendor, f"{HOME}/leads", **YEAR, **size(100), custom_feed_id="feed-1"))
    assert 0 < len(nested) < len(data(walk(vendor, f"{HOME}/leads", **YEAR, **size(100))))
    assert vendor.get(f"{HOME}/custom-feeds/feed-3/leads", **YEAR).json()["data"] == []
    assert vendor.get(f"{HOME}/custom-feeds/feed-9/leads", **YEAR).status_code == 404


def test_a_leads_query_ends_at_ten_thousand_without_a_word(api):
    vendor = api(records=25_000)
    page = vendor.get(f"{HOME}/leads", **YEAR, **size(100)).json()
    assert "page%5Bnumber%5D=100&" in page["links"]["last"]
    beyond = vendor.get(f"{HOME}/leads", **YEAR, **size(100), **{"page[number]": "101"}).json()
    assert beyond["data"] == []
    half = {**YEAR, "end_date": "2024-06-30"}
    assert "page%5Bnumber%5D=65&" in vendor.get(f"{HOME}/leads", **half, **size(100)).json()["links"]["last"]


def test_the_other_endpoints_answer(api):
    vendor = api()
    accounts = vendor.get("/accounts").json()["data"]
    assert [one["id"] for one in accounts] == ["123456", "654321"]
    assert vendor.get(HOME).json()["data"] == accounts[0]
    assert len(vendor.get(f"{HOME}/custom-feeds").json()["data"]) == 3
    assert vendor.get(f"{HOME}/custom-feeds/feed-2").json()["data"]["attributes"]["name"] == "Große Firmen"
    assert vendor.get(f"{HOME}/leads/lead-000003").json()["data"]["id"] == "lead-000003"
    script = vendor.get(f"{HOME}/website-tracking-script").json()["data"]["attributes"]
    assert set(script) == {"script_hash", "script_html", "timezone"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/accounts/555555", 402),
        ("/accounts/999999/leads", 403),
        ("/accounts/1", 404),
        (f"{HOME}/leads/lead-999999", 404),
        (f"{HOME}/leads/x/visits", 404),
        ("/locations", 404),
        ("/download/1.csv", 404),
    ],
)
def test_errors_come_in_json_api_form(api, path, status):
    reply = api().get(path, **YEAR)
    assert reply.status_code == status
    assert set(reply.json()) == {"errors"}


@pytest.mark.parametrize("header", ["Token token=wrong", "Bearer leadfeeder-demo-token-41c9", ""])
def test_a_wrong_token_is_401(api, header):
    assert api().get(HOME, headers={"Authorization": header}).status_code == 401


def test_a_token_can_lack_a_permission_or_be_revoked(api):
    vendor = api(forbidden=("visits",), revoked_at=3)
    statuses = [vendor.get(f"{HOME}/{what}", **YEAR).status_code for what in ("leads", "visits", "leads")]
    assert statuses == [200, 403, 401]
    vendor.server.reset()
    assert vendor.get(f"{HOME}/leads", **YEAR).status_code == 200


def test_a_hundred_requests_a_minute_from_one_full_minute_to_the_next(api, clock):
    vendor = api(requests_a_minute=3)
    clock.sleep(50)
    assert [vendor.get("/accounts").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = vendor.get("/accounts")
    assert refused.json()["errors"][0]["links"]["about"].startswith("http://docs.leadfeeder.com")
    assert not {"Retry-After", "X-RateLimit-Limit"} & set(refused.headers)
    clock.sleep(10)
    assert vendor.get("/accounts").status_code == 200


def test_an_export_is_asked_for_polled_and_downloaded(api):
    vendor = api()
    asked = {"account_id": "123456", "custom_feed_id": None, **YEAR}
    made = vendor.post("/export-requests", {"data": {"type": "export_requests", "attributes": asked}}).json()["data"]
    path = f"/export-requests/{made['id']}"
    polled = [vendor.get(path).json()["data"]["attributes"] for _ in range(2)]
    assert [made["attributes"]["status"], *(one["status"] for one in polled)] == ["pending", "processing", "processed"]
    file = vendor.http.get(polled[-1]["download_url"], headers=vendor.headers, timeout=5)
    assert len(list(csv.DictReader(io.StringIO(file.content.decode())))) == len(vendor.simulation.populations["leads"])
    assert vendor.post("/export-requests", {"data": {}}).status_code == 400
    assert vendor.get("/export-requests/99").status_code == 404


def test_the_unified_api_has_its_own_key_paging_limits_and_errors(api):
    vendor = api()
    key = {"X-Api-Key": "leadfeeder-demo-key-8a20"}
    window = {"account_id": "123456", **YEAR, "page[size]": "25"}
    first = vendor.get("/v1/web-visits/companies", headers=key, **window).json()
    pages = [
        vendor.get("/v1/web-visits/companies", headers=key, **window, **{"page[num]": str(number)}).json()
        for number in range(1, first["meta"]["page_count"] + 1)
    ]
    assert len({one["id"] for page in pages for one in page["data"]}) == len(vendor.simulation.populations["leads"])
    posted = vendor.post("/v1/web-visits", {**YEAR, "page": {"num": 2, "size": 60}}, headers=key, account_id="123456")
    assert len(posted.json()["data"]) == 30
    assert "page_count" not in vendor.get("/v1/accounts", headers=key).json()["meta"]
    refused = vendor.get("/v1/accounts")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (401, "unauthorized")
    burst = [vendor.get("/v1/accounts", headers=key) for _ in range(20)]
    assert burst[-1].json() == {"code": "too_many_requests", "message": "Rate limit exceeded"}


def test_contract_breaks_strike_its_pages(api):
    vendor = api()
    vendor.server.reset(Conditions(FaultPlan.every(Fault("repeated_token"))))
    page = vendor.get(f"{HOME}/visits", **YEAR, **{"page[number]": "2"}).json()
    assert "page%5Bnumber%5D=2" in page["links"]["next"]
    vendor.server.reset(Conditions(FaultPlan.every(Fault("missing_records"))))
    assert "data" not in vendor.get(f"{HOME}/visits", **YEAR).json()
