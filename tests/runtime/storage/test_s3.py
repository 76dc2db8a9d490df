"""What S3 refuses and breaks off, over real sockets."""

from urllib.parse import urlsplit

import pytest
from s3fs import S3FileSystem

from headwater_runtime import ConfigError, Errors, SourceError, TransientError
from headwater_runtime.call import Slice
from headwater_runtime.storage import Place
from headwater_runtime.storage.objects import _Pages
from headwater_runtime.storage.reading import ChangedError

from . import servers
from .conftest import BROKEN, Lines, run


@pytest.mark.parametrize(
    ("status", "code", "error", "told"),
    [
        (403, "InvalidAccessKeyId", ConfigError, "refuses the credential"),
        (403, "SignatureDoesNotMatch", ConfigError, "refuses the credential"),
        (400, "ExpiredToken", ConfigError, "refuses the credential"),
        (403, "AccessDenied", ConfigError, "reading it is not allowed"),
        (404, "NoSuchBucket", SourceError, "not there"),
        (301, "PermanentRedirect", SourceError, "could not be read"),
        (503, "SlowDown", TransientError, "could not be read"),
        (500, "InternalError", TransientError, "could not be read"),
    ],
)
def test_a_refusal_is_told_for_what_it_is(place, s3, status, code, error, told):
    at, _ = place("s3")
    with servers.refusing(status, code) as address:
        refused = Place(at.url, retry=at.retry, **{**at.options, "endpoint_url": address})
        with pytest.raises(error, match=told) as caught:
            run(refused, "*.txt")
    assert "secret-1234" not in "".join(map(str, (caught.value, caught.value.__cause__)))


def test_an_answer_that_is_cut_is_asked_for_again(place, s3):
    at, shelf = place("s3")
    lines = [str(number) for number in range(300_000)]
    shelf.write("a.txt", "\n".join(lines))
    with servers.Proxy(urlsplit(s3.address).port) as proxy:
        through = Place(at.url, retry=at.retry, **{**at.options, "endpoint_url": f"http://127.0.0.1:{proxy.port}"})
        proxy.cuts, proxy.most = 2, 400_000
        emit = run(through, "*.txt", format=Lines(50_000), stream={"checkpoint_rows": 10**6})
        assert [text for _, text in emit.texts()] == lines
        assert proxy.cuts == 0


def test_a_listing_of_several_pages(place):
    at, shelf = place("s3")
    for number in range(1_005):
        shelf.write(f"in/{number:04}.txt", "")
    shelf.write("inside/no.txt", "no\n")
    shelf.write("in/1005.txt", "1\n")
    emit = run(at, "in/*.txt", stream={"checkpoint_rows": 10**6, "parallel": 4})
    assert emit.texts() == [("in/1005.txt", "1")]
    assert run(at, "in/*.txt", emit.state).operations == [("checkpoint", emit.state)]


def test_folders_that_are_named_like_files(place):
    at, shelf = place("s3")
    for name in ("in/", "in/x.txt/", "in/x.txt/y.txt", "in/x.txt", "in//z.txt"):
        shelf.write(name, f"{name}\n" if not name.endswith("/") else "")
    assert sorted(run(at, "in/*.txt").texts()) == [("in/x.txt", "in/x.txt")]
    assert sorted(name for name, _ in run(at, "in/**/*.txt").texts()) == ["in//z.txt", "in/x.txt", "in/x.txt/y.txt"]


def test_a_folder_below_the_bucket(place):
    at, shelf = place("s3")
    shelf.write("deep/er/a.txt", "1\n")
    shelf.write("deeper/a.txt", "no\n")
    below = Place(at.url + "/deep/", retry=at.retry, **at.options)
    assert run(below, "**/*.txt").texts() == [("er/a.txt", "1")]
    assert run(below, "er/a.txt").texts() == [("er/a.txt", "1")]


def test_an_object_that_is_replaced_by_one_of_the_same_size(place):
    at, shelf = place("s3")
    shelf.write("a.txt", "1\n2\n")
    first = run(at, "*.txt")
    shelf.write("a.txt", "3\n4\n")
    assert [text for _, text in run(at, "*.txt", first.state).texts()] == ["3", "4"]


def test_an_answer_that_is_no_listing_is_no_empty_bucket(place):
    at, _ = place("s3")
    with servers.refusing(200, "Welcome") as address:
        proxied = Place(at.url, retry=at.retry, **{**at.options, "endpoint_url": address})
        with pytest.raises(TransientError, match="could not be read"):
            run(proxied, "*.txt", may_be_empty=True)


@pytest.mark.parametrize("kind", ["s3", "web", "sftp", "ftp"])
def test_a_file_that_becomes_shorter_before_it_is_read_is_seen_at_once(begun, kind):
    at, shelf, _ = begun(kind)
    shelf.write("a.txt", "1\n" * 20_000)
    files = at.files("*.txt", format=Lines())
    entry = next(files.listed())
    shelf.write("a.txt", "1\n")
    part = {"path": entry.path, "size": entry.size, "modified": entry.stamp, "etag": entry.tag}
    files.prepare([entry])
    with pytest.raises(ChangedError):
        list(files.read(Slice(part=part)))
    assert at.clock.slept == []


def test_an_object_in_the_archive_fails_alone_and_is_told(place, s3):
    at, shelf = place("s3")
    shelf.write("a.txt", "1\n")
    s3.client.put_object(Bucket=shelf.name, Key="b.txt", Body=b"2\n", StorageClass="GLACIER")
    shelf.write("c.txt", "3\n")
    emit = run(at, "*.txt", stream={"errors": Errors(BROKEN)})
    assert emit.texts() == [("a.txt", "1"), ("c.txt", "3")]
    assert [row["message"] for row in emit.rows("broken")] == ["it is archived"]


@pytest.mark.parametrize("count", [999, 1_000, 1_001])
def test_a_listing_that_ends_where_a_page_does(begun, count):
    at, shelf, _ = begun("s3")
    for number in range(count):
        shelf.write(f"{number:04}.txt", "")
    assert sum(1 for _ in at.files("*.txt").listed()) == count


def test_a_bucket_behind_an_access_point():
    name = "arn:aws:s3:us-east-1:123456789012:accesspoint/reports"
    asked = []

    class Driver:
        split_path = staticmethod(S3FileSystem().split_path)

        def call_s3(self, method, **more):
            asked.append((method, more))
            return {"IsTruncated": False}

    assert _Pages(Driver(), f"{name}/exports", "in")() == []
    assert asked == [("list_objects_v2", {"Bucket": name, "Prefix": "exports/in/"})]
