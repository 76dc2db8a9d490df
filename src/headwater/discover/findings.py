"""The findings of one endpoint, told to the caller one by one as they are made."""

from __future__ import annotations

from collections.abc import Callable

from headwater.model.finding import Finding, Severity

__all__ = ["Findings"]


class Findings:
    """Collects findings about `where` and passes each on to `tell`."""

    def __init__(self, where: str, tell: Callable[[Finding], None]) -> None:
        self.all: list[Finding] = []
        self._where = where
        self._tell = tell

    def add(self, topic: str, what: str, hint: str = "", severity: Severity = "info") -> None:
        """Add the finding `discover.<topic>`; `hint` is its evidence."""
        self.all.append(Finding(f"discover.{topic}", severity, self._where, what, hint))
        self._tell(self.all[-1])
