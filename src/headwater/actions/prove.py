"""prove: the laws, judged on a connector against its simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from headwater import catalog
from headwater import prove as laws
from headwater.actions import configuration as configurations
from headwater.actions.mask import Mask
from headwater.actions.watch import Watch
from headwater.errors import ProjectError, UsageError
from headwater.model import Finding, Report
from headwater.simulate import load_simulator

__all__ = ["prove"]

PAGE = "PROOF.md"


def prove(project: Path, *, simulator: str | None = None, quick: bool = False, seed: int = 0, watch: Watch) -> Report:
    """Judge `project` by every law and, unless `quick`, write its PROOF.md.

    `simulator` is a name of the catalog; the project's own name unless told. Raises UsageError if there is none of that
    name, SimulatorError, ProjectError.
    """
    if not project.is_dir():
        raise ProjectError(
            "there is no such project", where=str(project), hint="give the folder that holds connector.py"
        )
    name = simulator or project.resolve().name
    if simulator is None and name not in catalog.simulators():
        raise UsageError(
            f"there is no simulator called '{name}' to prove this connector on",
            where=str(project),
            hint=f"name one with --simulator: {', '.join(sorted(catalog.simulators()))}",
        )
    vendor = load_simulator(catalog.simulator(name))
    watch.step(f"Proving {project.resolve().name} on simulator {name}")
    mask = Mask(_settings(project))
    with mask.errors():
        proof = laws.prove(
            project,
            vendor,
            effort="quick" if quick else "full",
            seed=seed,
            on_progress=_told(watch),
            redact=mask.text,
        )
    data: dict[str, Any] = {
        "connector": proof.connector,
        "simulator": proof.simulator,
        "effort": proof.effort,
        "seed": proof.seed,
        "tree": proof.tree,
        "cases": proof.cases,
        "seconds": round(proof.seconds, 3),
        "laws": [judgement.as_dict() for judgement in proof.judgements],
        "written": None,
    }
    findings = [
        Finding(f"prove.law_{judgement.number}", "error", case.name, case.problem, judgement.name)
        for judgement in proof.judgements
        for case in judgement.failures
    ]
    if not quick:
        again = f"headwater prove {project} --simulator {name} --seed {seed}"
        unwritten = list(_written(project / PAGE, laws.render(proof, again)))
        data["written"] = None if unwritten else str(project / PAGE)
        findings += unwritten
    return Report("prove", "findings" if findings else "ok", data, tuple(findings))


def _settings(project: Path) -> dict[str, str]:
    """Return the project's own configuration: nothing is run with it, but a connector may read it and quote it."""
    try:
        return configurations.read(project, None)
    except UsageError:
        return {}


def _written(page: Path, text: str) -> Iterator[Finding]:
    """Write the page, whole or not at all; a finding says why that was not possible."""
    whole = page.with_name(f".{page.name}")
    try:
        whole.write_text(text, encoding="utf-8")
        whole.replace(page)
    except OSError as error:
        yield Finding(
            "prove.page",
            "error",
            str(page),
            f"the proof cannot be written: {error.strerror}",
            "check the folder's permissions and the free space, or add --quick, which writes nothing",
        )
    finally:
        with suppress(OSError):
            whole.unlink()


def _told(watch: Watch) -> Callable[[laws.Progress], None]:
    begun: set[int] = set()

    def tell(progress: laws.Progress) -> None:
        if progress.law not in begun:
            begun.add(progress.law)
            watch.line(f"law {progress.law}: {progress.name}")
        watch.status(f"law {progress.law}: {progress.cases:,} cases")

    return tell
