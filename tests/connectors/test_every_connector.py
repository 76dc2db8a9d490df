"""What holds of every connector on the shelf."""

import json
import shutil
from pathlib import Path

import pytest

from headwater import catalog
from headwater.engine import DuckDbDestination, content, differences, load, run, run_sdk
from headwater.simulate import load_simulator, serve

NAMES = sorted(catalog.connectors())
REQUIRED = {"postgres_tables": "psycopg", "s3_files": "s3fs"}  # the others need nothing but the runtime


@pytest.mark.parametrize("name", NAMES)
def test_the_four_modules_are_short(name):
    folder = catalog.connectors()[name]
    lines = sum(
        len((folder / f"{module}.py").read_text().splitlines()) for module in ("connector", "api", "sync", "models")
    )
    assert lines <= 250


@pytest.mark.parametrize("name", NAMES)
def test_the_papers_are_of_this_connector(name):
    folder = catalog.connectors()[name]
    with load(folder).active() as connector:
        config = connector.update_method.__self__.config
    assert json.loads((folder / "configuration.json").read_text()) == config.template()
    assert config.readme() in (folder / "README.md").read_text()
    for page in ("README.md", "DEPLOYMENT.md"):
        assert name in (folder / page).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_what_it_requires_is_pinned(name):
    requirements = (catalog.connectors()[name] / "requirements.txt").read_text().splitlines()
    assert any(line.startswith(REQUIRED[name]) for line in requirements) if name in REQUIRED else requirements == []
    assert all("==" in line for line in requirements)


@pytest.mark.sdk
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cpg", {}),
        ("leadfeeder", {"requests_a_minute": None}),
        ("virtuous", {}),
        ("postgres_tables", {}),
        ("s3_files", {}),
    ],
)
def test_the_sdks_own_runner_lands_the_same(name, options, tmp_path):
    project = Path(shutil.copytree(catalog.connectors()[name], tmp_path / name))
    simulator = load_simulator(catalog.simulator(name))
    with serve(simulator.simulation(seed=0, records=12 if name in REQUIRED else 60, **options)) as server:
        settings = simulator.configuration(server.url)
        theirs = run_sdk(project, configuration=settings)
        ours = DuckDbDestination()
        mine = run(load(project), configuration=settings, state={}, destination=ours)
    assert theirs.status == mine.status == "ok"
    assert theirs.operations["upserts"] == mine.operations["upserts"] > 0
    assert differences(content(project / "files" / "warehouse.db"), content(ours)) == []
