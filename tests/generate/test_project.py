"""The written project: its files, its code word for word, and the care for what is already in the folder."""

import json
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from headwater.errors import UsageError
from headwater.generate import MANIFEST, configuration, connector_name, render, write
from headwater.model import AuthSpec, EndpointSpec, PagingSpec, SourceSpec, TableSpec

RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent))
FILES = [
    ".gitignore",
    ".headwater.json",
    "DEPLOYMENT.md",
    "README.md",
    "api.py",
    "configuration.json",
    "connector.py",
    "models.py",
    "requirements.txt",
    "sync.py",
]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("FDA Food Enforcement", "fda_food_enforcement"),
        ("  CPG-demo (v2)!  ", "cpg_demo_v2"),
        ("2024 Sales", "_2024_sales"),
        ("SearchAds360", "search_ads360"),
        ("naïve café", "na_ve_caf"),
        ("…", ""),
        ("", ""),
    ],
)
def test_connector_name(title, name):
    assert connector_name(title) == name


def test_the_code_word_for_word(spec):
    files = render(spec)
    assert (
        files["api.py"]
        == '''"""CPG Demo: its settings, its access and its endpoints. Knows no tables."""

from headwater_runtime import (
    ApiKey,
    Client,
    Config,
    Int,
    NextToken,
    Pages,
    Secret,
    Settings,
    Url,
)

CONFIG = Config(
    api_key=Secret("CPG Demo api key"),
    base_url=Url("Address of the API", default="https://api.example.com"),
    page_size=Int("Records per request", default=100, low=1, high=200),
)


def client(settings: Settings) -> Client:
    """Speak to the configured address with the credential in a header."""
    return Client(settings.base_url, auth=ApiKey("api_key", settings.api_key))


def cpg_data(client: Client, settings: Settings) -> Pages:
    """All pages, each asked for with the token of the one before."""
    return client.pages(
        "/cpg_data",
        records="cpg_records",
        paging=NextToken("next_cursor", param="cursor"),
        params={"page_size": settings.page_size},
    )
'''
    )
    assert (
        files["models.py"]
        == '''"""The tables and their row functions. Columns are inferred: a new field flows through."""

from headwater_runtime import Row, Table

CPG_RECORDS = Table("cpg_records", key="record_id")


def cpg_record(record: Row) -> Row:
    """One row a record, as it is."""
    return record
'''
    )
    assert (
        files["sync.py"]
        == '''"""Which endpoint feeds which table, and from where the next sync goes on."""

from collections.abc import Iterator

from headwater_runtime import Client, Settings, Stream, Token

from api import cpg_data
from models import CPG_RECORDS, cpg_record


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    """Read on from the saved token; a restart repeats at most five pages."""
    yield Stream(
        cpg_data(client, settings),
        {CPG_RECORDS: cpg_record},
        cursor=Token(),
        checkpoint_rows=500,
    )
'''
    )
    assert files["requirements.txt"] == ""


PAGINGS = [
    PagingSpec(),
    PagingSpec(size_param="limit", size=1000, size_max=1000),
    PagingSpec("page_number", param="page", start=0, total_pages="meta.pages", size_param="per_page", size=50),
    PagingSpec("offset", param="$skip", size_param="$top", size=100, size_max=500, total="total"),
    PagingSpec("next_token", param="page_token", path="meta.next", more="meta.has_more"),
    PagingSpec("next_link", path="links.next"),
    PagingSpec("next_link", path=r"@odata\.nextLink"),
    PagingSpec("next_link", path="Link", source="header"),
    PagingSpec("next_token", param="starting_after", path="id", source="last", more="has_more"),
    PagingSpec("keyset", param="since_id", path="id", size_param="limit", size=100, size_max=1000),
]
AUTHS = [
    AuthSpec(),
    AuthSpec("header", "X-Customer-Relationship-Key", "token", "Token "),
    AuthSpec("bearer", "Authorization", "token"),
    AuthSpec("basic", "Authorization", "user", password_key="password"),
]


def various():
    """Every way of paging and of access, with short and long names."""
    for number, paging in enumerate(PAGINGS):
        for word in ("x", "customer_relationship_management_activity_history"):
            endpoint = EndpointSpec(
                path=f"/v1/{word}-items",
                table=TableSpec(
                    f"{word}_items", () if number % 2 else (word, f"{word}_id"), {word: "STRING"} if number else {}
                ),
                records="" if number % 2 else f"result.{word}",
                paging=paging,
                params={"kind": word, "since": "2020-01-01"} if number % 3 else {},
                secret_params={"key": "key"} if number % 3 == 1 else {},
                token_is_durable=paging.kind in {"next_token", "keyset"},
                fields={word: "1"},
                types={word: "integer or text"},
                date_field=word if number % 2 else "",
            )
            auth = AUTHS[number % len(AUTHS)]
            extra = {"x-account": "account_key"} if number % 2 else {}
            yield SourceSpec(
                word, word, f"https://{word}.example.com/{word}", auth, {"Accept": "*/*"}, extra, (endpoint,)
            )
    yield SourceSpec(
        "many",
        "Many",
        "https://h",
        endpoints=tuple(
            EndpointSpec(f"/{name}", TableSpec(name, ("id",)), paging=PAGINGS[number % len(PAGINGS)])
            for number, name in enumerate(
                ["users", "user", "client", "list", "settings", "streams", "config", "series", "class_"]
            )
        ),
    )


@pytest.mark.skipif(RUFF is None, reason="ruff belongs to the lint extra")
def test_the_code_is_formatted_and_lint_free(tmp_path, spec):
    for number, one in enumerate([spec, *various()]):
        project = tmp_path / f"p{number}"
        write(one, project)
        for command in (["check"], ["format", "--diff"]):
            done = subprocess.run(
                [RUFF, *command, "--isolated", "--no-cache", "."],
                cwd=project,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr


def test_the_code_is_short():
    for spec in various():
        files = render(spec)
        lines = sum(len(content.splitlines()) for name, content in files.items() if name.endswith(".py"))
        assert lines < 250


def test_every_module_declares_what_the_runtime_takes(tmp_path):
    from headwater.engine import load  # the reading of a project belongs to the engine

    for number, spec in enumerate(various()):
        project = tmp_path / f"p{number}"
        write(spec, project)
        loaded = load(project)
        filled = {name: value or "secret" for name, value in configuration(spec).items()}
        with loaded.active() as connector:
            schema = connector.schema_method(filled)
        assert [table["table"] for table in schema] == [endpoint.table.name for endpoint in spec.endpoints]
        assert [tuple(table.get("primary_key", ())) for table in schema] == [one.table.key for one in spec.endpoints]


def test_the_files(tmp_path, spec):
    written = write(spec, tmp_path / "new" / "cpg")
    assert (
        sorted(path.name for path in written)
        == sorted(path.name for path in (tmp_path / "new" / "cpg").iterdir())
        == FILES
    )
    assert json.loads((tmp_path / "new" / "cpg" / "configuration.json").read_text()) == {
        "api_key": "",
        "base_url": "https://api.example.com",
        "page_size": "100",
    }


def test_local_values_go_to_the_configuration_alone(tmp_path, spec):
    write(spec, tmp_path, values={"api_key": "s3cret"})
    path = tmp_path / "configuration.json"
    assert json.loads(path.read_text())["api_key"] == "s3cret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "configuration.json" in (tmp_path / ".gitignore").read_text().splitlines()
    assert [one.name for one in tmp_path.iterdir() if b"s3cret" in one.read_bytes()] == ["configuration.json"]


def test_a_value_for_no_setting_is_refused(tmp_path, spec):
    with pytest.raises(UsageError, match="apikey is not a setting"):
        write(spec, tmp_path, values={"apikey": "x"})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, spec):
    (tmp_path / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="not empty") as caught:
            write(spec, tmp_path, overwrite=overwrite)
        assert "--into" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_place_of_the_folder(tmp_path, spec):
    (tmp_path / "cpg").write_text("mine")
    with pytest.raises(UsageError, match="a file of this name"):
        write(spec, tmp_path / "cpg")


def test_a_folder_that_cannot_be_made(tmp_path, spec):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot be written"):
        write(spec, tmp_path / "file" / "cpg")


def test_overwriting_needs_to_be_asked_for(tmp_path, spec):
    write(spec, tmp_path)
    with pytest.raises(UsageError, match="a connector was written there before"):
        write(spec, tmp_path)
    (tmp_path / "files").mkdir()
    write(replace(spec, title="Another"), tmp_path, overwrite=True)
    assert (tmp_path / "api.py").read_text().startswith('"""Another:')
    assert not list(tmp_path.glob("*.new"))


def test_edited_files_are_never_written_over(tmp_path, spec):
    write(spec, tmp_path)
    edited = (tmp_path / "models.py").read_text() + "\n# mine\n"
    (tmp_path / "models.py").write_text(edited)
    with pytest.raises(UsageError, match=r"models.py was edited since it was written"):
        write(replace(spec, title="Another"), tmp_path, overwrite=True)
    assert (tmp_path / "models.py").read_text() == edited
    assert (tmp_path / "api.py").read_text().startswith('"""CPG Demo:')


def test_a_damaged_record_of_what_was_written_means_nothing_was(tmp_path, spec):
    write(spec, tmp_path)
    for damage in ("", "[]", '{"files": 7}', "{"):
        (tmp_path / MANIFEST).write_text(damage)
        with pytest.raises(UsageError, match="not empty"):
            write(spec, tmp_path, overwrite=True)


def test_a_link_is_replaced_and_not_followed(tmp_path, spec):
    target = tmp_path / "outside.json"
    target.write_text("mine")
    project = tmp_path / "cpg"
    write(spec, project)
    (project / "configuration.json").unlink()
    (project / "configuration.json").symlink_to(target)
    write(spec, project, overwrite=True, values={"api_key": "s3cret"})
    assert target.read_text() == "mine"
    assert not (project / "configuration.json").is_symlink()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Bad Name"},
        {"name": ""},
        {"endpoints": ()},
        {"auth": AuthSpec("header", "k", "class")},
        {"auth": AuthSpec("header", "k", "base_url")},
        {"auth": AuthSpec("header", "k", "_hidden")},
        {"auth": AuthSpec("header", "k", "a b")},
        {"secret_headers": {"x": "import os"}},
        {"endpoints": (EndpointSpec("/x", TableSpec('t"; import os')),)},
        {"endpoints": (EndpointSpec("/x", TableSpec("t")), EndpointSpec("/y", TableSpec("t")))},
    ],
    ids=str,
)
def test_names_that_would_become_code_are_refused(tmp_path, spec, change):
    with pytest.raises(UsageError):
        write(replace(spec, **change), tmp_path / "p")
    assert not (tmp_path / "p").exists()


README = "Features, Schema, Configuration, Install, Use, Tests, Incremental sync, API and rate limits, Errors, Good practice, Troubleshooting"
DEPLOYMENT = "Checklist, Credentials, Environment variables, Command, Checks after deployment, Production settings, Queries, Security"


@pytest.mark.parametrize(("name", "sections"), [("README.md", README), ("DEPLOYMENT.md", DEPLOYMENT)])
def test_the_documents_have_their_sections(spec, name, sections):
    text = render(spec)[name]
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == sections.split(", ")
    assert "{{" not in text
    assert "\n\n\n" not in text


def test_the_documents_are_true_for_this_connector(spec):
    readme = render(spec)["README.md"]
    assert "`record_id`, unique over the 750 records" in readme
    assert "| `orderDate` | date |" in readme
    assert "goes on from the last paging token" in readme
    (endpoint,) = spec.endpoints
    other = replace(
        endpoint, token_is_durable=False, table=TableSpec("cpg_records"), paging=PagingSpec("offset", param="skip")
    )
    readme = render(replace(spec, endpoints=(other,), auth=AuthSpec()))["README.md"]
    assert "No primary key was found" in readme
    assert "is read in full by every sync" in readme
    assert "by offset in `skip`" in readme
    assert "credential goes" not in readme
    deployment = render(spec)["DEPLOYMENT.md"]
    assert "MAX(ORDER_DATE)" in deployment
    assert "| `SFL_CPG_DEMO_API_KEY` | `api_key`, in CI |" in deployment
