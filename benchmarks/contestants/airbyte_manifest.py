"""PyAirbyte with a declarative manifest, run in its own process, into its DuckDB cache."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.contestants.timed import job, measured
from benchmarks.contestants.typed import json_schema


def manifest(url: str, page_size: int) -> dict[str, Any]:
    """Return the source as Airbyte's connector builder would write it."""
    retriever = {
        "type": "SimpleRetriever",
        "requester": {
            "type": "HttpRequester",
            "url_base": url,
            "path": "/cpg_data",
            "http_method": "GET",
            "request_parameters": {"page_size": str(page_size)},
        },
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["cpg_records"]},
        },
        "paginator": {
            "type": "DefaultPaginator",
            "page_token_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "cursor"},
            "pagination_strategy": {
                "type": "CursorPagination",
                "cursor_value": "{{ response.get('next_cursor', '') }}",
                "stop_condition": "{{ not response.get('next_cursor') }}",
            },
        },
    }
    stream = {
        "type": "DeclarativeStream",
        "name": "cpg_records",
        "primary_key": ["record_id"],
        "retriever": retriever,
        "schema_loader": {"type": "InlineSchemaLoader", "schema": json_schema()},
    }
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["cpg_records"]},
        "streams": [stream],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }


def main() -> None:
    """Read the stream into a fresh cache."""
    wanted = job()
    os.environ["AIRBYTE_OFFLINE_MODE"] = "1"
    import airbyte
    from airbyte.caches import DuckDBCache

    with measured("airbyte", "airbyte-cdk", "duckdb"):
        source = airbyte.get_source(
            "source-cpg",
            config={},
            source_manifest=manifest(wanted["url"], wanted["page_size"]),
            streams=["cpg_records"],
        )
        source.read(cache=DuckDBCache(db_path="warehouse.db", schema_name="landed"))


if __name__ == "__main__":
    main()
