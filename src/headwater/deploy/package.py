"""A connector project as the one file Fivetran takes: staged by allow-list, with the runtime beside it and a manifest.

By allow-list, because what a deny-list forgets is uploaded: a configuration with its key, a warehouse, a state.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import headwater
import headwater_runtime
from headwater.errors import ProjectError

__all__ = ["MANIFEST", "Package", "stage", "write"]

MANIFEST = "headwater.json"
RUNTIME = "headwater_runtime"
ROOT_FILES = ("requirements.txt", "pyproject.toml")

# Folders the platform's upload drops, or that hold what is not the connector.
LEFT_OUT = frozenset({"__pycache__", "build", "dist", "files", "include", "lib", "tests", "venv", "crash-reports"})

EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's earliest moment: the same content gives the same bytes, whenever it is packed


@dataclass(frozen=True)
class Package:
    """What is uploaded: file contents by path, and the manifest, which is among them."""

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]


def stage(project: Path) -> Package:
    """Return the package of `project`. Raises ProjectError if there is no connector.py or a module is not readable."""
    if not (project / "connector.py").is_file():
        raise ProjectError(
            "there is no connector.py to package",
            where=str(project),
            hint="name the folder of a connector project, or make one with `headwater new`",
        )
    files = {str(path): _read(project / path) for path in _modules(project)}
    files |= {name: _read(project / name) for name in ROOT_FILES if (project / name).is_file()}
    vendored = any(path.startswith(f"{RUNTIME}/") for path in files)
    if not vendored:
        files |= _runtime()
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
    manifest = {
        "connector": project.resolve().name,
        "headwater": headwater.__version__,
        "fivetran_connector_sdk": importlib.metadata.version("fivetran-connector-sdk"),
        "runtime": "of the project" if vendored else "of headwater",
        "sha256": tree_hash(hashes),
        "files": hashes,
    }
    files[MANIFEST] = (json.dumps(manifest, indent=2) + "\n").encode()
    return Package(files, manifest)


def tree_hash(hashes: Mapping[str, str]) -> str:
    """Return one hash over paths and content hashes, the same on every machine."""
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def write(package: Package, target: Path) -> None:
    """Write `package` as a zip at `target`, byte for byte the same for the same content."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(package.files.items()):
            archive.writestr(zipfile.ZipInfo(path, EPOCH), content, zipfile.ZIP_DEFLATED)


def _modules(project: Path) -> list[PurePosixPath]:
    """Python modules of the project, at its root and in its packages."""
    found = []
    for path in sorted(project.rglob("*.py")):
        relative = path.relative_to(project)
        if path.is_file() and not any(part in LEFT_OUT or part.startswith(".") for part in relative.parts):
            found.append(PurePosixPath(relative.as_posix()))
    return found


def _runtime() -> dict[str, bytes]:
    root = Path(headwater_runtime.__file__).parent
    return {f"{RUNTIME}/{path.relative_to(root).as_posix()}": _read(path) for path in sorted(root.rglob("*.py"))}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProjectError(f"cannot read it: {error.strerror}", where=str(path), hint="mend its rights") from error
