"""The CPG vendor over real HTTP, point by point of its reference."""

import re
import time
from collections import defaultdict
from datetime import date
from types import SimpleNamespace

import pytest

from headwater.simulate import serve

FIELDS = {
    "record_id": str,
    "order_id": str,
    "customer_id": str,
    "product_id": str,
    "order_date": str,
    "order_total": float,
    "product_price": float,
    "inventory_level": int,
    "customer_segment": str,
    "order_status": str,
    "product_category": str,
    "product_subcategory": str,
    "customer_ltv": float,
    "average_order_value": float,
    "product_review_count": int,
    "price_optimization_flag": bool,
    "price_elasticity": float,
    "demand_forecast": int,
    "inventory_turnover": float,
    "stockout_rate": float,
    "overstock_rate": float,
    "revenue_growth_rate": float,
    "customer_satisfaction_rate": float,
    "price_optimization_date": str,
    "price_optimization_result": str,
    "price_optimization_recommendation": str,
    "order_frequency": int,
    "product_rating": float,
}


@pytest.fixture
def api(cpg, http, clock):
    """Return a served vendor: `build(**options)`, then `get(path, **params)` with the key on."""
    servers = []

    def build(**options):
        simulation = cpg.simulation(**options)
        server = serve(simulation, clock=clock)
        servers.append(server)
        key = cpg.configuration(server.url)["api_key"]

        def get(path="/cpg_data", headers=None, **params):
            return http.get(server.url + path, params=params, headers={"api_key": key} if headers is None else headers)

        return SimpleNamespace(
            server=server, key=key, get=get, population=simulation.populations["cpg_records"], truth=simulation.truth
        )

    yield build
    for server in servers:
        server.close()


def walk(get, path="/cpg_data", cursor=None, **params):
    """Return every page from `cursor` on."""
    pages = []
    while True:
        page = get(path, **params, **({"cursor": cursor} if cursor else {})).json()
        pages.append(page)
        cursor = page.get("next_cursor")
        if cursor is None:
            return pages


def test_750_records_come_in_seven_full_pages_and_one_of_fifty(api):
    pages = walk(api().get)
    assert [len(page["cpg_records"]) for page in pages] == [100] * 7 + [50]
    assert [page["has_more"] for page in pages] == [True] * 7 + [False]
    assert pages[-1]["next_cursor"] is None
    assert len({record["record_id"] for page in pages for record in page["cpg_records"]}) == 750


def test_the_log_counts_the_records_of_each_page(api):
    vendor = api(records=150, empty_page_at=0)
    walk(vendor.get)
    vendor.get("/cpg_api_spec")
    assert [one.records for one in vendor.server.log] == [0, 100, 50, None]


def test_a_record_has_the_28_fields_with_their_types(api):
    for record in api().get(page_size=200).json()["cpg_records"]:
        assert {name: type(value) for name, value in record.items()} == FIELDS


def test_formats_are_the_documented_ones(api):
    for record in api().get().json()["cpg_records"]:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", record["record_id"])
        assert re.fullmatch(r"ORDER_\d{6}", record["order_id"])
        assert re.fullmatch(r"CUSTOMER_\d{6}", record["customer_id"])
        assert date.fromisoformat(record["order_date"]) >= date(2024, 1, 1)


def test_products_repeat_and_keep_their_category(api):
    kinds = defaultdict(set)
    for page in walk(api().get):
        for record in page["cpg_records"]:
            kinds[record["product_id"]].add((record["product_category"], record["product_subcategory"]))
    assert 50 <= len(kinds) <= 60
    assert all(len(kind) == 1 for kind in kinds.values())


def test_cursors_are_32_hex_characters_and_stay_good_as_the_data_grows(api):
    vendor = api()
    cursors = [page["next_cursor"] for page in walk(vendor.get)[:-1]]
    assert all(re.fullmatch(r"[0-9a-f]{32}", cursor) for cursor in cursors)
    vendor.population.grow(130)
    pages = walk(vendor.get, cursor=cursors[-1])
    assert [len(page["cpg_records"]) for page in pages] == [100, 80]
    assert [record["record_id"] for page in pages for record in page["cpg_records"]] == [
        vendor.population.record(index)["record_id"] for index in range(700, 880)
    ]


def test_a_cursor_of_one_server_is_good_at_the_next(api):
    cursor = api().get().json()["next_cursor"]
    assert api().get(cursor=cursor).json()["cpg_records"][0]["record_id"] == api().population.record(100)["record_id"]


@pytest.mark.parametrize("cursor", ["", "nonsense", "0" * 32, "zz" * 16])
def test_a_cursor_it_never_gave_is_400(api, cursor):
    reply = api().get(cursor=cursor)
    assert (reply.status_code, reply.json()["error"]) == (400, "Bad Request")


def test_a_cursor_of_another_data_set_is_400(api):
    vendor = api()
    cursor = vendor.get("/spl_data").json()["next_cursor"]
    assert vendor.get(cursor=cursor).status_code == 400


@pytest.mark.parametrize(("size", "pages"), [(1, 5), (2, 3), (200, 1)])
def test_page_size_is_obeyed(api, size, pages):
    assert len(walk(api(records=5).get, page_size=size)) == pages


@pytest.mark.parametrize("size", ["0", "201", "-1", "ten", "1.5", "", "٣"])
def test_a_page_size_out_of_range_is_400(api, size):
    reply = api().get(page_size=size)
    assert (reply.status_code, reply.json()["error"]) == (400, "Bad Request")


@pytest.mark.parametrize("name", ["api_key", "x-api-key", "API_KEY", "X-Api-Key"])
def test_the_key_is_taken_under_either_name(api, name):
    vendor = api()
    assert vendor.get(headers={name: vendor.key}).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"api_key": "wrong"}, {"Authorization": "cpg-demo-key-7f3e"}])
def test_a_missing_or_wrong_key_is_401(api, headers):
    reply = api().get(headers=headers)
    assert (reply.status_code, reply.json()["error"]) == (401, "Unauthorized")


def test_the_spec_document_needs_no_key_and_names_every_field(api):
    spec = api().get("/cpg_api_spec", headers={}).json()
    page = spec["paths"]["/cpg_data"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(page["properties"]["cpg_records"]["items"]["properties"]) == set(FIELDS)


def test_the_last_cursor_can_be_left_out(api):
    page = api(records=3, null_cursor=False).get().json()
    assert "next_cursor" not in page
    assert page["has_more"] is False


@pytest.mark.parametrize("records", [0, 1])
def test_tiny_sources_are_one_page(api, records):
    (page,) = walk(api(records=records).get)
    assert len(page["cpg_records"]) == records
    assert page["has_more"] is False


def test_an_empty_page_can_come_in_the_middle(api):
    pages = walk(api(records=250, empty_page_at=120).get)
    assert [len(page["cpg_records"]) for page in pages] == [100, 0, 100, 50]
    assert len({page["next_cursor"] for page in pages}) == 4


def test_the_same_seed_gives_the_same_data_and_another_does_not(cpg):
    def records(seed):
        return list(cpg.simulation(seed=seed, records=20).populations["cpg_records"].records())

    assert records(1) == records(1) != records(2)


def test_the_truth_holds_every_record_with_dates_as_dates(api):
    vendor = api(records=40)
    rows = list(vendor.truth["cpg_records"]())
    shown = vendor.get().json()["cpg_records"]
    assert [
        {**row, **{name: row[name].isoformat() for name in row if isinstance(row[name], date)}} for row in rows
    ] == shown
    assert {name for name, value in rows[0].items() if isinstance(value, date)} == {
        "order_date",
        "price_optimization_date",
    }


def test_an_edit_keeps_what_identifies_a_record(api):
    vendor = api(records=3)
    before = vendor.get().json()["cpg_records"]
    vendor.population.edit(1)
    after = vendor.get().json()["cpg_records"]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    assert [record["record_id"] for record in before] == [record["record_id"] for record in after]


@pytest.mark.parametrize(("code", "count"), [("agr", 750), ("spl", 600), ("tlc", 750)])
def test_sibling_data_sets_are_paged_the_same_way(api, code, count):
    rows = [record for page in walk(api().get, f"/{code}_data", page_size=200) for record in page[f"{code}_records"]]
    assert len({row["record_id"] for row in rows}) == len(rows) == count
    assert ("last_updated_epoch" in rows[0]) == (code in {"spl", "tlc"})


def test_the_end_of_a_million_records_is_reached_without_making_them(api):
    vendor = api(records=1_000_000)
    began = time.monotonic()
    vendor.population.grow(1)
    assert vendor.population.record(1_000_000)["record_id"]
    assert len(vendor.get().json()["cpg_records"]) == 100
    assert time.monotonic() - began < 2
