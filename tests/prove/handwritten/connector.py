"""A sound connector without headwater_runtime, as people write them. The tests break it in one line at a time."""

import requests
from fivetran_connector_sdk import Connector
from fivetran_connector_sdk import Logging as log  # noqa: N813  (the SDK's own convention)
from fivetran_connector_sdk import Operations as op  # noqa: N813

RETRIED = {429, 500, 502, 503, 504}
ATTEMPTS = 4
TIMEOUT = 0.3  # seconds
# The SDK would put an undeclared float into a 32-bit column.
DOUBLES = (
    "order_total",
    "product_price",
    "customer_ltv",
    "average_order_value",
    "price_elasticity",
    "inventory_turnover",
    "stockout_rate",
    "overstock_rate",
    "revenue_growth_rate",
    "customer_satisfaction_rate",
    "product_rating",
)


def schema(configuration):
    return [{"table": "cpg_records", "primary_key": ["record_id"], "columns": dict.fromkeys(DOUBLES, "DOUBLE")}]


def fetch(session, configuration, cursor):
    url = f"{configuration['base_url']}/cpg_data"
    params = {"page_size": configuration["page_size"], "cursor": cursor}
    for _ in range(ATTEMPTS):
        try:
            reply = session.get(url, params=params, headers={"api_key": configuration["api_key"]}, timeout=TIMEOUT)
            if reply.status_code not in RETRIED:
                reply.raise_for_status()
                return reply.json()
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, ValueError):
            log.warning("The request failed and is tried again.")
    raise RuntimeError("The source keeps failing.")


def update(configuration, state):
    cursor = state.get("cursor")
    with requests.Session() as session:
        while True:
            page = fetch(session, configuration, cursor)
            records = page["cpg_records"]
            for record in records:
                op.upsert("cpg_records", record)
            cursor = page.get("next_cursor") or cursor
            op.checkpoint({"cursor": cursor})
            log.debug(f"Read {len(records)} records.")
            if not page["has_more"]:
                return


connector = Connector(update=update, schema=schema)
