"""The findings of one endpoint, told to the caller one by one as they are made."""

from __future__ import annotations

from collections.abc import Callable

from headwater.model.finding import Finding, Severity

__all__ = ["Findings", "printable"]


class Findings:
    """Collects findings about `where` and passes each on to `tell`."""

    def __init__(self, where: str, tell: Callable[[Finding], None]) -> None:
        self.all: list[Finding] = []
        self._where = where
        self._tell = tell

    def add(self, topic: str, what: str, hint: str = "", severity: Severity = "info") -> None:
        """Add the finding `discover.<topic>`; `hint` is its evidence."""
        finding = Finding(f"discover.{topic}", severity, self._where, printable(what), printable(hint))
        self.all.append(finding)
        self._tell(finding)


def printable(text: str) -> str:
    """Return `text` without what a terminal would obey: names and samples come from the source."""
    return "".join(character if character.isprintable() else "�" for character in text)
