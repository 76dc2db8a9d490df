"""`headwater simulate` says where it answers, serves, and ends when asked."""

import json
import signal
import subprocess
import sys

import pytest
import requests


@pytest.fixture
def simulated():
    """Return a function that starts `headwater simulate cpg --json` and returns (process, its ready line)."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "headwater", "simulate", "cpg", "--json", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def read(ready, **params):
    headers = {"api_key": ready["configuration"]["api_key"]}
    return requests.get(f"{ready['url']}/cpg_data", params=params, headers=headers, timeout=10)


def test_one_line_when_ready_with_a_configuration_that_works(simulated):
    _, ready = simulated("--records", "30")
    assert ready["configuration"]["base_url"] == ready["url"]
    assert len(read(ready).json()["cpg_records"]) == 30


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_asked(simulated, number):
    process, _ = simulated()
    process.send_signal(number)
    assert process.wait(10) == 0


def test_seeds_differ_and_repeat(simulated):
    one, same, other = (read(simulated("--seed", seed)[1]).json() for seed in ("1", "1", "2"))
    assert one["cpg_records"] == same["cpg_records"] != other["cpg_records"]


def test_a_rate_limit_answers_429_with_retry_after(simulated):
    _, ready = simulated("--rate-limit", "2")
    replies = [read(ready) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert int(replies[2].headers["Retry-After"]) > 0


def test_latency_delays_each_answer(simulated):
    _, ready = simulated("--latency-ms", "150")
    assert read(ready).elapsed.total_seconds() >= 0.15
