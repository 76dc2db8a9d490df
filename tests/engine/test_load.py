"""Loading projects: isolation from each other and from this process, and errors that name the place."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import pytest

from headwater.engine import DuckDbDestination, load, run
from headwater.errors import ProjectError

CONNECTOR = """
    from fivetran_connector_sdk import Connector, Operations as op
    import api
    def update(configuration, state):
        import later
        op.upsert("t", {"id": 1, "who": api.WHO, "later": later.WHO})
    connector = Connector(update=update, schema=lambda configuration: [{"table": "t", "primary_key": ["id"]}])
"""


def project(folder, **modules):
    folder.mkdir(exist_ok=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return folder


def row(loaded):
    destination = DuckDbDestination()
    result = run(loaded, configuration={}, state={}, destination=destination)
    assert result.error is None
    return destination.connect().execute("SELECT who, later FROM tester.t").fetchone()


def test_two_projects_with_modules_of_the_same_names_do_not_meet(tmp_path):
    one = load(project(tmp_path / "one", connector=CONNECTOR, api="WHO = 'one'", later="WHO = 'late one'"))
    two = load(project(tmp_path / "two", connector=CONNECTOR, api="WHO = 'two'", later="WHO = 'late two'"))
    assert [row(one), row(two), row(one)] == [("one", "late one"), ("two", "late two"), ("one", "late one")]


def test_nothing_is_left_behind(tmp_path):
    before = list(sys.path), sys.dont_write_bytecode
    folder = project(tmp_path / "one", connector=CONNECTOR, api="WHO = 1", later="WHO = 2")
    row(load(folder))
    assert {"api", "later", "connector"}.isdisjoint(sys.modules)
    assert (list(sys.path), sys.dont_write_bytecode) == before
    assert not (folder / "__pycache__").exists()


def test_a_module_of_this_process_is_put_back(tmp_path):
    own = type(sys)("api")
    sys.modules["api"] = own
    try:
        assert row(load(project(tmp_path / "one", connector=CONNECTOR, api="WHO = 'x'", later="WHO = 'y'"))) == (
            "x",
            "y",
        )
        assert sys.modules["api"] is own
    finally:
        del sys.modules["api"]


def test_a_changed_project_is_read_anew(tmp_path):
    folder = project(tmp_path / "one", connector=CONNECTOR, api="WHO = 'aaa'", later="WHO = 1")
    assert row(load(folder))[0] == "aaa"
    project(folder, api="WHO = 'bbb'")
    assert row(load(folder))[0] == "bbb"


def test_a_folder_without_connector(tmp_path):
    with pytest.raises(ProjectError, match=r"there is no connector\.py here"):
        load(tmp_path)
    with pytest.raises(ProjectError, match="there is no such project"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("connector", "place", "what"),
    [
        ("import api\nimport sys\nraise KeyError('x')", "connector.py:3", "KeyError: 'x'"),
        ("import api\n\napi.fail()", "api.py:4", "ValueError: no"),
        ("def broken(:\n", "connector.py:1", "SyntaxError"),
        ("import not_there", "connector.py:1", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "connector.py:1", "SystemExit"),
    ],
)
def test_a_connector_that_raises_at_import(tmp_path, connector, place, what):
    folder = project(tmp_path / "one", api="WHO = 1\n\ndef fail():\n    raise ValueError('no')")
    (folder / "connector.py").write_text(connector)
    with pytest.raises(ProjectError) as raised:
        load(folder)
    assert place in raised.value.where
    assert what in raised.value.what
    assert raised.value.hint


def test_a_module_without_a_connector(tmp_path):
    with pytest.raises(ProjectError, match=r"connector\.py has no connector"):
        load(project(tmp_path / "one", connector="connector = 5"))


def test_the_example_on_the_page_runs(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text()
    folder = project(tmp_path / "one", connector=CONNECTOR, api="WHO = 1", later="WHO = 2")
    names = {"project": folder}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], names)
    assert names["result"].tables == {"t": 1}
    assert (folder / "files" / "warehouse.db").exists()
    assert names["states"].read() == {}
