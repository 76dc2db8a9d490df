"""The 28 fields and their types, for contestants that must be told (most are left to find them out)."""

from __future__ import annotations

from typing import Any

__all__ = ["COLUMNS", "json_schema"]

FIELDS = {
    "VARCHAR": "record_id order_id customer_id product_id customer_segment order_status product_category product_subcategory "
    "price_optimization_result price_optimization_recommendation",
    "DATE": "order_date price_optimization_date",
    "BIGINT": "inventory_level order_frequency product_review_count demand_forecast",
    "DOUBLE": "order_total product_price customer_ltv average_order_value product_rating price_elasticity inventory_turnover "
    "stockout_rate overstock_rate revenue_growth_rate customer_satisfaction_rate",
    "BOOLEAN": "price_optimization_flag",
}
COLUMNS = {name: kind for kind, names in FIELDS.items() for name in names.split()}
JSON: dict[str, dict[str, Any]] = {
    "VARCHAR": {"type": ["null", "string"]},
    "DATE": {"type": ["null", "string"], "format": "date"},
    "BIGINT": {"type": ["null", "integer"]},
    "DOUBLE": {"type": ["null", "number"]},
    "BOOLEAN": {"type": ["null", "boolean"]},
}


def json_schema() -> dict[str, Any]:
    """Return the record as JSON Schema."""
    return {"type": "object", "properties": {name: JSON[kind] for name, kind in COLUMNS.items()}}
