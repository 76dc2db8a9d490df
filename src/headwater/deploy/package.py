"""A connector project as the one file Fivetran takes: staged by allow-list, with the runtime beside it and a manifest.

By allow-list, because what a deny-list forgets is uploaded: a configuration with its key, a warehouse, a state. Of the
runtime's packages for kinds of sources only those go along that the project imports: they need requirements of their own.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
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
    modules = dict(files)
    files |= {name: _read(project / name) for name in ROOT_FILES if (project / name).is_file()}
    vendored = any(path.startswith(f"{RUNTIME}/") for path in files)
    if not vendored:
        files |= _runtime(modules)
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


def _runtime(modules: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the runtime's modules, and of its packages those that `modules` import, or what they import does."""
    root = Path(headwater_runtime.__file__).parent
    whole = {path.relative_to(root).as_posix(): _read(path) for path in sorted(root.rglob("*.py"))}
    kept = {path for path in whole if "/" not in path}
    packages = {path.split("/")[0] for path in whole if "/" in path}
    needed = _used([*modules.items(), *((path, whole[path]) for path in kept)]) & packages
    while needed:
        added = {path for path in whole if path.split("/")[0] in needed}
        kept |= added
        packages -= needed
        needed = _used((f"{RUNTIME}/{path}", whole[path]) for path in added) & packages
    return {f"{RUNTIME}/{path}": content for path, content in whole.items() if path in kept}


def _used(modules: Iterable[tuple[str, bytes]]) -> set[str]:
    """Return the names behind the runtime's in all that `modules` import, or name in a text: an import may be by name."""
    named = {name for path, content in modules for name in _named(path, content)}
    return {parts[1] for parts in (name.split(".") for name in named) if parts[0] == RUNTIME and len(parts) > 1}


def _named(path: str, content: bytes) -> Iterator[str]:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError) as error:
        raise ProjectError("it is not Python", where=path, hint=f"mend it: {error}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProjectError(f"cannot read it: {error.strerror}", where=str(path), hint="mend its rights") from error
