"""From an address to rows: discovered, written, loaded, run, run again; the tables hold what a reading by hand gives."""

import json
import urllib.parse
import urllib.request

import pytest

from headwater.engine import DuckDbDestination, load, run
from headwater.generate import write
from headwater.simulate import (
    Basic,
    Bearer,
    Json,
    Key,
    Keyset,
    NextLink,
    NextToken,
    Offset,
    PageNumber,
    Population,
    Reply,
    Route,
    Simulation,
    Single,
    Size,
    paged,
    serve,
)


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


def member(seed, index, version):
    return {"id": 3 * index + 1, "name": f"Member {(seed + index) % 9}", "version": version}


def coded(seed, index, version):
    return {"code": f"m-{(index * 37) % 1_000:04}", "name": f"Member {(seed + index) % 9}", "version": version}


BY = {
    "link in the body": (NextLink("links.next"), Json("data")),
    "relative link": (NextLink("next", relative=True), Json("data")),
    "link in the header": (NextLink(""), Json("")),
    "link under a dotted name": (NextLink(r"@odata\.nextLink"), Json("value")),
    "token": (NextToken("cursor", "meta.next"), Json("items")),
    "pages from 0": (PageNumber("page", first=0), Json("rows")),
    "pages from 1": (PageNumber("page", total_pages="meta.pages"), Json("rows")),
    "offset": (Offset("skip", total="total"), Json("data")),
    "last key": (Keyset("since_id", "id"), Json("")),
    "last key, shown again": (Keyset("since_id", "id", inclusive=True), Json("data")),
    "at once": (Single(), Json("data.items")),
}
KEPT = {"token", "last key", "last key, shown again"}
ACCESS = {
    "key": (Key("X-Api-Key", "key-7"), {"X-Api-Key": "key-7"}),
    "bearer": (Bearer("token-7"), {"Authorization": "Bearer token-7"}),
    "bearer, given as a key": (Bearer("token-7"), {"api_key": "token-7"}),
    "basic": (Basic("me", "secret-7"), {"Authorization": "Basic bWU6c2VjcmV0LTc="}),
}


def written_and_run(find, tmp_path, handler, members, headers):
    """Discover, write, run, let the source grow, run again; give the project, and the ids landed after each run."""
    route = Route("GET", "/members", handler)
    with serve(Simulation((route,), {"members": members}, {"members": members.records})) as server:
        found = find(f"{server.url}/members", headers, name="Club")
        assert [one for one in found.findings if one.severity == "error"] == []
        write(found.spec, tmp_path / "club", values=found.secrets)
        destination, state, runs = DuckDbDestination(), {}, []
        key = "id" if found.spec.endpoints[0].table.key == ("id",) else "code"
        for by in (0, 23):
            members.grow(by)
            result = sync(tmp_path / "club", state, destination)
            truth = sorted((one[key], one["name"], one["version"]) for one in members.records())
            assert landed(destination, "members", [key, "name", "version"]) == truth
            state = result.state
            runs.append(result.operations["upserts"])
        return found, runs


@pytest.mark.parametrize("kind", BY)
def test_every_way_of_paging(find, tmp_path, kind):
    by, shape = BY[kind]
    members = Population(member, 130, seed=1)
    _, runs = written_and_run(find, tmp_path, paged(members, by, size=Size("limit", 20, 40), shape=shape), members, {})
    assert runs[0] >= 130
    assert (runs[1] < 130) == (kind in KEPT)


def test_the_last_id_of_records_in_no_order(find, tmp_path):
    members = Population(coded, 130, seed=1)

    def answer(request):
        rows = list(members.records())
        at = next((n + 1 for n, row in enumerate(rows) if row["code"] == request.params.get("starting_after")), 0)
        return Reply.json({"data": rows[at : at + 25], "has_more": at + 25 < len(rows)})

    written_and_run(find, tmp_path, answer, members, {})
    assert (
        'NextToken(Last("code"), param="starting_after", more="has_more")' in (tmp_path / "club" / "api.py").read_text()
    )


@pytest.mark.parametrize("kind", ACCESS)
def test_every_way_of_access(find, tmp_path, kind):
    access, headers = ACCESS[kind]
    members = Population(member, 50, seed=1)
    handler = paged(members, NextToken("cursor", "next"), access=access)
    _, runs = written_and_run(find, tmp_path, handler, members, headers)
    assert runs[0] >= 50
    holders = [path.name for path in (tmp_path / "club").iterdir() if b"-7" in path.read_bytes()]
    assert holders == ["configuration.json"]
