"""A vendor none of us wrote: every endpoint of the official practice API, its rate limit on, against reading it by hand."""

import csv
import io
import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from headwater.engine import load
from headwater_runtime import Source
from tests.runtime.conftest import Kept

PROJECT = Path(__file__).parent / "playground"
PEOPLE = {"next_page_url", "page_number", "offset", "keyset", "timestamp"}
SIGNED_IN = {"http_basic", "http_bearer", "api_key", "session_token_data"}


def ask(url, headers=None, body=None):
    """Read by hand: one request, tried again as often as the rate limit asks."""
    while True:
        request = urllib.request.Request(url, body, {"content-type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            with error:
                assert error.code == 429, error
                time.sleep(float(error.headers["retry-after"]))


def data(url, headers=None):
    return json.loads(ask(url, headers))["data"]


def run(configuration, state=None):
    """Run one sync with the real clock and transport."""
    emit = Kept()
    loaded = load(PROJECT)
    with loaded.active() as connector:
        source = connector.update_method.__self__
        assert isinstance(source, Source)
        source.run(configuration, state or {}, emit=emit)
    return emit


@pytest.mark.timeout(120)
def test_every_endpoint_gives_what_reading_by_hand_gives(limited_playground):
    emit = run(limited_playground)
    url = limited_playground["base_url"]
    people = {row["id"]: row for row in data(f"{url}/incremental/timestamp?since=2020-01-01T00:00:00Z")}
    assert len(people) == 200
    for name in PEOPLE:
        assert {row["id"]: row for row in emit.rows(name)} == people, name
        assert len(emit.rows(name)) == 200, name

    first = {row["id"]: row for row in people.values() if row["id"] in {one["id"] for one in emit.rows("api_key")}}
    for name in SIGNED_IN:
        assert {row["id"]: row for row in emit.rows(name)} == first, name
        assert len(emit.rows(name)) == 20

    steps = data(f"{url}/incremental/step?start_id=1&end_id=100000")
    assert sorted(emit.rows("step"), key=lambda row: int(row["id"])) == steps
    exported = list(csv.DictReader(io.StringIO(ask(f"{url}/export/csv").decode())))
    assert sorted(emit.rows("csv"), key=lambda row: row["id"]) == sorted(exported, key=lambda row: row["id"])

    def still(rows):  # the API moves `updatedAt` of some of these each time they are asked for
        return [{name: value for name, value in row.items() if name != "updatedAt"} for row in rows]

    companies = sorted(still(data(f"{url}/cursors/companies")), key=lambda row: row["company_id"])
    assert sorted(still(emit.rows("companies")), key=lambda row: row["company_id"]) == companies
    departments = [row for one in companies for row in still(data(f"{url}/cursors/{one['company_id']}/departments"))]

    def order(row):
        return row["company_id"], row["department_id"]

    assert sorted(still(emit.rows("departments")), key=order) == sorted(departments, key=order)


@pytest.mark.timeout(120)
def test_a_second_sync_reads_on(limited_playground):
    first = run(limited_playground)
    again = run(limited_playground, first.states[-1])
    assert len(again.rows("keyset")) == 50  # the last page
    for name in PEOPLE - {"keyset"}:
        assert len(again.rows(name)) == 1, name  # the record the mark is at
    assert len(again.rows("csv")) == 200
    told = json.dumps(first.states)
    assert not [name for name, value in limited_playground.items() if name != "base_url" and value in told]
