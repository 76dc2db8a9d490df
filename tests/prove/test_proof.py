"""The proof itself: what it says of sound connectors, of what it cannot judge, and of what is broken altogether."""

import json
import re
import shutil
from dataclasses import replace

import pytest

from headwater.errors import ProjectError
from headwater.prove import LAWS, Case, Judgement, Progress, Proof, prove, render, tree_hash

from .conftest import HANDWRITTEN, ON_RUNTIME, ROOT

ALL = [1, 2, 4, 5, 7, 9, 11, 12]


def test_the_laws_are_these_in_this_order():
    assert [law.number for law in LAWS] == ALL


@pytest.mark.timeout(120)
def test_the_cpg_connector_keeps_every_law_as_the_documentation_has_it(monkeypatch):
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "prove.md").read_text(), re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(ROOT)
    told = {}
    exec(block, told)
    judgements = told["proof"].judgements
    assert {one.number: (one.verdict, one.failures) for one in judgements} == dict.fromkeys(ALL, ("passed", ()))
    assert "**8 of 8 laws hold**" in told["page"]


def test_a_full_proof_kills_at_every_operation_and_strikes_every_request(small):
    proof = prove(ON_RUNTIME, small, laws=[law for law in LAWS if law.number in {1, 4}])
    killed, failing = proof.judgements
    rows, requests = small.records, 4
    assert proof.holds
    # One checkpoint, at the end. Before each operation and after the last, the plain sync, and each request in two ways.
    first = (rows + 1) + 1 + 1 + 2 * requests
    # The next sync reads the last page again, with 3 rows, and the 7 that were added, in one request.
    assert killed.cases == first + (3 + 7 + 1) + 1 + 1 + 2
    assert failing.cases == 14 * requests + 8


def test_a_sound_hand_written_connector_keeps_every_law_but_the_one_that_cannot_be_judged(verdicts):
    found, proof = verdicts(HANDWRITTEN)
    assert found == {**dict.fromkeys(ALL, "passed"), 4: "not applicable"}
    assert proof.holds
    (fourth,) = (one for one in proof.judgements if one.number == 4)
    assert "waits on the real clock" in fourth.reason
    assert fourth.cases == 30


def test_a_connector_without_saved_positions_is_not_judged_on_overlap(broken, verdicts):
    project = broken(ON_RUNTIME, "sync.py", "cursor=Token(), ", "")
    found, proof = verdicts(project, 2)
    assert found == {2: "not applicable"}
    assert "saves no position" in proof.judgements[0].reason


def test_a_simulator_that_cannot_show_something_limits_the_verdict(small, verdicts):
    nothing_special = replace(
        small, options={"null_cursor": True, "empty_page_at": None}, variations=(), secret_settings=()
    )
    proof = prove(ON_RUNTIME, nothing_special, effort="quick", laws=[law for law in LAWS if law.number in {5, 9}])
    assert [one.verdict for one in proof.judgements] == ["not applicable"] * 2


def test_a_connector_that_always_fails_fails_every_law_that_compares(broken, verdicts):
    found, proof = verdicts(broken(HANDWRITTEN, "connector.py", 'page["cpg_records"]', 'page["renamed"]'))
    assert {number for number, verdict in found.items() if verdict == "failed"} == {1, 2, 4, 5, 7, 11, 12}
    assert proof.judgements[0].failures == (Case("fair weather", proof.judgements[0].failures[0].problem),)
    assert "KeyError: 'renamed'" in proof.judgements[0].failures[0].problem


def test_a_folder_that_is_no_project_is_an_error_not_a_verdict(tmp_path, small):
    with pytest.raises(ProjectError, match=r"connector\.py"):
        prove(tmp_path, small)


def test_a_failure_quotes_no_credential_and_a_talkative_connector_prints_nothing(broken, small, capfd):
    project = broken(
        HANDWRITTEN,
        "connector.py",
        "def schema(configuration):\n",
        "print('import')\n\n\ndef schema(configuration):\n    print('schema', configuration)\n"
        "    raise RuntimeError('refused ' + repr(configuration))\n",
    )
    proof = prove(
        project, small, laws=[law for law in LAWS if law.number == 11], redact=lambda t: t.replace("refused", "<word>")
    )
    problem = proof.judgements[0].failures[0].problem
    assert "<word> {'api_key': '***'" in problem
    assert not any(secret in str(proof.as_dict()) for secret in small.secrets())
    assert capfd.readouterr() == ("", "")


def test_progress_is_told_after_every_case(small):
    seen = []
    proof = prove(ON_RUNTIME, small, laws=[law for law in LAWS if law.number == 12], on_progress=seen.append)
    assert seen == [Progress(12, proof.judgements[0].name, done) for done in (1, 2)]


def test_the_seed_decides_the_data(broken, small):
    law = [law for law in LAWS if law.number == 11]
    assert prove(ON_RUNTIME, small, laws=law, seed=1).holds
    rounds = broken(HANDWRITTEN, "connector.py", ', "columns": dict.fromkeys(DOUBLES, "DOUBLE")', "")
    one, same, other = (prove(rounds, small, laws=law, seed=seed).judgements[0].failures[0] for seed in (1, 1, 2))
    assert one == same != other  # the failure names the value that was rounded


def test_a_proof_is_plain_json(small):
    proof = prove(ON_RUNTIME, small, laws=[law for law in LAWS if law.number == 12])
    told = json.loads(json.dumps(proof.as_dict()))
    assert told["holds"] is True
    assert told["judgements"][0]["verdict"] == "passed"


class TestPage:
    @pytest.fixture
    def proof(self, small):
        return prove(ON_RUNTIME, small, laws=[law for law in LAWS if law.number in {11, 12}], seed=3)

    def test_it_says_what_holds_for_what_and_how_to_see_it_again(self, proof):
        page = render(proof, "headwater prove connectors/cpg --seed 3")
        assert "**2 of 2 laws hold**" in page
        assert re.search(r"\| 12 \| Only declared tables are written \| ✅ passed \| 2 \| \d+\.\d \|", page)
        assert "```\nheadwater prove connectors/cpg --seed 3\n```" in page
        assert f"tree `{tree_hash(ON_RUNTIME)}`" in page
        assert "| fivetran-connector-sdk | 3." in page

    def test_only_date_and_seconds_differ_between_two_runs(self, proof, small):
        def bare(one):
            page = render(one, "x")
            return re.sub(r"\| \d+\.\d \||\| Date \|.*", "", page)

        again = prove(ON_RUNTIME, small, laws=[law for law in LAWS if law.number in {11, 12}], seed=3)
        assert bare(again) == bare(proof)

    def test_failures_and_reasons_are_listed(self, proof):
        judgements = (
            Judgement(
                1,
                "One",
                "failed",
                9,
                1.0,
                "Stopped after 5 failures.",
                (Case("killed before operation 3", "lost\n a row"),),
            ),
            Judgement(4, "Four", "not applicable", 2, 0.5, "It sleeps."),
        )
        page = render(replace(proof, judgements=judgements), "x")
        assert "**0 of 2 laws hold, 1 failed**" in page
        assert "- Law 1, killed before operation 3: lost a row" in page
        assert "- Law 4: It sleeps." in page
        assert isinstance(proof, Proof)


class TestTreeHash:
    @pytest.fixture
    def project(self, tmp_path):
        target = tmp_path / "project"
        shutil.copytree(HANDWRITTEN, target, ignore=shutil.ignore_patterns("__pycache__"))
        return target

    def test_what_running_and_proving_leave_behind_does_not_count(self, project):
        before = tree_hash(project)
        for left in ("files/warehouse.db", "__pycache__/connector.pyc", ".env", "PROOF.md", "configuration.json"):
            (project / left).parent.mkdir(exist_ok=True)
            (project / left).write_text("x")
        assert tree_hash(project) == before

    def test_any_byte_and_any_name_counts(self, project):
        seen = {tree_hash(project)}
        (project / "connector.py").write_text("# another\n")
        seen.add(tree_hash(project))
        (project / "connector.py").rename(project / "other.py")
        seen.add(tree_hash(project))
        assert len(seen) == 3
