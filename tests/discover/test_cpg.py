"""Discovery on the faked CPG vendor: every field of the spec, and within the budget."""

from dataclasses import replace

import pytest

from headwater.model import AuthSpec, EndpointSpec, PagingSpec, TableSpec
from headwater.simulate import serve

PAGING = PagingSpec("next_token", param="cursor", path="next_cursor", size_param="page_size", size=100, size_max=200)


@pytest.mark.parametrize("options", [{}, {"null_cursor": False}, {"empty_page_at": 300}], ids=str)
def test_cpg(cpg, find, options):
    with serve(cpg.simulation(seed=3, **options)) as server:
        settings = cpg.configuration(server.url)
        found = find(f"{server.url}/cpg_data", {"api_key": settings["api_key"]}, name="CPG Demo")
        assert len(server.log) == found.requests <= 20
    spec = found.spec
    assert (spec.name, spec.title, spec.base_url) == ("cpg_demo", "CPG Demo", settings["base_url"])
    assert spec.auth == AuthSpec("header", "api_key", "api_key")
    assert found.secrets == {"api_key": settings["api_key"]}
    (endpoint,) = spec.endpoints
    assert len(endpoint.fields) == 28
    assert endpoint == EndpointSpec(
        path="/cpg_data",
        table=TableSpec("cpg_records", ("record_id",)),
        records="cpg_records",
        paging=PAGING,
        token_is_durable=True,
        date_field="order_date",
        fields=endpoint.fields,
        types=endpoint.types,
        records_seen=750,
        complete=True,
    )
    assert all(finding.severity == "info" for finding in found.findings)
    assert [finding.id.removeprefix("discover.") for finding in found.findings] == [
        "records",
        "paging",
        "page_size",
        "last_page",
        "key",
        "date",
        "fields",
        "cursor",
    ]


@pytest.mark.parametrize("code", ["agr", "spl", "tlc"])
def test_siblings(cpg, find, code):
    with serve(cpg.simulation(seed=3)) as server:
        settings = cpg.configuration(server.url)
        found = find(f"{server.url}/{code}_data", {"x-api-key": settings["api_key"]})
    (endpoint,) = found.spec.endpoints
    assert endpoint.table == TableSpec(f"{code}_records", ("record_id",))
    assert endpoint.records == f"{code}_records"
    assert endpoint.paging == PAGING
    assert endpoint.token_is_durable


def test_a_large_source_is_read_in_part(cpg, find):
    with serve(cpg.simulation(seed=3, records=20_000)) as server:
        settings = cpg.configuration(server.url)
        found = find(f"{server.url}/cpg_data", {"api_key": settings["api_key"]})
    (endpoint,) = found.spec.endpoints
    assert found.requests == 40
    assert endpoint.paging == replace(PAGING, more="has_more")  # the end was not seen, so it may depend on the flag
    assert endpoint.token_is_durable
    assert not endpoint.complete
    assert endpoint.table.key == ("record_id",)
