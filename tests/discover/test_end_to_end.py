"""From an address to rows: discovered, written, loaded, run, run again; the tables hold what a reading by hand gives."""

import json
import urllib.parse
import urllib.request

import pytest

from headwater.engine import DuckDbDestination, load, run
from headwater.generate import write
from headwater.simulate import serve


def get(url, params, headers=None):
    query = urllib.parse.urlencode(params)
    request = urllib.request.Request(f"{url}?{query}" if query else url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return json.load(reply)


def every_page(url):
    """Read a paging endpoint of the practice API as its own documentation has it."""
    kind = url.rpartition("/")[2]
    if kind == "page_number":
        pages = get(url, {})["total_pages"]
        return [row for page in range(1, pages + 1) for row in get(url, {"page": page})["data"]]
    if kind == "offset":
        total = get(url, {})["total"]
        return [row for offset in range(0, total, 10) for row in get(url, {"offset": offset})["data"]]
    rows, body = [], get(url, {})
    while True:
        rows += body["data"]
        if kind == "keyset":
            if body["scroll_param"] is None:
                return rows
            body = get(url, {"scroll_param": body["scroll_param"]})
        else:
            if body["next_page_url"] is None:
                return rows
            body = get(body["next_page_url"], {})


def sync(project, state, destination):
    configuration = json.loads((project / "configuration.json").read_text())
    result = run(load(project), configuration=configuration, state=state, destination=destination)
    assert result.error is None
    return result


def landed(destination, table, columns):
    shown = ", ".join(f'"{column}"' for column in columns)
    return sorted(
        destination.connect().execute(f'SELECT {shown} FROM tester."{table}" WHERE NOT _fivetran_deleted').fetchall()
    )


@pytest.mark.parametrize("kind", ["next_page_url", "page_number", "offset", "keyset"])
def test_the_practice_api(playground, find, tmp_path, kind):
    url = f"{playground}/pagination/{kind}"
    found = find(url, name=kind)
    write(found.spec, tmp_path / kind, values=found.secrets)
    destination = DuckDbDestination()
    first = sync(tmp_path / kind, {}, destination)
    columns = ["id", "name", "email", "address", "company", "job"]
    by_hand = sorted(tuple(row[column] for column in columns) for row in every_page(url))
    assert len(by_hand) == 200
    assert landed(destination, kind, columns) == by_hand
    assert first.tables == {kind: 200}
    second = sync(tmp_path / kind, first.state, destination)
    assert landed(destination, kind, columns) == by_hand
    assert second.operations["upserts"] == (50 if kind == "keyset" else 200)
    assert second.state == first.state


def test_cpg_and_its_growth(cpg, find, tmp_path):
    simulation = cpg.simulation(seed=5)
    with serve(simulation) as server:
        settings = cpg.configuration(server.url)
        found = find(f"{server.url}/cpg_data", {"api_key": settings["api_key"]}, name="CPG")
        write(found.spec, tmp_path / "cpg", values=found.secrets)
        destination = DuckDbDestination()
        first = sync(tmp_path / "cpg", {}, destination)
        truth = list(simulation.truth["cpg_records"]())
        columns = list(truth[0])
        assert first.tables == {"cpg_records": 750}
        assert landed(destination, "cpg_records", ["record_id", "order_total", "inventory_level"]) == sorted(
            (row["record_id"], row["order_total"], row["inventory_level"]) for row in truth
        )
        assert len(columns) == 28
        server.reset()
        second = sync(tmp_path / "cpg", first.state, destination)
        assert second.operations["upserts"] == 50
        assert len(server.log) == 1
        simulation.populations["cpg_records"].grow(60)
        third = sync(tmp_path / "cpg", second.state, destination)
        assert third.tables == {"cpg_records": 810}
        assert landed(destination, "cpg_records", ["record_id"]) == sorted(
            (row["record_id"],) for row in simulation.truth["cpg_records"]()
        )


def test_secrets_in_headers_and_query_reach_the_source(vendor, find, people, tmp_path):
    def answer(request):
        given = (
            request.headers.get("authorization"),
            request.headers.get("x-account-key"),
            request.params.get("api_key"),
        )
        assert given == ("Bearer one-secret", "two-secret", "three-secret")
        assert request.params["kind"] == "a"
        page = int(request.params.get("page", 1))
        return {"data": people(45)[page * 20 - 20 : page * 20]}

    url = vendor.serve(answer) + "?kind=a&api_key=three-secret"
    found = find(url, {"Authorization": "Bearer one-secret", "X-Account-Key": "two-secret"})
    project = tmp_path / "thing"
    write(found.spec, project, values=found.secrets)
    holders = [path.name for path in project.iterdir() if b"-secret" in path.read_bytes()]
    assert holders == ["configuration.json"]
    assert sync(project, {}, DuckDbDestination()).tables == {"things": 45}
