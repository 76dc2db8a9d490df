"""Specs to write connectors from."""

from __future__ import annotations

import pytest

from headwater.model import AuthSpec, EndpointSpec, PagingSpec, SourceSpec, TableSpec


@pytest.fixture
def spec():
    return SourceSpec(
        name="cpg_demo",
        title="CPG Demo",
        base_url="https://api.example.com",
        auth=AuthSpec("header", "api_key", "api_key"),
        endpoints=(
            EndpointSpec(
                path="/cpg_data",
                table=TableSpec("cpg_records", ("record_id",)),
                records="cpg_records",
                paging=PagingSpec(
                    "next_token", param="cursor", path="next_cursor", size_param="page_size", size=100, size_max=200
                ),
                token_is_durable=True,
                date_field="orderDate",
                fields={"record_id": "a", "orderDate": "2025-01-01"},
                types={"record_id": "text", "orderDate": "date"},
                records_seen=750,
                complete=True,
            ),
        ),
    )
