"""The page about files is true: its code runs, top to bottom."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/storage.md"


def test_the_page_runs_top_to_bottom():
    namespace: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"docs/storage.md block {number}", "exec"), namespace)
