"""The wheel holds everything that a checkout does not have to be there for."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(command, cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.timeout(180)
def test_it_carries_catalog_simulators_and_templates_but_no_local_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "headwater/catalog/connectors/cpg/connector.py",
        "headwater/catalog/simulators/cpg/__init__.py",
        "headwater/generate/templates/api.py.jinja",
        "headwater_runtime/client.py",
        "headwater/py.typed",
    ):
        assert wanted in names
    assert not [name for name in names if "/files/" in name or name.endswith((".pyc", ".db"))]


@pytest.mark.timeout(180)
def test_installed_without_a_checkout_it_finds_its_catalog(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    run = subprocess.run(
        [sys.executable, "-m", "headwater", "doctor", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(run.stdout)
    assert "cpg" in report["connectors"]
    assert "cpg" in report["simulators"]
