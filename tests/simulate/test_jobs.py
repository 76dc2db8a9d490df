"""Asynchronous jobs over real HTTP: made, polled, fetched in parts, ended."""

import json

import pytest

from headwater.simulate import Csv, Jobs, Population, Simulation, Since, Timeline, rows, serve


@pytest.fixture
def exports(clock, http):
    """Return a function that serves jobs over 25 things and gives (ask, jobs)."""
    servers = []

    def build(**how):
        things = Population(lambda seed, index, version: {"id": index}, 25, timeline=Timeline(25))
        jobs = Jobs(rows(things, Since("since", place="json")), **{"part": 10, **how})
        servers.append(serve(Simulation(jobs.routes(), {"things": things}, {}), clock=clock))

        def ask(method, path, **how):
            url = path if "://" in path else servers[-1].url + path
            return http.request(method, url, timeout=5, **how)

        return ask, jobs

    yield build
    for server in servers:
        server.close()


def test_a_job_is_queued_then_runs_then_lists_its_parts(exports):
    ask, _ = exports()
    made = ask("POST", "/jobs", json={})
    assert (made.status_code, made.json()) == (202, {"id": "1", "status": "queued"})
    polled = [ask("GET", "/jobs/1").json() for _ in range(3)]
    assert [one["status"] for one in polled] == ["running", "done", "done"]
    parts = [ask("GET", url) for url in polled[-1]["files"]]
    found = [json.loads(line)["id"] for part in parts for line in part.text.splitlines()]
    assert (len(parts), found) == (3, list(range(25)))
    assert parts[0].headers["Content-Type"] == "application/x-ndjson"


def test_what_a_job_holds_was_decided_when_it_was_made(exports):
    ask, jobs = exports(polls=1)
    ask("POST", "/jobs", json={"since": "2024-12-01"})
    assert ask("POST", "/jobs", json={"since": "x"}).status_code == 400
    (url,) = ask("GET", "/jobs/1").json()["files"]
    assert ask("GET", url).text == '{"id":24}\n' == ask("GET", url).text
    assert jobs.alive == 1


def test_a_job_can_take_time_and_speak_the_vendor_s_words(exports, clock):
    ask, _ = exports(
        seconds=30, names={"done": "COMPLETED"}, state_at="data.state", id_at="data.id", parts_at="data.urls"
    )
    assert ask("POST", "/jobs").json()["data"] == {"id": "1", "state": "queued"}
    ask("GET", "/jobs/1")
    clock.sleep(30)
    done = ask("GET", "/jobs/1").json()["data"]
    assert (done["state"], len(done["urls"])) == ("COMPLETED", 3)


def test_a_job_can_fail(exports):
    ask, _ = exports(polls=1, failing=frozenset({1}))
    for _ in range(2):
        ask("POST", "/jobs")
    assert [ask("GET", f"/jobs/{job}").json()["status"] for job in (1, 2)] == ["failed", "done"]
    assert ask("GET", "/jobs/1/parts/1").status_code == 409


def test_files_expire(exports, clock):
    ask, _ = exports(polls=1, keeps=100, shape=Csv())
    ask("POST", "/jobs")
    (url, *_) = ask("GET", "/jobs/1").json()["files"]
    clock.sleep(99)
    assert ask("GET", url).text.startswith("id\r\n0\r\n")
    clock.sleep(1)
    assert ask("GET", "/jobs/1").json()["status"] == "expired"
    assert ask("GET", url).status_code == 410


def test_a_job_can_be_deleted_and_unknown_ones_are_404(exports):
    ask, jobs = exports()
    ask("POST", "/jobs")
    assert ask("GET", "/jobs/1/parts/1").status_code == 409
    assert ask("DELETE", "/jobs/1").status_code == 204
    assert jobs.alive == 0
    unknown = [("DELETE", "/jobs/1"), ("GET", "/jobs/1"), ("GET", "/jobs/1/parts/1")]
    assert [ask(*one).status_code for one in unknown] == [404] * 3


def test_only_so_many_may_be_unfinished(exports):
    ask, _ = exports(at_once=1, polls=1)
    assert [ask("POST", "/jobs").status_code for _ in range(2)] == [202, 429]
    ask("GET", "/jobs/1")
    assert ask("POST", "/jobs").status_code == 202


def test_an_empty_job_has_one_empty_part(exports):
    ask, _ = exports(polls=1)
    ask("POST", "/jobs", json={"since": "2026-01-01"})
    (url,) = ask("GET", "/jobs/1").json()["files"]
    assert ask("GET", url).content == b""


def test_files_can_be_on_another_host(exports):
    ask, _ = exports(polls=1, origin="http://localhost:9")
    ask("POST", "/jobs")
    assert ask("GET", "/jobs/1").json()["files"][0] == "http://localhost:9/jobs/1/parts/1"
