"""SyncResult: what one sync did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["OPERATIONS", "Status", "SyncResult"]

Status = Literal["ok", "failed", "killed"]

OPERATIONS = ("upserts", "updates", "deletes", "truncates", "schema_changes", "checkpoints", "file_uploads")


@dataclass(frozen=True)
class SyncResult:
    """One sync. `tables` counts live rows of every table in the destination, `operations` what the connector emitted.

    `state` is that of the last checkpoint (or what the sync began with), `error` what made a failed sync fail.
    `peak_memory_mb` is the most this process held, seen at the checkpoints and at the end.
    """

    status: Status
    tables: Mapping[str, int]
    operations: Mapping[str, int]
    state: Mapping[str, Any]
    seconds: float
    peak_memory_mb: float
    error: BaseException | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether the sync did all it had to."""
        return self.status == "ok"
