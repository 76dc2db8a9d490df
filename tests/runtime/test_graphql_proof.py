"""A connector over three levels of nested connections, with a budget of points, keeps the laws: kills, faults, page sizes."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.prove import LAWS, prove
from headwater.simulate import load_simulator

TESTS = Path(__file__).parents[1]
CONNECTOR = TESTS / "runtime" / "graphql_shop"


@pytest.fixture(scope="module")
def shop():
    simulator = load_simulator(TESTS / "simulate" / "graphql_shop")
    return replace(simulator, records=12, configuration=lambda url: {**simulator.configuration(url), "page_size": "5"})


def judged(project, shop, number):
    laws = [law for law in LAWS if law.number == number]
    (judgement,) = prove(project, shop, effort="quick", laws=laws).judgements
    return judgement.verdict, [case.problem for case in judgement.failures]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [1, 2, 4, 5, 7, 9, 11, 12])
def test_the_law_holds(shop, number):
    assert judged(CONNECTOR, shop, number) == ("passed", [])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('nested={"lines.nodes": lines}', 'nested={"lines.nodes": None}', "order_lines lacks"),
        ('nested={"taxes.nodes": taxes}', 'nested={"taxes.nodes": None}', "line_taxes lacks"),
    ],
)
def test_a_level_that_is_not_paged_is_caught(shop, tmp_path, old, new, says):
    broken = tmp_path / "broken"
    shutil.copytree(CONNECTOR, broken, ignore=shutil.ignore_patterns("__pycache__"))
    api = (broken / "api.py").read_text()
    assert api.count(old) == 1
    (broken / "api.py").write_text(api.replace(old, new))
    verdict, problems = judged(broken, shop, 2)
    assert verdict == "failed"
    assert says in problems[0]
