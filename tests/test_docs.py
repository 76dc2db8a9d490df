"""The docs are true: their code runs, their help is the command's own, their links lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("connectors/*/*.md")])
COMMANDS = ["debug", "demo", "doctor", "new", "package", "prove", "query", "simulate"]
HELP = re.compile(r"<!-- help: (\w+) -->\n(?:```text\n.*?```\n)?", re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def help_of(command: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "headwater", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "100", "TERM": "dumb"},
    )
    return "\n".join(line.rstrip() for line in run.stdout.strip().splitlines()) + "\n"


def test_the_runtime_page_runs_top_to_bottom():
    namespace: dict[str, object] = {}
    for number, block in enumerate(blocks(ROOT / "docs/runtime.md", "python"), 1):
        exec(compile(block, f"docs/runtime.md block {number}", "exec"), namespace)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_page_with_its_own_help(command):
    page = ROOT / "docs" / f"{command}.md"
    text = page.read_text()
    wanted = HELP.sub(lambda found: f"<!-- help: {found[1]} -->\n```text\n{help_of(found[1])}```\n", text)
    assert f"<!-- help: {command} -->" in text
    if os.environ.get("HEADWATER_WRITE_DOCS"):
        page.write_text(wanted)
    assert page.read_text() == wanted, "run the tests once with HEADWATER_WRITE_DOCS=1 to renew the help on the pages"


def test_commands_actions_and_pages_are_the_same_list():
    from headwater.cli.app import app

    commands = sorted(command.callback.__name__ for command in app.registered_commands)
    actions = sorted(
        path.stem for path in (ROOT / "src/headwater/actions").glob("*.py") if f"def {path.stem}(" in path.read_text()
    )
    assert commands == actions == COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_shows_the_connector_as_it_is():
    modules = "".join((ROOT / "connectors/cpg" / name).read_text() for name in ("api.py", "models.py", "sync.py"))
    lines = {line.strip() for line in modules.splitlines()}
    for block in blocks(ROOT / "README.md", "python"):
        for line in block.splitlines():
            if line.strip() and not line.startswith("#"):
                assert line.strip() in lines, line


def test_the_changelog_names_the_version():
    import headwater

    assert f"## {headwater.__version__}" in (ROOT / "CHANGELOG.md").read_text()
