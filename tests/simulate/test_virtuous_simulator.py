"""The Virtuous vendor over real HTTP, point by point of its reference."""

from datetime import datetime, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
import requests

from headwater.simulate import Conditions, Fault, FaultPlan

from .vendor import serving

GIFTS = "/api/Gift/Query/FullGift"
CONTACTS = "/api/Contact/Query/FullContact"
PEOPLE = "/api/ContactIndividual/Query"


def headers(configuration):
    return {"Authorization": f"Bearer {configuration['api_key']}"}


api = serving("virtuous", headers)


def condition(parameter, operator, value=None, **more):
    return {"parameter": parameter, "operator": operator, "value": value, **more}


def query(vendor, path, *groups, sort="Id", descending=False, skip=0, take=1000):
    body = {
        "groups": [{"conditions": list(conditions)} for conditions in groups],
        "sortBy": sort,
        "descending": descending,
    }
    return vendor.post(path, body, skip=skip, take=take)


def rows(vendor, path, *groups, **how):
    return query(vendor, path, *groups, **how).json()["list"]


def ids(vendor, path, *groups, **how):
    return [one["id"] for one in rows(vendor, path, *groups, **how)]


def test_skip_and_take_page_through_everything(api):
    vendor = api()
    pages = [query(vendor, GIFTS, skip=skip, take=40).json() for skip in (0, 40, 80, 120)]
    assert [len(page["list"]) for page in pages] == [40, 40, 10, 0]
    assert {page["total"] for page in pages} == {90}
    seen = [one["id"] for page in pages for one in page["list"]]
    assert seen == sorted(set(seen))
    assert len(seen) == 90


def test_an_id_cursor_reads_on_after_the_last_id(api):
    vendor = api()
    every, last, seen = ids(vendor, GIFTS), 0, []
    while page := ids(vendor, GIFTS, [condition("Id", "GreaterThan", last)], take=7):
        seen += page
        last = page[-1]
    assert seen == every
    assert any(b - a > 1 for a, b in pairwise(every))  # ids leave gaps


@pytest.mark.parametrize("path", [CONTACTS, PEOPLE, "/api/GiftDesignation/Query", "/api/Project/Query"])
def test_every_entity_has_unique_rising_ids(api, path):
    found = ids(api(), path)
    assert found == sorted(set(found)) != []
    assert ids(api(), path, descending=True) == found[::-1]


def test_ids_can_be_bounded_on_both_sides(api):
    vendor = api()
    every = ids(vendor, GIFTS)
    low, high = every[20], every[70]
    inside = [one for one in every if low < one <= high]
    assert ids(vendor, GIFTS, [condition("Id", "GreaterThan", low), condition("Id", "LessThanOrEqual", high)]) == inside
    assert ids(vendor, GIFTS, [condition("Id", "Between", low + 1, secondaryValue=high)]) == inside
    assert ids(vendor, GIFTS, [condition("Id", "Is", low)]) == [low]


def test_groups_are_alternatives_and_their_conditions_hold_together(api):
    vendor = api()
    every = rows(vendor, GIFTS)
    found = ids(
        vendor,
        GIFTS,
        [condition("Gift Type", "Is", "Cash"), condition("Amount", "GreaterThan", 1000)],
        [condition("Batch", "IsNotKnown")],
    )
    assert found == [
        one["id"] for one in every if (one["giftType"] == "Cash" and one["amount"] > 1000) or one["batch"] is None
    ]
    assert 0 < len(found) < 90


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        (condition("Gift Type", "In", values=["Cash", "Check"]), lambda one: one["giftType"] in {"Cash", "Check"}),
        (condition("Gift Type", "IsNoneOf", values=["Cash"]), lambda one: one["giftType"] != "Cash"),
        (condition("Gift Type", "StartsWith", "c"), lambda one: one["giftType"][0] == "C"),
        (condition("Gift Type", "Contains", "fund"), lambda one: "Funds" in one["giftType"]),
        (condition("Private", "IsFalse"), lambda one: not one["isPrivate"]),
        (condition("Receipt Date", "IsKnown"), lambda one: one["receiptDate"] is not None),
        (condition("Gift Date", "Before", "06/01/2024"), lambda one: one["giftDate"] < "2024-06-01"),
        (condition("Gift Date", "OnOrBefore", "2024-05-31"), lambda one: one["giftDate"] < "2024-06-01"),
        (condition("Create Date", "After", "2024-06-01"), lambda one: one["createDateTimeUtc"] >= "2024-06-02"),
        (condition("Last Modified Date", "Is", "2024-01-02"), lambda one: one["createDateTimeUtc"] < "2024-01-03"),
        (
            condition("Last Modified Date", "OnOrAfter", "30 Days Ago"),
            lambda one: one["createDateTimeUtc"] > "2024-12-02",
        ),
        (
            condition("Last Modified DateTime UTC", "OnOrAfter", "2024-06-01T12:00:00"),
            lambda one: one["modifiedDateTimeUtc"] >= "2024-06-01T12:00:00",
        ),
    ],
)
def test_operators_mean_what_they_say(api, asked, holds):
    vendor = api()
    every = rows(vendor, GIFTS)
    assert ids(vendor, GIFTS, [asked]) == [one["id"] for one in every if holds(one)] != []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({"groups": {"conditions": []}}, "groups"),
        ({"groups": [{"conditions": "x"}]}, "groups"),
        ({"groups": [{"conditions": [condition("Shoe Size", "Is", 1)]}]}, "parameter"),
        ({"groups": [{"conditions": [condition("Id", "Contains", 1)]}]}, "operator"),
        ({"groups": [{"conditions": [condition("Id", "Is", "x")]}]}, "value"),
        ({"groups": [{"conditions": [condition("Create Date", "Is", 5)]}]}, "value"),
        ({"groups": [{"conditions": [condition([], "Is", 1)]}]}, "parameter"),
        ({"sortBy": "Shoe Size"}, "sortBy"),
        ({"sortBy": ["Id"]}, "sortBy"),
    ],
)
def test_a_query_it_does_not_take_is_400_and_names_the_field(api, body, field):
    reply = api().post(GIFTS, body)
    assert reply.status_code == 400
    assert reply.json()["error"]["details"][0]["field"] == field


def test_take_is_ten_unless_asked_and_at_most_a_thousand(api):
    vendor = api(records=1_100)
    assert len(vendor.post(GIFTS, {}).json()["list"]) == 10
    assert query(vendor, GIFTS, take=1001).json()["error"]["details"][0]["field"] == "take"
    assert len(rows(api(records=1_100, clamp_take=True), GIFTS, take=5000)) == 1000


def test_without_a_sort_the_order_is_nobody_s_promise(api):
    vendor = api()
    plain = ids(vendor, GIFTS, sort="")
    assert plain == ids(vendor, GIFTS, sort="") != ids(vendor, GIFTS)
    assert sorted(plain) == ids(vendor, GIFTS)


def test_sorting_by_a_date_leaves_ties_in_their_own_order(api):
    moments = [one["modifiedDateTimeUtc"] for one in rows(api(), GIFTS, sort="Last Modified Date")]
    assert moments == sorted(moments)
    assert len(set(moments)) == 23
    by_date = ids(api(), GIFTS, sort="Last Modified DateTime UTC")
    assert by_date != ids(api(), GIFTS)
    assert len(set(rows(api(), GIFTS, sort="Batch", take=90)[0])) > 40


def test_an_edit_is_found_by_its_date_and_a_deletion_by_nothing(api, clock):
    vendor = api()
    gifts = vendor.simulation.populations["gifts"]
    before = rows(vendor, GIFTS)
    gifts.edit(10)
    gifts.delete(20)
    clock.sleep(1.25)
    gifts.edit(5)
    changed = rows(vendor, GIFTS, [condition("Last Modified Date", "OnOrAfter", "2025-01-01")])
    assert [one["id"] for one in changed] == [before[5]["id"], before[10]["id"]]
    assert [one["modifiedDateTimeUtc"] for one in changed] == ["2025-01-01T00:00:01.25", "2025-01-01T00:00:00"]
    assert changed[0]["createDateTimeUtc"] == before[5]["createDateTimeUtc"]
    assert len(ids(vendor, GIFTS)) == 89
    gone = vendor.get(f"/api/Gift/{before[20]['id']}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "NOT_FOUND")
    parts = {one["giftId"] for one in rows(vendor, "/api/GiftDesignation/Query")}
    assert parts == {one["id"] for one in rows(vendor, GIFTS)}


def test_growth_of_gifts_brings_contacts_and_individuals(api):
    vendor = api()
    counts = [len(ids(vendor, path)) for path in (GIFTS, CONTACTS, PEOPLE)]
    vendor.simulation.populations["gifts"].grow(12)
    assert [len(ids(vendor, path)) for path in (GIFTS, CONTACTS, PEOPLE)] == [
        counts[0] + 12,
        counts[1] + 4,
        counts[2] + 5,
    ]
    assert all(one["modifiedDateTimeUtc"] == "2025-01-01T00:00:00" for one in rows(vendor, CONTACTS)[-4:])


def test_shapes_are_those_of_the_reference(api):
    vendor = api()
    full, light = rows(vendor, GIFTS)[1], rows(vendor, "/api/Gift/Query")[1]
    assert (type(full["amount"]), light["amount"]) == (float, full["amountFormatted"])
    assert light["giftDate"] == full["giftDateFormatted"]
    assert round(sum(one["amountDesignated"] for one in full["giftDesignations"]), 2) == full["amount"]
    contact = rows(vendor, CONTACTS)[0]
    assert isinstance(contact["address"], dict)
    assert isinstance(rows(vendor, "/api/Contact/Query")[0]["address"], str)
    assert isinstance(rows(vendor, "/api/Project/Query")[0]["customFields"], dict)
    assert contact["contactIndividuals"] == [one for one in rows(vendor, PEOPLE) if one["contactId"] == contact["id"]]
    assert len({len(one["modifiedDateTimeUtc"]) for one in rows(api(records=777), GIFTS)}) > 2
    assert any(one["mergedIntoContactId"] for one in rows(api(records=600), CONTACTS))


def test_single_reads_agree_with_the_queries(api):
    vendor = api()
    contact = rows(vendor, CONTACTS)[3]
    assert vendor.get(f"/api/Contact/{contact['id']}").json() == contact
    email = contact["contactIndividuals"][0]["contactMethods"][0]["value"]
    assert vendor.get("/api/Contact/Find", email=email).json() == contact
    assert vendor.get("/api/Contact/Find", email="x").status_code == 404
    people = vendor.get(f"/api/ContactIndividual/ByContact/{contact['id']}").json()
    assert people == {"list": contact["contactIndividuals"], "total": len(contact["contactIndividuals"])}
    assert vendor.get(f"/api/ContactAddress/ByContact/{contact['id']}").json() == [contact["address"]]
    gifts = vendor.get(f"/api/Gift/ByContact/{contact['id']}", take=100).json()["list"]
    assert {one["contactId"] for one in gifts} == {contact["id"]}
    assert vendor.get("/api/Organization/Current").ok
    assert vendor.get("/api/Contact/Types").json()[0] == {"name": "Household"}


def test_options_name_the_parameters_and_operators(api):
    options = api().get("/api/Gift/Query/QueryOptions").json()
    (amount,) = [one for one in options["options"] if one["parameter"] == "Amount"]
    assert amount["type"] == "Decimal"
    assert {"operator": "Between", "multipleValuesAllowed": False, "valueRequired": True} in amount["operatorOptions"]
    assert set(options) == {"options", "operatorOptions"}


def test_truth_is_what_the_queries_show(api):
    vendor = api()
    vendor.simulation.populations["gifts"].grow(5)
    vendor.simulation.populations["gifts"].delete(7)
    vendor.simulation.populations["contacts"].edit(1)
    truth = {table: list(found()) for table, found in vendor.simulation.truth.items()}
    paths = dict(zip(truth, (CONTACTS, PEOPLE, GIFTS, "/api/GiftDesignation/Query"), strict=True))
    for table, path in paths.items():
        assert [row["id"] for row in truth[table]] == [str(one) for one in ids(vendor, path)]
    assert truth["gifts"][0]["create_date_time_utc"] == datetime(2024, 1, 2, tzinfo=timezone.utc)
    assert truth["gifts"][0]["amount"] == Decimal(str(rows(vendor, GIFTS)[0]["amount"]))
    assert truth["contacts"][1]["modified_date_time_utc"] == datetime(2025, 1, 1, tzinfo=timezone.utc)


class TestFailingQueries:
    def test_a_poisoned_record_fails_every_page_it_is_on(self, api):
        vendor = api(poison=50)
        assert query(vendor, GIFTS, take=90).status_code == 500
        assert query(vendor, GIFTS, skip=40, take=10).status_code == 500
        assert query(vendor, GIFTS, skip=40, take=9).status_code == 200
        assert query(vendor, GIFTS, skip=49, take=1).status_code == 500
        assert query(vendor, GIFTS, skip=50, take=40).status_code == 200
        assert len(list(vendor.simulation.truth["gifts"]())) == 89

    def test_a_query_can_time_out_instead(self, api):
        vendor = api(poison=50, failing_status=0)
        with pytest.raises(requests.ReadTimeout):
            query(vendor, GIFTS, take=90)
        assert [one.status for one in vendor.server.log] == [0]

    def test_large_pages_fail_until_the_database_has_healed(self, api):
        vendor = api(largest_healthy=50, heals_after=3, failing_status=503)
        asked = [(1000, 503), (500, 503), (50, 200), (51, 503), (1000, 200), (1000, 200)]
        assert [query(vendor, GIFTS, take=take).status_code for take, _ in asked] == [status for _, status in asked]
        vendor.server.reset()
        assert query(vendor, GIFTS).status_code == 503


class TestWhoMayAsk:
    @pytest.mark.parametrize(
        "header", ["", "Bearer wrong", 'Bearer "virtuous-demo-key-5d17"', "virtuous-demo-key-5d17"]
    )
    def test_a_wrong_key_is_401(self, api, header):
        reply = api().get("/api/Organization/Current", headers={"Authorization": header})
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "UNAUTHENTICATED")

    def test_older_shapes_of_errors(self, api):
        vendor = api(errors="older", forbidden=("Contact",))
        assert vendor.get("/api/Gift/1", headers={}).headers["Content-Type"] == "text/plain"
        assert vendor.get("/api/Gift/999999").json()["error"] == "NotFound"
        assert vendor.get("/api/Contact/1").json() == {"message": "The key has no permission to read this."}
        assert set(query(vendor, GIFTS, sort="x").json()["errors"]) == {"sortBy"}

    def test_a_permission_can_be_missing_and_the_key_revoked(self, api):
        vendor = api(forbidden=("Contact",), revoked_at=3)
        assert [query(vendor, path).status_code for path in (CONTACTS, GIFTS, GIFTS)] == [403, 200, 401]

    def test_a_password_gives_a_token_that_expires_and_is_renewed(self, api, clock):
        vendor = api(two_factor=True)

        def ask(**form):
            return vendor.http.post(f"{vendor.server.url}/Token", data=form, timeout=5)

        who = {"grant_type": "password", "username": "pat@example.org", "password": "correct horse"}
        assert ask(**who).status_code == 202
        assert ask(**{**who, "password": "x"}).json()["error"] == "invalid_grant"
        given = ask(**who, otp="246810").json()
        assert given[".expires"] == "Thu, 16 Jan 2025 00:00:00 GMT"
        headers = {"Authorization": f"Bearer {given['access_token']}"}
        assert vendor.get("/api/Organization/Current", headers=headers).ok
        clock.sleep(15 * 86_400)
        assert vendor.get("/api/Organization/Current", headers=headers).status_code == 401
        fresh = ask(grant_type="refresh_token", refresh_token=given["refresh_token"]).json()
        headers = {"Authorization": f"Bearer {fresh['access_token']}"}
        assert vendor.get("/api/Organization/Current", headers=headers).ok
        clock.sleep(400 * 86_400)
        assert ask(grant_type="refresh_token", refresh_token=given["refresh_token"]).status_code == 400
        assert ask(grant_type="client_credentials").status_code == 400


def test_every_reply_tells_the_budget_and_a_refusal_when_to_come_back(api, clock):
    vendor = api(requests_an_hour=2)
    first = vendor.get("/api/Organization/Current").headers
    assert (first["X-RateLimit-Limit"], first["X-RateLimit-Remaining"]) == ("2", "1")
    clock.sleep(600)
    assert vendor.get("/api/Gift/999999").headers["X-RateLimit-Remaining"] == "0"
    refused = query(vendor, GIFTS)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3000")
    assert int(refused.headers["X-RateLimit-Reset"]) == clock.now().timestamp() + 3000
    clock.sleep(3000)
    assert query(vendor, GIFTS).ok


def test_a_million_gifts_are_asked_by_id_and_date_without_being_made(api):
    vendor = api(records=1_000_000)
    last = ids(vendor, GIFTS, descending=True, take=1)[0]
    found = query(vendor, GIFTS, [condition("Id", "GreaterThan", last - 3_000)], take=10).json()
    assert 995 <= found["total"] <= 1_005
    changed = query(vendor, GIFTS, [condition("Last Modified Date", "OnOrAfter", "2024-12-19")], take=10).json()
    assert 0 < changed["total"] < 5_000


def test_contract_breaks_strike_its_pages(api):
    vendor = api()
    last = ids(vendor, GIFTS, take=50)[-1]

    def broken(kind):
        vendor.server.reset(Conditions(FaultPlan.every(Fault(kind))))
        return query(vendor, GIFTS, [condition("Id", "GreaterThan", last)], take=5).json()

    assert [one["id"] for one in broken("endless_pages")["list"]] == ids(api(), GIFTS, take=5)
    assert "list" not in broken("missing_records")
    assert broken("null_key")["list"][0]["id"] is None
    doubled = broken("duplicate_key")["list"]
    assert doubled[0]["id"] == doubled[1]["id"] > last
