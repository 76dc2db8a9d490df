"""The report of a sync: what it brought, where it stopped and why, without a secret of its configuration."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from headwater import engine
from headwater.actions.mask import Mask
from headwater.errors import HeadwaterError
from headwater.model import Finding, Report

__all__ = ["sync_report"]

SAMPLE_ROWS = 5


def sync_report(result: engine.SyncResult, warehouse: Path, project: Path, mask: Mask) -> Report:
    """Return the report of `result`, which landed in `warehouse`. A secret is shown as `***`, with a warning if it is in data.

    A failed sync has a `traceback`, the lines Python would have shown.
    """
    samples = _samples(result, warehouse)
    data: dict[str, Any] = {
        "tables": mask.value(result.tables),
        "operations": dict(result.operations),
        "state": mask.value(result.state),
        "seconds": round(result.seconds, 3),
        "peak_memory_mb": result.peak_memory_mb,
        "samples": mask.value(samples),
        "warehouse": str(warehouse),
    }
    findings = [Finding("debug.warning", "warning", "", text) for text in result.warnings]
    findings += _kept_secrets(mask, result.state, samples)
    if result.error is not None:
        findings.append(_failure(result.error, project))
        data["traceback"] = mask.value("".join(traceback.format_exception(result.error)).splitlines())
    hidden = (
        replace(one, where=mask.text(one.where), what=mask.text(one.what), hint=mask.text(one.hint)) for one in findings
    )
    return Report("debug", "ok" if result.ok else "failed", data, tuple(hidden))


def _samples(result: engine.SyncResult, warehouse: Path) -> dict[str, Any]:
    if not warehouse.exists():
        return {}
    samples = {name: engine.sample(warehouse, name, SAMPLE_ROWS) for name in result.tables}
    return {
        name: {"columns": list(one.columns), "rows": [list(row) for row in one.rows]} for name, one in samples.items()
    }


def _kept_secrets(mask: Mask, state: Mapping[str, Any], samples: Mapping[str, Any]) -> Iterator[Finding]:
    for setting in mask.found_in(state):
        yield Finding(
            "debug.secret_in_state",
            "warning",
            "state",
            f"the saved state holds the value of the setting '{setting}'; it is masked here, not in the state itself",
            "checkpoint positions only: a state is kept in the clear, and shown to whoever may see the connection",
        )
    for table, sample in samples.items():
        for setting in mask.found_in(sample):
            yield Finding(
                "debug.secret_in_rows",
                "warning",
                f"table {table}",
                f"rows hold the value of the setting '{setting}'; it is masked here, not in the table itself",
                "leave the column out, unless the value is no secret",
            )


def _failure(error: BaseException, project: Path) -> Finding:
    if isinstance(error, HeadwaterError):
        kind = type(error).__name__.removesuffix("Error").lower()
        return Finding(f"debug.{kind}", "error", error.where, error.what, error.hint)
    return Finding(
        "debug.connector",
        "error",
        _place(error, project),
        f"the connector raised {type(error).__name__}: {_text(error)}",
        "mend the line named; what the last checkpoint committed is kept, and the next run goes on there",
    )


def _place(error: BaseException, project: Path) -> str:
    """Return file and line of the project's own code nearest to where the error was raised; else where it was; else ""."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(project)]
    return next((f"{frame.filename}:{frame.lineno}" for frame in reversed(own or frames)), "")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001  (an exception of the connector's that cannot say what it is)
        return f"<no text: its __str__ raised {type(failure).__name__}>"
