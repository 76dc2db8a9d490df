"""prove: run a connector against its vendor, law by law, and keep what came of it."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from headwater.engine import captured, load
from headwater.prove.law import Case, Effort, Judgement, Law, NotJudgedError, Verdict
from headwater.prove.laws import LAWS
from headwater.prove.laws.secrecy import wrong_value
from headwater.prove.rig import PlainSyncError, Rig
from headwater.prove.tree import tree_hash
from headwater.simulate import Simulator
from headwater_runtime.log import Redact, redactor

__all__ = ["Progress", "Proof", "prove"]

ENOUGH = 5  # failures of one law: more of them teach nothing
PACKAGES = ("headwater", "fivetran-connector-sdk")


@dataclass(frozen=True)
class Progress:
    """A law that is being judged, and how many of its cases are done."""

    law: int
    name: str
    cases: int


@dataclass(frozen=True)
class Proof:
    """One judgement a law, and all that is needed to come by the same ones again."""

    connector: str
    tree: str
    simulator: str
    wire: str
    records: int
    effort: Effort
    seed: int
    judgements: tuple[Judgement, ...]
    versions: Mapping[str, str]
    begun: datetime

    @property
    def holds(self) -> bool:
        """Whether no law failed. A law that could not be judged does not count against it."""
        return all(one.verdict != "failed" for one in self.judgements)

    @property
    def cases(self) -> int:
        """The number of cases that were tried."""
        return sum(one.cases for one in self.judgements)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return sum(one.seconds for one in self.judgements)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "begun": self.begun.isoformat(), "versions": dict(self.versions), "holds": self.holds}


def prove(
    project: Path,
    simulator: Simulator,
    *,
    effort: Effort = "full",
    seed: int = 0,
    laws: Sequence[Law] = LAWS,
    on_progress: Callable[[Progress], None] | None = None,
    redact: Redact = str,
) -> Proof:
    """Judge the connector in `project` by `laws` against `simulator`.

    Raises ProjectError or SimulatorError when one of the two cannot even be loaded or built; whatever the connector does
    while it runs becomes a judgement. `on_progress` is called after every case. No case quotes a credential of the
    simulator's; `redact` takes out what else must not be seen.
    """
    begun = datetime.now(timezone.utc)
    with captured(lambda _: None):
        connector = load(project)
    rig = Rig(connector, simulator, effort, seed)
    own = redactor({*simulator.secrets(), *(wrong_value(seed, setting) for setting in simulator.secret_settings)})
    judgements = tuple(_masked(_judge(law, rig, on_progress), lambda text: redact(own(text))) for law in laws)
    return Proof(
        connector=project.resolve().name,
        tree=tree_hash(project),
        simulator=simulator.name,
        wire=simulator.wire,
        records=simulator.records,
        effort=effort,
        seed=seed,
        judgements=judgements,
        versions=_versions(),
        begun=begun,
    )


def _judge(law: Law, rig: Rig, on_progress: Callable[[Progress], None] | None) -> Judgement:
    began = time.monotonic()
    cases, failures, reason = 0, [], ""
    verdict: Verdict = "passed"
    checking = law.check(rig)
    try:
        while True:
            case = next(checking)
            cases += 1
            if case.problem:
                failures.append(case)
            if on_progress is not None:
                on_progress(Progress(law.number, law.name, cases))
            if len(failures) == ENOUGH:
                reason = f"Stopped after {ENOUGH} failures."
                break
    except StopIteration as end:
        reason = end.value or ""
    except NotJudgedError as stop:
        verdict, reason = "not applicable", str(stop)
    except PlainSyncError as stop:
        cases += 1
        failures.append(Case("fair weather", str(stop)))
    finally:
        checking.close()  # takes the law's vendor down when the law stopped early
    if failures:
        verdict = "failed"
    seconds = time.monotonic() - began
    return Judgement(law.number, law.name, verdict, cases, seconds, reason, tuple(failures))


def _masked(judgement: Judgement, mask: Redact) -> Judgement:
    """Return `judgement` fit to be published: a failing connector's own words may quote a credential."""
    failures = tuple(Case(mask(one.name), mask(one.problem)) for one in judgement.failures)
    return replace(judgement, reason=mask(judgement.reason), failures=failures)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a source tree that is not installed
            found[package] = "not installed"
    return found
