"""The 12 columns of `sql` and `files` and their types, for contestants that must be told (most find them out)."""

from __future__ import annotations

__all__ = ["COLUMNS", "created"]

COLUMNS = {
    "id": "BIGINT",
    "account_id": "INTEGER",
    "quantity": "INTEGER",
    "amount": "DECIMAL(12,2)",
    "score": "DOUBLE",
    "ratio": "DOUBLE",
    "name": "VARCHAR",
    "city": "VARCHAR",
    "active": "BOOLEAN",
    "created_at": "TIMESTAMPTZ",
    "updated_at": "TIMESTAMP",
    "born": "DATE",
}


def created(table: str) -> str:
    """Return the statement that makes the table, without a key."""
    return f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})"
