"""new: from an address to a connector that has run twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater import discover, generate
from headwater.actions.debug import debug
from headwater.actions.watch import Level, Watch
from headwater.model import Finding, Report
from headwater_runtime.clock import SystemClock
from headwater_runtime.transport import RequestsTransport

__all__ = ["new"]

LEVELS: Mapping[str, Level] = {"info": "good", "warning": "warning", "error": "error"}


def new(name: str, url: str, *, headers: Mapping[str, str], into: Path | None = None, watch: Watch) -> Report:
    """Discover the endpoint at `url`, write its connector to `into` (./<name> unless told), and sync it twice.

    Each finding is shown with its evidence, and a yes is needed before anything is written. Nothing is written if a finding
    says the connector would not read everything. Raises DiscoveryError or UsageError.
    """
    watch.step(f"Discovering {name}")
    transport = RequestsTransport()
    try:
        discovery = discover.discover(
            url,
            name=name,
            headers=headers,
            transport=transport,
            clock=SystemClock(),
            on_finding=lambda finding: _show(finding, watch),
        )
    finally:
        transport.close()
    project = into or Path(discovery.spec.name)
    data: dict[str, Any] = {
        "name": discovery.spec.name,
        "project": str(project),
        "requests": discovery.requests,
        "files": [],
        "first": None,
        "second": None,
    }
    if any(finding.severity == "error" for finding in discovery.findings):
        return Report("new", "findings", data, discovery.findings)
    if not watch.confirm(f"Write the connector to {project}?"):
        declined = Finding("new.declined", "warning", str(project), "nothing was written", "say yes, or add --yes")
        return Report("new", "findings", data, (*discovery.findings, declined))
    watch.step(f"Writing {project}")
    data["files"] = [path.name for path in generate.write(discovery.spec, project, values=discovery.secrets)]
    for file in data["files"]:
        watch.line(file, "good")
    findings = list(discovery.findings)
    for run in ("first", "second"):
        report = debug(project, watch=watch)
        findings += report.findings
        data[run] = {"status": report.status, **{part: report.data[part] for part in ("tables", "operations", "state")}}
        if report.status != "ok":
            return Report("new", "failed", data, tuple(findings))
    return Report("new", "ok", data, tuple(findings))


def _show(finding: Finding, watch: Watch) -> None:
    watch.line(finding.what, LEVELS[finding.severity])
    if finding.hint:
        watch.line(f"  {finding.hint}", "debug")
