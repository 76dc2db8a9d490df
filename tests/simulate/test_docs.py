"""The documentation page runs, block after block, as a reader would type it, and names what there is."""

import re
from pathlib import Path

import headwater.simulate
from headwater.simulate import load_simulator

PAGE = Path(__file__).parents[2] / "docs" / "simulate.md"


def test_every_python_block_runs(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    exec("\n".join(blocks), {"__name__": "docs"})
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


def test_every_simulator_is_named_with_its_options(simulators):
    text = PAGE.read_text()
    for folder in sorted(entry.parent for entry in simulators.glob("*/__init__.py")):
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{folder.name}` |")]
        assert re.findall(r"`(\w+)`", line.rsplit("|", 2)[1]) == list(load_simulator(folder).options)


def test_every_building_block_is_named():
    text = PAGE.read_text()
    inner = {
        "Budget",
        "Cut",
        "Exchange",
        "FaultRule",
        "Given",
        "Ordered",
        "Record",
        "Refusal",
        "Rows",
        "Server",
        "Spans",
        "Truth",
    }
    assert [
        name for name in headwater.simulate.__all__ if name not in inner and not re.search(rf"\b{name}\b", text)
    ] == []
