"""`headwater simulate` with a real server behind it: ready to use, and gone with the command, however that ends."""

import json
import os
import signal
import subprocess
import sys
import time

import boto3
import psycopg
import pytest

ENDS = 30.0  # seconds a server has to be gone


@pytest.fixture
def simulated(tmp_path):
    """Return a function that starts a simulator in a process of its own, and gives that and what it printed."""
    started = []

    def start(name, *arguments):
        command = [sys.executable, "-m", "headwater", "simulate", name, "--json", *arguments]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        return process, json.loads(process.stdout.readline())

    tmp_path.chmod(0o755)
    for above in tmp_path.parents[:2]:
        above.chmod(0o755)  # PostgreSQL does not run as root, and has to reach its folder
    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_database_is_served_and_goes_with_the_command(simulated, tmp_path, number):
    process, ready = simulated("postgres_tables", "--records", "7", "--seed", "3")
    told = ready["configuration"]
    with psycopg.connect(
        host=told["host"], port=told["port"], user=told["user"], password=told["password"], dbname=told["database"]
    ) as line:
        assert line.execute("SELECT count(*) FROM shop.orders").fetchone() == (7,)
    (folder,) = tmp_path.glob("headwater-postgres-*")
    main = int((folder / "data/postmaster.pid").read_text().split()[0])
    process.send_signal(number)
    assert process.wait(ENDS) == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    ends = time.monotonic() + ENDS
    while _runs(main):
        assert time.monotonic() < ends
        time.sleep(0.05)
    while (folder / "data").exists():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_bucket_is_served(simulated):
    process, ready = simulated("s3_files", "--records", "2")
    told = ready["configuration"]
    client = boto3.client(
        "s3",
        endpoint_url=told["endpoint_url"],
        aws_access_key_id=told["access_key"],
        aws_secret_access_key=told["secret_key"],
        region_name="us-east-1",
    )
    assert client.list_objects_v2(Bucket=told["bucket"], Prefix=told["prefix"] + "/orders")["KeyCount"] == 2
    process.terminate()
    assert process.wait(ENDS) == 0


def _runs(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
