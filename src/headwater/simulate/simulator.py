"""Simulator: what a `simulators/<name>` package offers — how to build its vendor, and what a proof must know of it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from headwater.errors import SimulatorError
from headwater.simulate.simulation import Simulation

__all__ = ["Build", "Simulator", "load_simulator"]


class Build(Protocol):
    """Makes a fresh vendor. `options` are the simulator's own, each one of `Simulator.options`."""

    def __call__(self, *, seed: int, records: int, **options: object) -> Simulation:
        """Return the vendor with `records` records in its main population, drawn from `seed`."""


@dataclass(frozen=True)
class Simulator:
    """A faked vendor. `keys` names each table a connector of it fills, with its primary key.

    `configuration(url)` is ready for the connector. `variations` are overrides of it that must not change the outcome
    (page sizes). `secret_settings` are the configuration keys whose value nobody may ever see. `main` is the population
    that `records` sizes. `options` are the vendor's own switches with their defaults. `wire` says how it is spoken to.
    """

    name: str
    title: str
    build: Build
    configuration: Callable[[str], dict[str, str]]
    keys: Mapping[str, tuple[str, ...]]
    main: str
    records: int
    secret_settings: tuple[str, ...] = ()
    variations: tuple[Mapping[str, str], ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    wire: str = "real HTTP"

    def simulation(self, *, seed: int = 0, records: int | None = None, **options: object) -> Simulation:
        """Return a fresh vendor; SimulatorError for an option it does not have, or fewer than no records."""
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            raise SimulatorError(
                f"The {self.name} simulator has no option {', '.join(unknown)}",
                where=self.name,
                hint=f"It has: {', '.join(sorted(self.options)) or 'none'}.",
            )
        count = self.records if records is None else records
        if count < 0:
            raise SimulatorError(f"There cannot be {count} records", where=self.name, hint="Give 0 or more.")
        return self.build(seed=seed, records=count, **{**self.options, **options})

    def secrets(self) -> frozenset[str]:
        """Return the values that must never be seen in a log, an error or a state."""
        settings = self.configuration("http://127.0.0.1")
        return frozenset(settings[name] for name in self.secret_settings)


def load_simulator(folder: Path) -> Simulator:
    """Import the package at `folder` and return its SIMULATOR."""
    entry = folder / "__init__.py"
    if not entry.is_file():
        raise SimulatorError(
            f"{folder.name} is not a simulator: it has no __init__.py",
            where=str(folder),
            hint="`SIMULATOR` belongs there.",
        )
    name = f"headwater_simulators_{folder.name}"
    spec = importlib.util.spec_from_file_location(name, entry, submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:  # cannot be for a file that exists; the types allow it
        raise SimulatorError(f"{folder.name} cannot be imported", where=str(folder))
    for stale in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[stale]  # a folder loaded again is read again
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        simulator = module.SIMULATOR
    except Exception as error:
        del sys.modules[name]
        lacks = error.name if isinstance(error, ModuleNotFoundError) else None
        raise SimulatorError(
            f"The simulator {folder.name} cannot be loaded: {type(error).__name__}: {error}",
            where=str(entry),
            hint=f"Install what it stands on: {lacks}." if lacks else "",
        ) from error
    if not isinstance(simulator, Simulator):
        raise SimulatorError("SIMULATOR is not a headwater.simulate.Simulator", where=str(entry))
    return simulator
