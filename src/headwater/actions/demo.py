"""demo: the whole way on the CPG simulator."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.actions.new import new
from headwater.actions.prove import prove
from headwater.actions.simulate import simulate
from headwater.actions.watch import Watch
from headwater.model import Report

__all__ = ["demo"]

NAME = "CPG demo"


def demo(*, keep: Path | None = None, watch: Watch) -> Report:
    """Serve the CPG simulator, discover it, write a connector, sync it twice, and prove it, in `keep` or a scratch folder."""
    begun = time.monotonic()
    with _folder(keep) as folder:
        project = folder / "cpg_demo"
        with simulate("cpg") as served:
            settings = served.data["configuration"]
            watch.step(f"{served.data['title']}, simulated at {served.data['url']}")
            watch.line(f"$ headwater new '{NAME}' {settings['base_url']}/cpg_data --header 'api_key: …'")
            made = new(
                NAME,
                f"{settings['base_url']}/cpg_data",
                headers={"api_key": settings["api_key"]},
                into=project,
                watch=watch,
            )
        findings = [finding for finding in made.findings if finding.severity != "info"]
        data = {"project": str(project) if keep else f"{project} (gone now; --keep DIR leaves it)", "new": made.data}
        status = made.status
        if status == "ok":
            proof = prove(project, simulator="cpg", quick=True, watch=watch)
            findings += proof.findings
            data["prove"] = proof.data
            status = proof.status
    return Report("demo", status, {**data, "seconds": round(time.monotonic() - begun, 1)}, tuple(findings))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="headwater-demo-") as scratch:
        yield Path(scratch)
