"""PROOF.md: a proof as a page that travels with its connector."""

from __future__ import annotations

from headwater.prove.law import Judgement
from headwater.prove.proof import Proof

__all__ = ["render"]

MARKS = {"passed": "✅ passed", "failed": "❌ failed", "not applicable": "➖ not applicable"}


def render(proof: Proof, command: str) -> str:
    """Return `proof` as Markdown. `command` is what makes it again. Only the date and the seconds differ between runs."""
    lines = [
        f"# Proof of {proof.connector}",
        "",
        _summary(proof),
        "",
        "| Law | What it says | Result | Cases | Seconds |",
        "| ---: | --- | --- | ---: | ---: |",
        *(_row(one) for one in proof.judgements),
        "",
        *_notes(proof),
        *_failures(proof),
        "## Again",
        "",
        "```",
        command,
        "```",
        "",
        "| | |",
        "| --- | --- |",
        f"| Connector | `{proof.connector}`, tree `{proof.tree}` |",
        f"| Simulator | `{proof.simulator}`, {proof.records:,} records, seed {proof.seed} |",
        f"| Effort | {proof.effort} |",
        *(f"| {name} | {number} |" for name, number in sorted(proof.versions.items())),
        f"| Date | {proof.begun:%Y-%m-%d} |",
    ]
    return "\n".join(lines) + "\n"


def _summary(proof: Proof) -> str:
    verdicts = [one.verdict for one in proof.judgements]
    failed = f", {verdicts.count('failed')} failed" if "failed" in verdicts else ""
    return (
        f"**{verdicts.count('passed')} of {len(verdicts)} laws hold{failed}**, by {proof.cases:,} cases against the "
        f"`{proof.simulator}` simulator over {proof.wire}. What is compared is the destination's tables, with an undisturbed "
        "sync and with the truth the simulator draws its data from."
    )


def _row(one: Judgement) -> str:
    return f"| {one.number} | {one.name} | {MARKS[one.verdict]} | {one.cases:,} | {one.seconds:.1f} |"


def _notes(proof: Proof) -> list[str]:
    notes = [f"- Law {one.number}: {one.reason}" for one in proof.judgements if one.reason]
    return [*notes, ""] if notes else []


def _failures(proof: Proof) -> list[str]:
    failed = [one for one in proof.judgements if one.failures]
    if not failed:
        return []
    lines = ["## What failed", ""]
    for one in failed:
        lines += [f"- Law {one.number}, {case.name}: {' '.join(case.problem.split())}" for case in one.failures]
    return [*lines, ""]
