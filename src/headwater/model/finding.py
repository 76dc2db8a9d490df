"""Finding: one thing a command found out. The one shape for problems and evidence alike."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

__all__ = ["Finding", "Severity"]

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """`id` is stable and greppable (`discover.paging`), `what` a sentence, `hint` the remedy or the evidence."""

    id: str
    severity: Severity
    where: str
    what: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the finding as plain JSON values."""
        return asdict(self)
