"""Projects to prove: the sound ones of the repository and of these tests, and copies of them broken in one place."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.prove import LAWS, prove
from headwater.simulate import load_simulator

ROOT = Path(__file__).parents[2]
HANDWRITTEN = Path(__file__).parent / "handwritten"
ON_RUNTIME = ROOT / "connectors" / "cpg"
PAGE = 20


@pytest.fixture(scope="session")
def cpg():
    return load_simulator(ROOT / "simulators" / "cpg")


@pytest.fixture(scope="session")
def small(cpg):
    """The CPG vendor with three pages and a bit: enough for every law, and quick."""
    return replace(
        cpg,
        records=3 * PAGE + 3,
        configuration=lambda url: {**cpg.configuration(url), "page_size": str(PAGE)},
        variations=({"page_size": "7"}, {"page_size": "41"}, {"page_size": "200"}),
    )


@pytest.fixture
def broken(tmp_path):
    """Return a function that copies a sound project with `old` replaced by `new` in `file`."""

    def copy(project, file, old, new):
        target = tmp_path / "broken"
        shutil.copytree(project, target, ignore=shutil.ignore_patterns("__pycache__", "files"))
        source = (target / file).read_text()
        assert source.count(old) == 1
        (target / file).write_text(source.replace(old, new))
        return target

    return copy


@pytest.fixture
def verdicts(small):
    """Return a function that proves a project quickly by the laws of these numbers, and gives verdicts and proof."""

    def judge(project, *numbers):
        laws = [law for law in LAWS if law.number in numbers or not numbers]
        proof = prove(project, small, effort="quick", laws=laws)
        return {one.number: one.verdict for one in proof.judgements}, proof

    return judge
