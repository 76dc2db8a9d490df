"""The bucket of exports, by Amazon's own client: who may ask, what is shown, and that it follows its populations."""

import csv
import gzip
import io
import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from pyarrow import parquet

from headwater.simulate import Conditions, Fault, FaultPlan, load_simulator, serve
from headwater_runtime.clock import FakeClock


@pytest.fixture(scope="module")
def simulator(simulators):
    return load_simulator(simulators / "s3_files")


@pytest.fixture
def bucket(simulator):
    simulation = simulator.simulation(records=9, empty_page_at=3)
    with serve(simulation, clock=FakeClock(), hold=0.2) as server:
        yield simulation, server


@pytest.fixture
def client(simulator, bucket):
    """Return a function that makes a client, with the reader's keys unless others are given."""
    told = simulator.configuration(bucket[1].url)

    def made(key=told["access_key"], secret=told["secret_key"]):
        return boto3.client(
            "s3",
            endpoint_url=told["endpoint_url"],
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}),
        )

    return made


def listed(client):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="exports", Prefix="shop/")
    return {one["Key"].removeprefix("shop/"): one for page in pages for one in page["Contents"]}


def body(client, path):
    return client.get_object(Bucket="exports", Key=f"shop/{path}")["Body"].read()


def test_the_files_hold_the_truth(bucket, client):
    simulation, _ = bucket
    found = {name: [] for name in simulation.truth}
    for path in listed(client()):
        whole = body(client(), path)
        if path.startswith("orders"):
            text = (gzip.decompress(whole) if path.endswith(".gz") else whole).decode()
            found["orders"] += list(csv.DictReader(io.StringIO(text)))
        elif path.startswith("visits"):
            found["visits"] += [json.loads(line) for line in whole.splitlines()]
        else:
            found["stock"] += parquet.read_table(io.BytesIO(whole)).to_pylist()
    for name, rows in found.items():
        truth = list(simulation.truth[name]())
        shown = [{column: row[column] for column in rows[0]} for row in truth]
        assert sorted(map(str, rows)) == sorted(map(str, shown))


def test_a_listing_comes_in_pages(bucket, client):
    assert len(listed(client())) == 9 + 4 + 3
    assert len(bucket[1].log) == 4


def test_what_a_file_was_modified_is_the_populations_time(bucket, client):
    simulation, server = bucket
    before = listed(client())["orders/2023/orders-00000.csv"]
    simulation.populations["orders"].edit(0)
    after = listed(client())["orders/2023/orders-00000.csv"]
    assert before["LastModified"].year == 2024
    assert after["LastModified"] == server._course.clock.now()
    assert before["ETag"] != after["ETag"]


def test_files_come_and_vanish(bucket, client):
    simulation, _ = bucket
    simulation.populations["orders"].grow(2)
    simulation.populations["stock"].delete(1)
    assert {"orders/2023/orders-00010.csv.gz", "orders/2024/orders-00009.csv"} <= set(listed(client()))
    assert "stock/stock-00001.parquet" not in listed(client())


@pytest.mark.parametrize(
    ("keys", "code"),
    [({"secret": "wrong"}, "SignatureDoesNotMatch"), ({"key": "AKIASOMEBODYELSE0001"}, "InvalidAccessKeyId")],
)
def test_only_the_reader_may_ask(client, keys, code):
    with pytest.raises(ClientError, match=code):
        client(**keys).list_objects_v2(Bucket="exports")


def test_nobody_may_write(client):
    with pytest.raises(ClientError, match="MethodNotAllowed"):
        client().put_object(Bucket="exports", Key="shop/x", Body=b"")


def test_what_is_not_there_is_said(client):
    with pytest.raises(ClientError, match="NoSuchKey"):
        body(client(), "orders/nothing.csv")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        client().list_objects_v2(Bucket="nothing")


def test_a_part_of_a_file_and_what_a_head_tells(client):
    whole = body(client(), "stock/stock-00000.parquet")
    part = client().get_object(Bucket="exports", Key="shop/stock/stock-00000.parquet", Range="bytes=-8")
    assert part["Body"].read() == whole[-8:]
    assert client().head_object(Bucket="exports", Key="shop/stock/stock-00000.parquet")["ContentLength"] == len(whole)


def test_it_is_too_busy_in_its_own_words(bucket, client):
    bucket[1].reset(Conditions(FaultPlan.once(Fault("status", 503), 1)))
    with pytest.raises(ClientError, match="SlowDown"):
        listed(client())


def test_the_log_shows_no_secret(simulator, bucket, client):
    listed(client())
    assert not any(secret in str(bucket[1].log) for secret in simulator.secrets())
