"""Drivers are the connector's own requirements: one that is not installed is named, with what to add."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from headwater_runtime.errors import ConfigError

__all__ = ["installed", "needed"]


def needed(module: str, requirement: str) -> Any:
    """Import a driver. Raises ConfigError that names the requirement."""
    try:
        return import_module(module)
    except ImportError as error:
        what = f"the driver {requirement.partition('[')[0]} is not installed"
        raise ConfigError(what, where="requirements.txt", hint=f"add {requirement} to it, and install it") from error


def installed(module: str) -> bool:
    """Whether a top-level module can be imported."""
    return find_spec(module) is not None
