"""doctor: which versions are here, and what is missing for what."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys

from headwater import catalog
from headwater.model import Finding, Report

__all__ = ["doctor"]

PACKAGES = ("headwater", "fivetran-connector-sdk", "fivetran-connector-sdk-core", "duckdb", "pyarrow", "requests")
PROGRAMS = {
    "fivetran": "`headwater debug --engine sdk` runs it; it comes with fivetran-connector-sdk",
    "pipreqs": "`fivetran debug` fails without it; it comes with fivetran-connector-sdk (pipreqs-fivetran)",
}


def doctor() -> Report:
    """Look at this machine. Findings are what is missing; nothing is changed."""
    versions = {name: _version(name) for name in PACKAGES}
    programs = {name: shutil.which(name) or shutil.which(name, path=_beside_python()) for name in PROGRAMS}
    findings = [
        Finding("doctor.package", "error", name, f"{name} is not installed", f"pip install {name}")
        for name, version in versions.items()
        if version is None
    ]
    findings += [
        Finding("doctor.program", "warning", name, f"the program {name} is not on PATH", PROGRAMS[name])
        for name, place in programs.items()
        if place is None
    ]
    if not (3, 10) <= sys.version_info[:2] <= (3, 14):
        findings.append(
            Finding(
                "doctor.python", "warning", platform.python_version(), "Fivetran runs Python 3.10 to 3.14", "use one"
            )
        )
    return Report(
        "doctor",
        "findings" if any(finding.severity == "error" for finding in findings) else "ok",
        {
            "python": platform.python_version(),
            "system": platform.platform(terse=True),
            "versions": versions,
            "programs": programs,
            "connectors": sorted(catalog.connectors()),
            "simulators": sorted(catalog.simulators()),
        },
        tuple(findings),
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _beside_python() -> str:
    return str(sys.executable).rpartition("/")[0]
