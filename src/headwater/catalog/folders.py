"""Where the connectors and simulators that come with Headwater are: in the checkout, or inside the installed wheel."""

from __future__ import annotations

import difflib
from pathlib import Path

from headwater.errors import SimulatorError

__all__ = ["connectors", "simulator", "simulators"]

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]


def connectors() -> dict[str, Path]:
    """Return the catalog's connector projects by name."""
    return _children("connectors", "connector.py")


def simulators() -> dict[str, Path]:
    """Return the catalog's simulators by name."""
    return _children("simulators", "__init__.py")


def simulator(name: str) -> Path:
    """Return the folder of simulator `name`. Raises SimulatorError naming the nearest one there is."""
    known = simulators()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    raise SimulatorError(
        f"there is no simulator '{name}'",
        hint=f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}",
    )


def _children(kind: str, marker: str) -> dict[str, Path]:
    root = CHECKOUT / kind if (CHECKOUT / "pyproject.toml").is_file() else HERE / kind
    if not root.is_dir():
        return {}
    return {path.name: path for path in sorted(root.iterdir()) if (path / marker).is_file()}
