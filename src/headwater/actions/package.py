"""package: a connector project as the zip that Fivetran takes."""

from __future__ import annotations

from pathlib import Path

from headwater import deploy
from headwater.actions.watch import Watch
from headwater.model import Report

__all__ = ["package"]


def package(project: Path, *, output: Path | None = None, watch: Watch) -> Report:
    """Write the package of `project` to `output`, `files/<name>.zip` of the project unless told. Raises ProjectError."""
    staged = deploy.stage(project)
    target = output or project / "files" / f"{staged.manifest['connector']}.zip"
    deploy.write(staged, target)
    for path, content in sorted(staged.files.items()):
        if not path.startswith("headwater_runtime/"):
            watch.line(f"{path}  {len(content):,} bytes")
    watch.line(f"headwater_runtime/  {sum(path.startswith('headwater_runtime/') for path in staged.files)} modules")
    return Report(
        "package",
        "ok",
        {
            "package": str(target),
            "bytes": target.stat().st_size,
            "sha256": staged.manifest["sha256"],
            "files": sorted(staged.files),
        },
    )
