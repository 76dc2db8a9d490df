"""What a hand-written connector says of its key, in whatever way, is masked wherever a command shows it."""

import base64
import json
from urllib.parse import quote

import pytest

SECRET = 'p@ss/w0rd "&more'
BASIC = base64.b64encode(f"anna:{SECRET}".encode()).decode()

CONNECTOR = """
import base64
import json
import logging
import sys
import threading
import warnings
from pathlib import Path
from urllib.parse import quote

from fivetran_connector_sdk import Connector, Logging, Operations

logging.basicConfig(format="%(message)s")
GIVEN = json.loads((Path(__file__).parent / "configuration.json").read_text())
AT_IMPORT


def schema(configuration):
    AT_SCHEMA
    return [{"table": "things", "primary_key": ["id"]}]


def update(configuration, state):
    secret = configuration["api_token"]
    Operations.upsert("things", {"id": 1, "note": "a row"})
    Operations.checkpoint({"at": 1})
    IN_UPDATE


connector = Connector(update=update, schema=schema)
"""

RAISES = {
    "raises it": 'raise RuntimeError(f"401 with {secret}")',
    "raises it in an address": 'raise OSError(5, f"https://x.test/?key={quote(secret)}")',
    "raises it within a dict": 'raise ValueError({"headers": {"key": secret}})',
    "raises it behind another": 'raise RuntimeError("refused") from KeyError(secret)',
    "ends the sync with it": 'Operations.error(f"key {secret}")',
}
TELLS = {
    "logs it": 'Logging.warning(f"1 using {secret}")',
    "logs it by Python's logging": 'logging.getLogger("mine").warning("2 using %s", secret)',
    "prints it": 'print("3", {"api_token": secret})',
    "prints it as JSON": 'print("4", json.dumps({"api_token": secret}))',
    "prints it to standard error": 'print("5", secret, file=sys.stderr)',
    "prints it in the header of basic auth": 'print("6", base64.b64encode(f"anna:{secret}".encode()).decode())',
    "warns of it": 'warnings.warn(f"7 key {secret}")',
    "warns of it by the SDK": 'Operations.warning(f"8 key {secret}")',
    "has a thread that fails with it": "one = threading.Thread(target=int, args=(secret,)); one.start(); one.join()",
}


@pytest.fixture
def project(tmp_path):
    """Return a function that writes a connector which does `said` at one place."""

    def write(place, said):
        folder = tmp_path / "spoken"
        folder.mkdir()
        source = CONNECTOR
        for name in ("AT_IMPORT", "AT_SCHEMA", "IN_UPDATE"):
            source = source.replace(name, said if name == place else "pass")
        (folder / "connector.py").write_text(source)
        given = {"api_token": SECRET, "user": "anna", "page_size": "100"}
        (folder / "configuration.json").write_text(json.dumps(given))
        return folder

    return write


def leaks(ran):
    shown = ran.out + ran.err
    spelt = (SECRET, json.dumps(SECRET)[1:-1], quote(SECRET), quote(SECRET, safe=""), BASIC, "w0rd")
    return [one for one in spelt if one in shown]


@pytest.mark.parametrize("raises", RAISES)
def test_a_connector_that(raises, headwater, project):
    folder = project("IN_UPDATE", RAISES[raises])
    ran = headwater("debug", folder, "--verbose")
    assert (leaks(ran), ran.code) == ([], 1)
    assert "***" in ran.err


@pytest.mark.parametrize("arguments", [(), ("--verbose",)], ids=["plain", "verbose"])
def test_a_connector_that_tells_it_in_every_way(arguments, headwater, project):
    ran = headwater("debug", project("IN_UPDATE", "; ".join(TELLS.values())), *arguments)
    assert (leaks(ran), ran.code) == ([], 0)
    lines = [line.strip() for line in ran.out.splitlines() if "***" in line]
    assert [number for number in range(1, 9) if not any(f"{number} " in line for line in lines)] == []
    assert any("invalid literal for int()" in line for line in lines)


@pytest.mark.parametrize("last", ["pass", *RAISES.values()][:2], ids=["succeeds", "fails"])
def test_a_report_in_json_holds_no_secret_and_nothing_stands_beside_it(last, headwater, project):
    ran = headwater("debug", project("IN_UPDATE", "; ".join([*TELLS.values(), last])), "--json")
    assert (leaks(ran), ran.err) == ([], "")
    assert ran.report["findings"][0]["what"] == "8 key ***"
    assert ran.report["status"] == ("ok" if last == "pass" else "failed")
    assert ran.report["tables"] == {"things": 1}


@pytest.mark.parametrize(
    ("place", "said", "code"),
    [
        ("AT_IMPORT", "raise RuntimeError(f'bad {GIVEN}')", 1),
        ("AT_IMPORT", "print(GIVEN); logging.warning(GIVEN)", 0),
        ("AT_SCHEMA", "raise RuntimeError(f'bad {configuration}')", 1),
        ("AT_SCHEMA", "print(configuration); logging.warning(configuration)", 0),
    ],
)
def test_what_is_said_before_the_sync_is_masked_too(place, said, code, headwater, project):
    folder = project(place, said)
    for arguments in ((), ("--json",)):
        ran = headwater("debug", folder, *arguments)
        assert (leaks(ran), ran.code) == ([], code)
    assert ran.report["action"] == "debug"
    assert ran.err == ""


def test_verbose_shows_where_the_connector_failed_with_the_secret_masked(headwater, project):
    ran = headwater("debug", project("IN_UPDATE", RAISES["raises it behind another"]), "--verbose")
    assert "KeyError: '***'" in ran.err
    assert "direct cause" in ran.err
    assert leaks(ran) == []


def test_data_that_holds_a_secret_stays_as_it_is_and_a_warning_names_the_setting(headwater, project):
    folder = project(
        "IN_UPDATE",
        'Operations.upsert("things", {"id": 1, "note": f"by {secret}"}); Operations.checkpoint({"as": [secret]})',
    )
    ran = headwater("debug", folder, "--json")
    assert leaks(ran) == []
    found = {finding["id"]: finding for finding in ran.report["findings"]}
    assert found.keys() == {"debug.secret_in_state", "debug.secret_in_rows"}
    assert {finding["severity"] for finding in found.values()} == {"warning"}
    assert all("'api_token'" in finding["what"] for finding in found.values())
    assert ran.report["state"] == {"as": ["***"]}
    assert ran.report["samples"]["things"]["rows"][0][1] == "by ***"
    assert json.loads((folder / "files/state.json").read_text()) == {"as": [SECRET]}
    kept = headwater("query", folder, "select note from tester.things", "--json").report["rows"]
    assert kept == [[f"by {SECRET}"]]
