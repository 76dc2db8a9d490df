"""Report: what every action returns, the command line renders and `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from headwater.model.finding import Finding

__all__ = ["Report", "Status"]

Status = Literal["ok", "findings", "failed"]


@dataclass(frozen=True)
class Report:
    """The result of one action: `data` holds the action's own fields, all plain JSON values."""

    action: str
    status: Status
    data: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when the action did what was asked, 1 when it found problems or failed."""
        return 0 if self.status == "ok" else 1

    def as_dict(self) -> dict[str, Any]:
        """Return the report as one flat JSON object: `action`, `status`, the action's fields, `findings`."""
        return {
            "action": self.action,
            "status": self.status,
            **self.data,
            "findings": [finding.as_dict() for finding in self.findings],
        }
