"""debug: run a connector here and land it in DuckDB."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Literal

from headwater import engine
from headwater.actions import configuration as configurations
from headwater.actions.mask import Mask
from headwater.actions.pace import Pace
from headwater.actions.synced import sync_report
from headwater.actions.watch import Level, Watch
from headwater.errors import HeadwaterError, ProjectError, UsageError
from headwater.model import Report

__all__ = ["STATE", "WAREHOUSE", "debug"]

WAREHOUSE = Path("files/warehouse.db")
STATE = Path("files/state.json")
STORAGE = "storage"  # uploaded files, beside the warehouse

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
    checkpoint kept. Raises a HeadwaterError for what stops it before it begins. No secret of the configuration is in
    what the watch is told, in the report or in an error.
    """
    watch.step(f"Checking {project.resolve().name}")
    settings = configurations.read(project, configuration)
    mask = Mask(settings)
    with mask.errors(), engine.captured(_printed(mask.watch(watch))):
        loaded = engine.load(project)
    mask = Mask(settings, loaded)
    shown = mask.watch(watch)
    with mask.errors():
        with engine.captured(_printed(shown)):
            declared = tuple(_declared(loaded, settings))
        for line in declared:
            shown.line(line, "good")
        warehouse, states = project / WAREHOUSE, engine.StateFile(state_file or project / STATE)
        if reset:
            shown.step("Reset")
            _reset(warehouse, states, shown)
        state = states.read()
        shown.step("Syncing from the saved state" if state else "Syncing from the beginning")
        with closing(Pace()) as pace:
            tell = _told(shown, pace)
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
        return sync_report(result, warehouse, loaded.project, mask)


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


def _printed(watch: Watch) -> engine.Listener:
    return lambda event: watch.line(event.message, LEVELS.get(event.level, "info"))


def _told(watch: Watch, pace: Pace) -> engine.Listener:
    show = _printed(watch)

    def tell(event: engine.Event) -> None:
        if event.kind == "checkpoint":
            counts = event.data["operations"]
            pace.checkpoint(counts)
            watch.line(
                f"checkpoint {counts['checkpoints']}: {sum(counts[name] for name in _ROWS):,} operations", "good"
            )
        else:
            show(event)
        watch.status(str(pace))

    return tell


_ROWS = ("upserts", "updates", "deletes", "truncates")
