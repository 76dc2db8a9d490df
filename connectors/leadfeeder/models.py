"""The four tables and their row functions. Columns are inferred, so a new attribute flows through; dates and ids are forced."""

from headwater_runtime import Row, Table, value_at

MOMENT, TEXT = "UTC_DATETIME", "STRING"
LEADS = Table(
    "raw_leadfeeder__leads",
    key="id",
    columns={"id": TEXT, "location_id": TEXT, "first_visit_date": MOMENT, "last_visit_date": MOMENT}
    | {"business_id": TEXT, "crm_lead_id": TEXT, "crm_organization_id": TEXT, "revenue": TEXT},
)
VISITS = Table(
    "raw_leadfeeder__visits",
    key="id",
    columns={"id": TEXT, "lead_id": TEXT, "location_id": TEXT, "started_at": MOMENT, "date": MOMENT},
)
LOCATIONS = Table("raw_leadfeeder__locations", key="id", columns={"id": TEXT, "region_code": TEXT})
VISIT_ROUTS = Table("raw_leadfeeder__visit_routs", key=("visit_id", "position"), columns={"visit_id": TEXT})


def lead(record: Row) -> Row:
    """One row a lead; the place it is at may be null or missing."""
    return _row(record)


def visit(record: Row) -> Row:
    """One row a visit. Its route has a table of its own."""
    row = _row(record)
    row.pop("visit_route", None)
    return {**row, "lead_id": row["lead_id"], "started_at": row["started_at"]}  # without them: left out, and logged


def visit_routs(record: Row) -> list[Row]:
    """One row a step of the visit's route, numbered from 1: a step has no id of its own."""
    steps = value_at(record, "attributes.visit_route") or []
    return [{"visit_id": record["id"], "position": number, **step} for number, step in enumerate(steps, 1)]


def location(record: Row) -> Row | None:
    """One row a place; leads and visits bring the same ones again and again."""
    return {"id": record["id"], **record["attributes"]} if record["type"] == "locations" else None


def _row(record: Row) -> Row:
    return {
        "id": record["id"],
        **record["attributes"],
        "location_id": value_at(record, "relationships.location.data.id"),
    }
