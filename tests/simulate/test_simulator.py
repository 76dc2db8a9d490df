"""Loading a simulator by its folder, and what is said when that cannot be."""

import pytest

from headwater.errors import SimulatorError
from headwater.simulate import Simulator, load_simulator


def test_every_simulator_in_the_repository_loads_and_names_itself(simulators):
    folders = [entry.parent for entry in sorted(simulators.glob("*/__init__.py"))]
    assert [load_simulator(folder).name for folder in folders] == [folder.name for folder in folders] != []


def test_a_folder_without_an_entry_is_refused(tmp_path):
    with pytest.raises(SimulatorError, match=r"no __init__\.py"):
        load_simulator(tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError"),
        ("", "AttributeError"),
        ("SIMULATOR = 3", "not a headwater.simulate.Simulator"),
    ],
)
def test_a_broken_simulator_names_its_file_and_cause(tmp_path, source, message):
    (tmp_path / "__init__.py").write_text(source)
    with pytest.raises(SimulatorError, match=message) as caught:
        load_simulator(tmp_path)
    assert str(tmp_path / "__init__.py") in str(caught.value)


def test_a_folder_is_read_again_when_it_changed(tmp_path):
    (tmp_path / "part.py").write_text("NAME = 'one'")
    (tmp_path / "__init__.py").write_text(
        "from headwater.simulate import Simulator\n"
        "from .part import NAME\n"
        "SIMULATOR = Simulator(NAME, '', None, dict, {}, main='', records=0)\n"
    )
    assert load_simulator(tmp_path).name == "one"
    (tmp_path / "part.py").write_text("NAME = 'another'")
    assert load_simulator(tmp_path).name == "another"


def test_an_unknown_option_is_refused_and_the_known_ones_named(cpg):
    with pytest.raises(SimulatorError, match=r"no option colour(?s:.)*empty_page_at, null_cursor"):
        cpg.simulation(colour="red")


def test_fewer_than_no_records_are_refused(cpg):
    with pytest.raises(SimulatorError, match=r"-1 records(?s:.)*0 or more"):
        cpg.simulation(records=-1)


def test_secrets_are_the_values_of_the_secret_settings(cpg):
    assert cpg.secrets() == {cpg.configuration("http://x")["api_key"]}
    assert isinstance(cpg, Simulator)
