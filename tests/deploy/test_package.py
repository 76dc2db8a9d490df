"""The package is the connector and its runtime, nothing else, and runs where Headwater is not."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import duckdb
import pytest

from headwater import catalog
from headwater.deploy import MANIFEST, stage, write
from headwater.errors import ProjectError
from headwater.simulate import load_simulator, serve

CPG = catalog.connectors()["cpg"]


@pytest.fixture
def project(tmp_path):
    """Return a copy of the CPG project with everything around it that must not be uploaded."""
    copy = tmp_path / "cpg"
    shutil.copytree(CPG, copy, ignore=shutil.ignore_patterns("files", "__pycache__"))
    (copy / "configuration.json").write_text('{"api_key": "very-secret-9"}')
    for path in (
        "files/state.json",
        "files/warehouse.db",
        ".env",
        ".git/config",
        "tests/test_x.py",
        "lib/hidden.py",
        "__pycache__/api.pyc",
        "notes.txt",
        "cpg.json",
        ".venv/x.py",
    ):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text("very-secret-9")
    (copy / "shared").mkdir()
    (copy / "shared/__init__.py").write_text("")
    return copy


def test_it_holds_modules_requirements_runtime_and_manifest_only(project):
    files = stage(project).files
    own = {path for path in files if not path.startswith("headwater_runtime/")}
    assert own == {
        "connector.py",
        "api.py",
        "sync.py",
        "models.py",
        "requirements.txt",
        "shared/__init__.py",
        MANIFEST,
    }
    assert "headwater_runtime/client.py" in files
    assert not any(b"very-secret-9" in content for content in files.values())


def test_the_same_project_gives_the_same_bytes(project, tmp_path):
    write(stage(project), tmp_path / "a.zip")
    for path in project.rglob("*.py"):
        os.utime(path, (1, 1))
    write(stage(project), tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_the_manifest_tells_versions_and_every_hash(project):
    package = stage(project)
    manifest = json.loads(package.files[MANIFEST])
    assert manifest["connector"] == "cpg"
    assert manifest["fivetran_connector_sdk"] >= "3.0.0"
    assert set(manifest["files"]) == set(package.files) - {MANIFEST}
    (project / "models.py").write_text((project / "models.py").read_text() + "\n")
    assert stage(project).manifest["sha256"] != manifest["sha256"]


def test_a_runtime_kept_in_the_project_is_the_one_that_is_packed(project):
    (project / "headwater_runtime").mkdir()
    (project / "headwater_runtime/__init__.py").write_text("# pinned\n")
    package = stage(project)
    assert package.files["headwater_runtime/__init__.py"] == b"# pinned\n"
    assert "headwater_runtime/client.py" not in package.files
    assert package.manifest["runtime"] == "of the project"


def test_a_folder_without_a_connector_is_refused(tmp_path):
    with pytest.raises(ProjectError, match="no connector.py"):
        stage(tmp_path)


@pytest.mark.sdk
@pytest.mark.timeout(300)
def test_unpacked_alone_it_runs_under_the_sdks_own_command(tmp_path):
    """In an environment that holds the SDK and what it needs, and no Headwater: 750 rows, then a second sync."""
    write(stage(CPG), tmp_path / "cpg.zip")
    alone = tmp_path / "alone"
    zipfile.ZipFile(tmp_path / "cpg.zip").extractall(alone)
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin/python"
    sdk = json.loads((alone / MANIFEST).read_text())["fivetran_connector_sdk"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"fivetran-connector-sdk=={sdk}"], check=True)
    absent = subprocess.run([python, "-c", "import headwater_runtime"], cwd=tmp_path, capture_output=True, check=False)
    assert absent.returncode != 0

    simulator = load_simulator(catalog.simulator("cpg"))
    with serve(simulator.simulation()) as server:
        (alone / "configuration.json").write_text(json.dumps(simulator.configuration(server.url)))
        outputs = [_fivetran_debug(environment, alone) for _ in range(2)]
    assert "Upserts         | 750" in outputs[0]
    assert "Upserts         | 50 " in outputs[1]
    with duckdb.connect(str(alone / "files/warehouse.db"), read_only=True) as warehouse:
        assert warehouse.sql("select count(*), count(distinct record_id) from tester.cpg_records").fetchone() == (
            750,
            750,
        )


def _fivetran_debug(environment: Path, project: Path) -> str:
    """Run `fivetran debug` with nothing of this process's Python in its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "COV"))}
    run = subprocess.run(
        [environment / "bin/fivetran", "debug", str(project), "--configuration", "configuration.json"],
        cwd=project,
        env={**kept, "PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == 0, run.stdout + run.stderr + f" under {sys.version}"
    return run.stdout
