"""Importing a connector project in this process without a trace: other projects have modules of the same names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from headwater.errors import ProjectError

__all__ = ["LoadedConnector", "load"]

ENTRY = "connector"


class LoadedConnector:
    """A project's `connector`, with the modules it was made of. They are importable only while it is active."""

    def __init__(self, project: Path, connector: Any, modules: dict[str, ModuleType]) -> None:
        self.project = project
        self.connector = connector
        self._modules = modules

    @contextmanager
    def active(self) -> Iterator[Any]:
        """Make the project's modules importable (a connector may import while it runs), and give its connector."""
        with _isolated(self.project, self._modules):
            yield self.connector


def load(project: Path | str) -> LoadedConnector:
    """Import `connector.py` of the folder `project`. Raises ProjectError, naming file and line."""
    folder = Path(project).resolve()
    path = folder / f"{ENTRY}.py"
    if not path.is_file():
        raise ProjectError(
            "there is no connector.py here" if folder.is_dir() else "there is no such project",
            where=str(folder),
            hint="give the folder that holds connector.py, or write one with `headwater new`",
        )
    modules: dict[str, ModuleType] = {}
    with _isolated(folder, modules):
        module = _imported(path, folder)
    connector = getattr(module, "connector", None)
    if connector is None or not callable(getattr(connector, "update_method", None)):
        raise ProjectError(
            "connector.py has no connector",
            where=str(path),
            hint="end it with `connector = Connector(update=update, schema=schema)` at the top level of the module",
        )
    return LoadedConnector(folder, connector, modules)


def _imported(path: Path, folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(ENTRY, path)
    if spec is None or spec.loader is None:
        raise ProjectError("connector.py cannot be imported", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[ENTRY] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ProjectError(
            f"connector.py cannot be imported: {type(error).__name__}: {error}",
            where=_place(error, folder) or str(path),
            hint=_remedy(error),
        ) from error
    return module


def _place(error: BaseException, folder: Path) -> str:
    """Return file and line of the project's own code nearest to the error."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(folder)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _remedy(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"install what requirements.txt names (missing: {error.name})"
    if isinstance(error, SystemExit):
        return "do not run or exit at import: put that under `if __name__ == '__main__':`"
    return "correct the line named above; a connector does its work in update(), not at import"


@contextmanager
def _isolated(folder: Path, modules: dict[str, ModuleType]) -> Iterator[None]:
    """Let the modules under `folder` be imported, starting from `modules`; afterwards `modules` holds them all.

    Nothing else in the process sees them before or after: modules of their names are set aside and put back.
    """
    own_names = {path.stem for path in folder.glob("*.py")} | {
        path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))
    }
    own_names -= {"headwater_runtime"}  # one already imported is this process's own, which the engine talks to
    set_aside = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in own_names}
    before = list(sys.path), sys.dont_write_bytecode
    for name in set_aside:
        del sys.modules[name]
    sys.modules.update(modules)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # a project's folder stays clean, and a file changed a moment ago is read anew
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = before
        for name in [name for name in sys.modules if name.partition(".")[0] in own_names]:
            modules[name] = sys.modules.pop(name)
        sys.modules.update(set_aside)
