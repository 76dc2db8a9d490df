"""The plain connector, made to keep every digit: the SDK stores a float in 32 bits, so each goes as its exact text. Knows no Headwater."""

from typing import Any

import requests
from fivetran_connector_sdk import Connector
from fivetran_connector_sdk import Operations as op


def schema(configuration: dict[str, str]) -> list[dict[str, Any]]:
    """One table with its key; columns are inferred."""
    return [{"table": "cpg_records", "primary_key": ["record_id"]}]


def update(configuration: dict[str, str], state: dict[str, Any]) -> None:
    """Read from the saved cursor on."""
    session = requests.Session()
    session.headers["api_key"] = configuration["api_key"]
    cursor = state.get("cursor")
    while True:
        params = {"page_size": configuration["page_size"], **({"cursor": cursor} if cursor else {})}
        response = session.get(f"{configuration['base_url']}/cpg_data", params=params, timeout=60)
        response.raise_for_status()
        page = response.json()
        for record in page["cpg_records"]:
            row = {name: repr(value) if isinstance(value, float) else value for name, value in record.items()}
            op.upsert(table="cpg_records", data=row)
        cursor = page["next_cursor"] or cursor
        op.checkpoint(state={"cursor": cursor})
        if not page["next_cursor"]:
            return


connector = Connector(update=update, schema=schema)
