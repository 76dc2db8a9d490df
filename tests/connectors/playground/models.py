"""One table an endpoint. Columns are inferred."""

from headwater_runtime import Row, Table

COMPANIES = Table("companies", key="company_id")
DEPARTMENTS = Table("departments", key=("company_id", "department_id"))


def table(name: str) -> Table:
    """The table of an endpoint that gives people."""
    return Table(name, key="id", columns={"createdAt": "UTC_DATETIME", "updatedAt": "UTC_DATETIME"})


def row(record: Row) -> Row:
    """One row a record, as it is."""
    return record
