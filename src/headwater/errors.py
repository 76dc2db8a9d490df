"""The workbench's exception tree: each error says what happened, where, and what to do next.

HeadwaterError        the runtime's root, so that whoever runs a connector here catches one kind
├── UsageError        the command was given something it cannot work with (exit 2)
├── ProjectError      the connector project is incomplete, or its code fails before it emits anything
├── WarehouseError    the local destination is locked, corrupt or not writable
├── StateError        a state file cannot be read or written
├── DiscoveryError    an experiment on the source gave no usable answer
└── SimulatorError    a simulator is unknown or cannot be served
"""

from __future__ import annotations

from headwater_runtime.errors import HeadwaterError

__all__ = [
    "DiscoveryError",
    "HeadwaterError",
    "ProjectError",
    "SimulatorError",
    "StateError",
    "UsageError",
    "WarehouseError",
    "interrupted",
]


class UsageError(HeadwaterError):
    """The command was given something it cannot work with."""


class ProjectError(HeadwaterError):
    """The connector project is incomplete, or its code fails before it emits anything."""


class WarehouseError(HeadwaterError):
    """The local destination is locked, corrupt or not writable."""


class StateError(HeadwaterError):
    """A state file cannot be read or written."""


class DiscoveryError(HeadwaterError):
    """An experiment on the source gave no usable answer."""


class SimulatorError(HeadwaterError):
    """A simulator is unknown or cannot be served."""


def interrupted(error: BaseException | None) -> bool:
    """Tell whether `error` is a Ctrl-C in disguise: a library that is interrupted at work may raise one of its own from it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
