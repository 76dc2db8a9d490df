"""debug: run a connector here and land it in DuckDB."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from headwater import engine
from headwater.actions import configuration as configurations
from headwater.actions.pace import Pace
from headwater.actions.watch import Level, Watch
from headwater.errors import HeadwaterError, ProjectError, UsageError
from headwater.model import Finding, Report

__all__ = ["STATE", "WAREHOUSE", "debug"]

WAREHOUSE = Path("files/warehouse.db")
STATE = Path("files/state.json")
STORAGE = "storage"  # uploaded files, beside the warehouse
SAMPLE_ROWS = 5

LEVELS: Mapping[str, Level] = {
    "DEBUG": "debug",
    "FINE": "debug",
    "WARNING": "warning",
    "ERROR": "error",
    "SEVERE": "error",
    "CRITICAL": "error",
}


def debug(
    project: Path,
    *,
    configuration: Path | None = None,
    reset: bool = False,
    runner: Literal["headwater", "sdk"] = "headwater",
    state_file: Path | None = None,
    watch: Watch,
) -> Report:
    """Run one sync of `project` into its `files/warehouse.db`.

    In this order: the settings are checked and the declared tables named; with `reset`, after a yes, warehouse, state and
    uploaded files are deleted; the sync runs from the saved state. A failed sync is a report of status "failed" that tells what the last
    checkpoint kept. Raises a HeadwaterError for what stops it before it begins.
    """
    watch.step(f"Checking {project.resolve().name}")
    loaded = engine.load(project)
    settings = configurations.read(project, configuration)
    for line in _declared(loaded, settings):
        watch.line(line, "good")
    warehouse, states = project / WAREHOUSE, engine.StateFile(state_file or project / STATE)
    if reset:
        watch.step("Reset")
        _reset(warehouse, states, watch)
    state = states.read()
    watch.step("Syncing from the saved state" if state else "Syncing from the beginning")
    with closing(Pace()) as pace:
        tell = _told(watch, pace)
        if runner == "sdk":
            result = engine.run_sdk(project, configuration=settings, state=states, on_event=tell)
        else:
            result = engine.run(
                loaded,
                configuration=settings,
                state=state,
                destination=engine.DuckDbDestination(warehouse),
                save_state=states.write,
                on_event=tell,
                transport=pace,
            )
    return _report(result, warehouse)


def _declared(loaded: engine.LoadedConnector, settings: Mapping[str, str]) -> Iterator[str]:
    """Ask the connector which tables it declares, which also makes it check its settings."""
    with loaded.active() as connector:
        if connector.schema_method is None:
            yield "no schema: tables and columns come from the rows"
            return
        try:
            tables = connector.schema_method(dict(settings))
        except HeadwaterError:
            raise
        except Exception as error:
            raise ProjectError(
                f"schema() failed: {type(error).__name__}: {error}",
                where=str(loaded.project),
                hint="mend schema() in connector.py, or the configuration it was given",
            ) from error
    for table in tables:
        key = ", ".join(table.get("primary_key", ())) or "none, rows are kept by their whole content"
        yield f"table {table.get('table')} (key: {key})"


def _reset(warehouse: Path, states: engine.StateFile, watch: Watch) -> None:
    storage = warehouse.parent / STORAGE
    present = [path for path in (warehouse, states.path, storage) if path.exists()]
    if not present:
        watch.line("nothing to reset: there is no warehouse and no state yet")
        return
    if not watch.confirm(f"Delete {' and '.join(map(str, present))}?"):
        raise UsageError("the reset was not confirmed", hint="nothing was deleted; run without --reset, or add --yes")
    states.remove()  # first, so that no state ever points past a warehouse that is gone
    for path in (warehouse, warehouse.with_name(warehouse.name + ".wal")):
        path.unlink(missing_ok=True)
    shutil.rmtree(storage, ignore_errors=True)
    watch.line("deleted; the sync reads from the beginning", "good")


def _told(watch: Watch, pace: Pace) -> engine.Listener:
    def tell(event: engine.Event) -> None:
        if event.kind == "checkpoint":
            counts = event.data["operations"]
            pace.checkpoint(counts)
            watch.line(
                f"checkpoint {counts['checkpoints']}: {sum(counts[name] for name in _ROWS):,} operations", "good"
            )
        else:
            watch.line(event.message, LEVELS.get(event.level, "info"))
        watch.status(str(pace))

    return tell


_ROWS = ("upserts", "updates", "deletes", "truncates")


def _report(result: engine.SyncResult, warehouse: Path) -> Report:
    samples = {}
    if warehouse.exists():
        for name in result.tables:
            sample = engine.sample(warehouse, name, SAMPLE_ROWS)
            samples[name] = {"columns": list(sample.columns), "rows": [list(row) for row in sample.rows]}
    data: dict[str, Any] = {
        "tables": dict(result.tables),
        "operations": dict(result.operations),
        "state": dict(result.state),
        "seconds": round(result.seconds, 3),
        "peak_memory_mb": result.peak_memory_mb,
        "samples": samples,
        "warehouse": str(warehouse),
    }
    findings = [Finding("debug.warning", "warning", "", text) for text in result.warnings]
    if result.error is not None:
        findings.append(_failure(result.error))
    return Report("debug", "ok" if result.ok else "failed", data, tuple(findings))


def _failure(error: BaseException) -> Finding:
    if isinstance(error, HeadwaterError):
        kind = type(error).__name__.removesuffix("Error").lower()
        return Finding(f"debug.{kind}", "error", error.where, error.what, error.hint)
    return Finding(
        "debug.connector",
        "error",
        _place(error),
        f"the connector raised {type(error).__name__}: {error}",
        "mend the line named; what the last checkpoint committed is kept, and the next run goes on there",
    )


def _place(error: BaseException) -> str:
    """Return file and line the error was raised at, "" if it never ran through any."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
