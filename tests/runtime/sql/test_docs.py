"""The page about SQL is true: its blocks run, top to bottom."""

from tests.test_docs import ROOT, blocks


def test_the_sql_page_runs_top_to_bottom():
    namespace: dict[str, object] = {}
    found = list(blocks(ROOT / "docs/sql.md", "python"))
    assert found
    for number, block in enumerate(found, 1):
        exec(compile(block, f"docs/sql.md block {number}", "exec"), namespace)
