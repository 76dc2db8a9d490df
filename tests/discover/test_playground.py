"""Discovery on the official practice API, a vendor none of us wrote."""

import pytest

from headwater.errors import DiscoveryError
from headwater.model import AuthSpec, EndpointSpec, PagingSpec, TableSpec

NUMBERED = {"size_param": "per_page", "size": 50, "size_max": 50}
ENDPOINTS = {
    "next_page_url": PagingSpec("next_link", path="next_page_url", **NUMBERED),
    "page_number": PagingSpec("page_number", param="page", start=1, total_pages="total_pages", **NUMBERED),
    "offset": PagingSpec("offset", param="offset", total="total", size_param="limit", size=50, size_max=50),
    "keyset": PagingSpec("next_token", param="scroll_param", path="scroll_param"),
}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_paging_endpoints(playground, find, name):
    found = find(f"{playground}/pagination/{name}", name=f"Playground {name}")
    assert found.spec.auth == AuthSpec()
    assert found.spec.name == f"playground_{name}"
    (endpoint,) = found.spec.endpoints
    assert list(endpoint.fields) == ["id", "name", "email", "address", "company", "job", "createdAt", "updatedAt"]
    assert endpoint == EndpointSpec(
        path=f"/pagination/{name}",
        table=TableSpec(name, ("id",)),
        records="data",
        paging=ENDPOINTS[name],
        token_is_durable=name == "keyset",
        date_field="updatedAt",
        fields=endpoint.fields,
        types=endpoint.types,
        records_seen=200,
        complete=True,
    )
    assert all(finding.severity == "info" for finding in found.findings)
    assert found.requests <= 20


def test_an_endpoint_without_pages(playground, find):
    found = find(f"{playground}/incremental/timestamp?since=2020-01-01T00:00:00Z")
    (endpoint,) = found.spec.endpoints
    assert endpoint.paging == PagingSpec()
    assert endpoint.params == {"since": "2020-01-01T00:00:00Z"}
    assert endpoint.records_seen == 200


def test_records_that_change_while_they_are_looked_at(playground, find):
    found = find(f"{playground}/cursors/1/departments")
    (endpoint,) = found.spec.endpoints
    assert endpoint.paging == PagingSpec()
    assert endpoint.table.key == ("department_id",)
    assert endpoint.records_seen == 4


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/incremental/step", "Both 'start_id' and 'end_id' parameters are required"),
        ("/export/csv", "text/csv, which is not JSON"),
        ("/auth/http_bearer", "401; no credential was given"),
        ("/auth/session_token/login", "it allows"),
        ("/nowhere", "nothing at this address"),
    ],
)
def test_endpoints_that_cannot_be_read(playground, find, path, what):
    with pytest.raises(DiscoveryError, match=what):
        find(playground + path)
