"""query: ask the local warehouse of a project."""

from __future__ import annotations

from pathlib import Path

from headwater import engine
from headwater.actions.debug import WAREHOUSE
from headwater.errors import ProjectError
from headwater.model import Report

__all__ = ["query"]

MOST_ROWS = 1000


def query(project: Path, sql: str) -> Report:
    """Run `sql` on the project's warehouse, opened read-only, and return at most 1,000 rows.

    Raises ProjectError if nothing was synced yet, WarehouseError for a query DuckDB refuses.
    """
    warehouse = project / WAREHOUSE
    if not warehouse.exists():
        raise ProjectError(
            "there is no warehouse yet", where=str(warehouse), hint=f"run `headwater debug {project}` first"
        )
    answer = engine.query(warehouse, sql, limit=MOST_ROWS + 1)
    rows = [list(row) for row in answer.rows]
    return Report(
        "query",
        "ok",
        {"columns": list(answer.columns), "rows": rows[:MOST_ROWS], "more": len(rows) > MOST_ROWS},
    )
