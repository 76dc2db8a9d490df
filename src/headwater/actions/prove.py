"""prove: the laws, judged on a connector against its simulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from headwater import catalog
from headwater import prove as laws
from headwater.actions.watch import Watch
from headwater.errors import UsageError
from headwater.model import Finding, Report
from headwater.simulate import load_simulator

__all__ = ["prove"]

PAGE = "PROOF.md"


def prove(project: Path, *, simulator: str | None = None, quick: bool = False, seed: int = 0, watch: Watch) -> Report:
    """Judge `project` by every law and, unless `quick`, write its PROOF.md.

    `simulator` is a name of the catalog; the project's own name unless told. Raises UsageError if there is none of that
    name, SimulatorError, ProjectError.
    """
    name = simulator or project.resolve().name
    if simulator is None and name not in catalog.simulators():
        raise UsageError(
            f"there is no simulator called '{name}' to prove this connector on",
            where=str(project),
            hint=f"name one with --simulator: {', '.join(sorted(catalog.simulators()))}",
        )
    vendor = load_simulator(catalog.simulator(name))
    watch.step(f"Proving {project.resolve().name} on simulator {name}")
    proof = laws.prove(
        project,
        vendor,
        effort="quick" if quick else "full",
        seed=seed,
        on_progress=_told(watch),
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
    if not quick:
        again = f"headwater prove {project} --simulator {name} --seed {seed}"
        (project / PAGE).write_text(laws.render(proof, again), encoding="utf-8")
        data["written"] = str(project / PAGE)
    findings = tuple(
        Finding(f"prove.law_{judgement.number}", "error", case.name, case.problem, judgement.name)
        for judgement in proof.judgements
        for case in judgement.failures
    )
    return Report("prove", "ok" if proof.holds else "findings", data, findings)


def _told(watch: Watch) -> Callable[[laws.Progress], None]:
    begun: set[int] = set()

    def tell(progress: laws.Progress) -> None:
        if progress.law not in begun:
            begun.add(progress.law)
            watch.line(f"law {progress.law}: {progress.name}")
        watch.status(f"law {progress.law}: {progress.cases:,} cases")

    return tell
