"""A virtual environment for each peer, made on demand from PyPI and kept in the cache folder."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.measure import Failed, tell

__all__ = ["interpreter"]

INSTALL_SECONDS = 900


def interpreter(cache: Path, name: str, requirements: tuple[str, ...]) -> Path:
    """Return the Python of the environment that has `requirements`. Raises Failed with pip's reason."""
    wanted = hashlib.sha256("\n".join((sys.version, *requirements)).encode()).hexdigest()[:8]
    folder = cache / "environments" / f"{name}-{wanted}"
    python, whole = folder / "bin" / "python", folder / "whole"
    if not whole.exists():
        tell(f"installing {', '.join(requirements)} …")
        venv.create(folder, clear=True, with_pip=True)
        _install(python, requirements)
        whole.touch()  # last, so that an environment half made is made again
    return python


def _install(python: Path, requirements: tuple[str, ...]) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"could not be installed: pip was not done after {INSTALL_SECONDS} s") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise Failed(f"could not be installed: {' / '.join(errors[-2:])[:300]}")
