"""The package is the connector and its runtime, nothing else, and runs where Headwater is not."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import duckdb
import pytest

import headwater_runtime
from headwater import catalog
from headwater.deploy import MANIFEST, stage, write
from headwater.errors import ProjectError
from headwater.simulate import load_simulator, serve

CPG = catalog.connectors()["cpg"]
COMMANDS = {"fivetran": "fivetran_connector_sdk_cli.fivetran_shim", "pipreqs": "pipreqs.pipreqs"}  # debug calls both


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


def packages(files):
    """Return the runtime's packages among the files, but for the one that its own modules stand on."""
    found = {path.split("/")[1] for path in files if path.count("/") == 2 and path.startswith("headwater_runtime/")}
    assert "graphql" in found
    return found - {"graphql"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import json", set()),
        ("from headwater_runtime import Client", set()),
        ("from headwater_runtime.sql import Database", {"sql"}),
        ("import headwater_runtime.storage", {"storage"}),
        ("import headwater_runtime.sql.rows as rows", {"sql"}),
        ("from headwater_runtime import storage, sql", {"storage", "sql"}),
        ("def late():\n    from headwater_runtime.storage import Place", {"storage"}),
        ("import importlib\nsql = importlib.import_module('headwater_runtime.sql')", {"sql"}),
    ],
)
def test_of_the_runtimes_packages_only_those_go_along_that_are_imported(project, line, expected):
    (project / "shared/more.py").write_text(line + "\n")
    files = stage(project).files
    assert packages(files) == expected
    assert "headwater_runtime/client.py" in files


def test_nothing_lies_in_a_folder_that_the_upload_drops():
    for project in catalog.connectors().values():
        folders = {part for path in stage(project).files for part in path.split("/")[:-1]}
        assert folders.isdisjoint({"files", "lib", "include", "build", "dist", "tests", "venv"})


def test_the_runtimes_own_modules_do_without_what_needs_drivers():
    (runtime,) = headwater_runtime.__path__
    for module in Path(runtime).glob("*.py"):
        for line in module.read_text().splitlines():
            assert not re.match(r"\s*(from|import) headwater_runtime\.(sql|storage)\b", line), module.name


def test_a_module_that_is_not_python_is_named(project):
    (project / "shared/more.py").write_text("def broken(:\n")
    with pytest.raises(ProjectError, match=r"not Python.*shared/more\.py"):
        stage(project)


def test_a_connector_of_files_does_not_carry_what_reads_databases():
    shelf = catalog.connectors()
    assert packages(stage(shelf["postgres_tables"]).files) == {"sql"}
    assert packages(stage(shelf["s3_files"]).files) == {"storage"}
    assert packages(stage(CPG).files) == set()


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


@pytest.mark.sdk
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["postgres_tables", "s3_files"])
def test_a_connector_with_drivers_runs_unpacked_where_headwater_is_not(name, tmp_path):
    """All that is installed here but Headwater itself is on the path of a new environment: what a requirement names, and more."""
    write(stage(catalog.connectors()[name]), tmp_path / "packed.zip")
    alone, environment, site = (tmp_path / folder for folder in ("alone", "environment", "site"))
    zipfile.ZipFile(tmp_path / "packed.zip").extractall(alone)
    site.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "headwater" not in entry.name and not entry.name.endswith(".pth"):
            (site / entry.name).symlink_to(entry)
    venv.create(environment, with_pip=False)
    for command, module in COMMANDS.items():
        script = environment / "bin" / command
        script.write_text(f"#!{environment / 'bin/python'}\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        script.chmod(0o755)
    inside = next((environment / "lib").glob("python*/site-packages"))
    (inside / "all.pth").write_text(f"{site}\n")
    absent = subprocess.run(
        [environment / "bin/python", "-c", "import headwater_runtime"],
        cwd=tmp_path,
        capture_output=True,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
    assert absent.returncode != 0

    simulator = load_simulator(catalog.simulator(name))
    simulation = simulator.simulation(records=10)
    with serve(simulation) as server:
        (alone / "configuration.json").write_text(json.dumps(simulator.configuration(server.url)))
        _fivetran_debug(environment, alone)
    with duckdb.connect(str(alone / "files/warehouse.db"), read_only=True) as warehouse:
        for table, truth in simulation.truth.items():
            assert warehouse.sql(f"select count(*) from tester.{table}").fetchone() == (len(list(truth())),)
