"""Bad input: one clear error, a non-zero exit, no traceback, no secret, and the last checkpoint's data and state whole."""

import json
import socket
import subprocess
import sys

import duckdb
import pytest

from headwater.simulate import CONTRACT_BREAKS, Conditions, FaultPlan


@pytest.fixture
def fails(headwater, cpg):
    """Return a function that runs a command that must fail, checks how it looks, and returns what it said."""

    def check(*arguments, code=1, says=(), **options):
        ran = headwater(*arguments, **options)
        said = ran.out + ran.err
        assert ran.code == code, said
        assert "Traceback" not in said, said
        assert cpg.configuration["api_key"] not in said
        for words in says:
            assert words in said, said
        return said

    return check


def rows(project):
    with duckdb.connect(str(project / "files/warehouse.db"), read_only=True) as warehouse:
        return warehouse.sql("select count(*) from tester.cpg_records").fetchone()[0]


def state(project):
    return json.loads((project / "files/state.json").read_text())


def test_every_problem_of_a_configuration_is_in_one_message(fails, cpg):
    cpg.configure(api_key=None, base_url="nowhere", page_size="1000", apikey="sesame-open-1")
    said = fails("debug", cpg.project, says=["4 problems", "api_key is missing", "base_url", "outside 1 to 200"])
    assert "did you mean api_key?" in said
    assert "sesame-open-1" not in said
    assert said.count("→") == 1


@pytest.mark.parametrize("size", ["0", "1000", "ten", "-5"])
def test_a_page_size_the_vendor_refuses_is_refused_before_it_is_asked(fails, cpg, size):
    cpg.configure(page_size=size)
    fails("debug", cpg.project, says=["page_size", "a whole number from 1 to 200"])
    assert cpg.server.log == ()


def test_a_configuration_that_is_not_json(fails, cpg):
    secret = cpg.configuration["api_key"]
    (cpg.project / "configuration.json").write_text(f'{{"api_key": "{secret}",}}')
    fails("debug", cpg.project, code=2, says=["not JSON", "line 1"])


def test_a_configuration_whose_values_are_not_text(fails, cpg):
    cpg.configure(page_size=100)
    fails("debug", cpg.project, code=2, says=["page_size is int", "quotes"])


def test_a_configuration_that_is_not_there(fails, cpg, tmp_path):
    fails("debug", cpg.project, "--configuration", tmp_path / "no.json", code=2, says=["no.json"])


def test_a_folder_that_is_not_there_or_has_no_connector(fails, tmp_path):
    fails("debug", tmp_path / "nowhere", code=1, says=["nowhere"])
    (tmp_path / "empty").mkdir()
    fails("debug", tmp_path / "empty", says=["connector.py"])


def test_a_proof_of_what_is_no_project_or_has_no_simulator(fails, cpg, tmp_path):
    fails("prove", tmp_path / "nowhere", says=["no such project"])
    cpg.project.rename(tmp_path / "unheard_of")
    fails("prove", tmp_path / "unheard_of", code=2, says=["no simulator called 'unheard_of'", "--simulator"])
    (tmp_path / "unheard_of" / "connector.py").unlink()
    fails("prove", tmp_path / "unheard_of", "--simulator", "cpg", says=["no connector.py"])


def test_a_connector_that_raises_at_import_names_file_line_and_cause(fails, cpg):
    (cpg.project / "models.py").write_text("x = 1\ny = x / 0\n")
    fails("debug", cpg.project, says=["models.py:2", "ZeroDivisionError"])


def test_a_connector_that_is_not_python(fails, cpg):
    (cpg.project / "sync.py").write_text("def (:\n")
    fails("debug", cpg.project, says=["sync.py:1", "SyntaxError"])


def test_a_connector_without_the_object_fivetran_looks_for(fails, cpg):
    (cpg.project / "connector.py").write_text("x = 1\n")
    fails("debug", cpg.project, says=["has no connector", "Connector(update="])


def test_a_bad_key(fails, cpg):
    cpg.configure(api_key="wrong-key-4711")
    assert "wrong-key-4711" not in fails("debug", cpg.project, says=["401", "check the key"])


def test_a_bad_key_keeps_what_earlier_syncs_brought(headwater, fails, cpg):
    headwater("debug", cpg.project, "--json")
    before = state(cpg.project)
    cpg.configure(api_key="wrong-key-4711")
    fails("debug", cpg.project, says=["401"])
    assert (rows(cpg.project), state(cpg.project)) == (750, before)


def test_a_wrong_address(fails, cpg):
    cpg.configure(base_url=f"{cpg.server.url}/v9")
    fails("debug", cpg.project, says=["404", "base_url"])


@pytest.mark.timeout(120)
def test_an_address_where_nobody_answers(fails, cpg):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        cpg.configure(base_url=f"http://127.0.0.1:{unused.getsockname()[1]}")
        (cpg.project / "api.py").write_text(
            (cpg.project / "api.py")
            .read_text()
            .replace("ApiKey(", "ApiKey(", 1)
            .replace("settings.api_key))", "settings.api_key), retry=Retry(attempts=2, base=0.01))")
            .replace("NextToken, Pages,", "NextToken, Pages, Retry,")
        )
        fails("debug", cpg.project, says=["the connection was refused", "gave up after 2 attempts"])


def test_a_port_in_use(fails):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        fails("simulate", "cpg", "--port", str(taken.getsockname()[1]), says=["cannot be served", "port"])


def test_an_unknown_simulator(fails):
    fails("simulate", "cpgg", says=["did you mean cpg?"])


def test_a_warehouse_another_process_holds(headwater, fails, cpg):
    headwater("debug", cpg.project, "--json")
    script = f"import duckdb,sys; held = duckdb.connect({str(cpg.project / 'files/warehouse.db')!r}); print(1, flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline()
        fails("debug", cpg.project, says=["warehouse", "another"])
    finally:
        holder.communicate()
    assert rows(cpg.project) == 750


def test_a_corrupt_warehouse(headwater, fails, cpg):
    headwater("debug", cpg.project, "--json")
    before = state(cpg.project)
    (cpg.project / "files/warehouse.db").write_bytes(b"this is not a database" * 1000)
    fails("debug", cpg.project, says=["warehouse", "--reset"])
    assert state(cpg.project) == before
    assert headwater("debug", cpg.project, "--reset", "--yes", "--json").report["tables"] == {"cpg_records": 750}


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\x00"])
def test_a_state_file_that_is_no_state(headwater, fails, cpg, text):
    headwater("debug", cpg.project, "--json")
    (cpg.project / "files/state.json").write_text(text)
    fails("debug", cpg.project, says=["state"])
    assert rows(cpg.project) == 750


def test_a_state_of_another_connector(headwater, fails, cpg):
    (cpg.project / "files").mkdir()
    (cpg.project / "files/state.json").write_text('{"cursor": "2024-01-01"}')
    fails("debug", cpg.project, says=["not written by this connector", "--reset"])


def test_a_saved_cursor_the_vendor_no_longer_knows(headwater, fails, cpg):
    headwater("debug", cpg.project, "--json")
    spoiled = state(cpg.project)
    spoiled["streams"]["cpg_records"]["token"] = "0" * 32
    (cpg.project / "files/state.json").write_text(json.dumps(spoiled))
    fails("debug", cpg.project, says=["saved cursor is no longer valid", "--reset"])
    assert rows(cpg.project) == 750


BREAKS = {
    "missing_records": "'cpg_records' is not in the response",
    "null_key": "'record_id', a key of 'cpg_records'",
    "repeated_token": "same next position twice",
}


@pytest.mark.parametrize("kind", BREAKS)
def test_a_vendor_that_breaks_its_shape_stops_the_sync_and_keeps_its_progress(headwater, fails, cpg, kind):
    fault = next(fault for fault in CONTRACT_BREAKS if fault.kind == kind)
    cpg.server.reset(Conditions(faults=FaultPlan.once(fault, 4)))
    fails("debug", cpg.project, says=[BREAKS[kind]])
    kept = rows(cpg.project)
    assert kept in {300, 400}
    cpg.server.reset()
    resumed = headwater("debug", cpg.project, "--json")
    assert resumed.report["tables"] == {"cpg_records": 750}
    assert resumed.report["operations"]["upserts"] <= 750 - kept + 100, "it went on where it stopped"


def test_a_failure_in_json_is_a_report_with_the_same_message(headwater, cpg):
    cpg.configure(page_size="0")
    ran = headwater("debug", cpg.project, "--json")
    assert ran.code == 1
    assert ran.report["status"] == "failed"
    assert "page_size" in ran.report["findings"][0]["what"]
    assert ran.report["findings"][0]["hint"]
    assert ran.err == ""


def test_verbose_shows_the_traceback(headwater, cpg):
    (cpg.project / "models.py").write_text("y = 1 / 0\n")
    ran = headwater("debug", cpg.project, "--verbose")
    assert ran.code == 1
    assert "Traceback" in ran.err


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["debug"], ["debug", "x", "--engine", "other"], ["simulate", "cpg", "--port", "99999"]]
)
def test_wrong_use_is_exit_2(headwater, arguments):
    assert headwater(*arguments).code == 2


def test_a_query_on_nothing(headwater, cpg):
    ran = headwater("query", cpg.project, "select 1")
    assert ran.code == 1
    assert "headwater debug" in ran.err


def test_a_query_that_is_wrong(headwater, cpg):
    headwater("debug", cpg.project, "--json")
    ran = headwater("query", cpg.project, "select nope from tester.cpg_records")
    assert ran.code in {1, 2}
    assert "nope" in ran.err
    assert "Traceback" not in ran.err
