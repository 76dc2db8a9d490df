"""The documentation page runs, block after block, as a reader would type it."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "simulate.md"


def test_every_python_block_runs(capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    exec("\n".join(blocks), {"__name__": "docs"})
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")
