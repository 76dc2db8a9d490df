"""The same files in places of every kind, each behind a real server."""

import os
import threading

import pytest

from headwater_runtime import ConfigError, Errors, SourceError, TransientError
from headwater_runtime.call import WHOLE
from headwater_runtime.storage import Manifest, Place

from . import servers
from .conftest import BROKEN, KINDS, Ended, Lines, run

every = pytest.mark.parametrize("kind", KINDS)
NAMES = [
    "plain.txt",
    "with space.txt",
    "hash#1.txt",
    "what?.txt",
    "100%.txt",
    "50%25.txt",
    "ünï–✓.txt",
    "[x]{y}*.txt",
    "a+b&c=d;e.txt",
    "'q\".txt",
]


@every
def test_new_and_changed_files_are_read_and_no_others(place, kind):
    at, shelf = place(kind)
    shelf.write("in/a.txt", "1\n2\n3\n4\n")
    shelf.write("in/b.txt", "5\n")
    shelf.write("in/c.md", "no\n")
    shelf.write("out/a.txt", "no\n")
    first = run(at, "in/*.txt")
    assert first.texts() == [("in/a.txt", text) for text in "1234"] + [("in/b.txt", "5")]
    assert [row["_line"] for row in first.rows("lines")] == [1, 2, 3, 4, 1]
    again = run(at, "in/*.txt", first.state)
    assert again.texts() == []
    assert again.state == first.state
    shelf.write("in/b.txt", "5\n6\n")
    shelf.write("in/d.txt", "7\n")
    third = run(at, "in/*.txt", again.state)
    assert third.texts() == [("in/b.txt", "5"), ("in/b.txt", "6"), ("in/d.txt", "7")]
    shelf.delete("in/a.txt")
    assert run(at, "in/*.txt", third.state).texts() == []


@every
def test_every_saved_state_goes_on_right_behind_its_page(place, kind):
    at, shelf = place(kind)
    for name in "ab":
        shelf.write(f"{name}.txt", "".join(f"{name}{number}\n" for number in range(8)))
    whole = run(at, "*.txt")
    emitted: set = set()
    for what, value in whole.operations:
        if what == "upsert":
            emitted.add((value[1]["_file"], value[1]["text"]))
            continue
        rest = run(at, "*.txt", value).texts()
        assert not emitted & set(rest)
        assert emitted | set(rest) == set(whole.texts())


@every
def test_a_file_that_changed_since_it_was_broken_off_is_read_anew(place, kind):
    at, shelf = place(kind)
    shelf.write("a.txt", "1\n2\n3\n4\n")
    broken_off = run(at, "*.txt").states[0]
    assert "open" in broken_off["streams"]["lines"]
    shelf.write("a.txt", "one\n2\n")
    emit = run(at, "*.txt", broken_off)
    assert [text for _, text in emit.texts()] == ["one", "2"]
    assert emit.deleted == [("a.txt", 3)]


@every
def test_partitions_and_folders_of_any_depth(place, kind):
    at, shelf = place(kind)
    shelf.write("eu/2025-01-02/x/y/a.txt", "1\n")
    shelf.write("us/2025-01-03/a.txt", "2\n")
    shelf.write("us/latest/a.txt", "no\n")
    shelf.write("a.txt", "no\n")
    rows = run(at, "{region}/{day:%Y-%m-%d}/**/*.txt").rows("lines")
    assert [(row["region"], row["day"].isoformat(), row["_file"]) for row in rows] == [
        ("eu", "2025-01-02", "eu/2025-01-02/x/y/a.txt"),
        ("us", "2025-01-03", "us/2025-01-03/a.txt"),
    ]


@every
def test_odd_names(place, kind):
    at, shelf = place(kind)
    for name in NAMES:
        shelf.write(f"odd #1/{name}", f"{name}\n")
    emit = run(at, "odd #1/*.txt")
    assert sorted(emit.texts()) == sorted((f"odd #1/{name}", name) for name in NAMES)
    assert run(at, "odd #1/*.txt", emit.state).texts() == []


@every
def test_a_file_by_its_name(place, kind):
    at, shelf = place(kind)
    shelf.write("in/a 1.txt", "1\n")
    assert run(at, "in/a 1.txt").texts() == [("in/a 1.txt", "1")]
    assert run(at, ["in/a 1.txt", "in/*.txt", "in/a[ ]1.txt"]).texts() == [("in/a 1.txt", "1")]
    whole = Place(f"{at.url}/in/a 1.txt", retry=at.retry, **at.options)
    assert run(whole, "").texts() == [("a 1.txt", "1")]


@every
def test_finding_nothing_is_an_error_unless_it_may_be(place, kind):
    at, shelf = place(kind)
    shelf.write("in/a.txt", "1\n")
    with pytest.raises(SourceError, match="no file is found"):
        run(at, "in/*.csv")
    with pytest.raises(SourceError, match="no file is found"):
        run(at, "in/b.txt")
    assert run(at, "in/*.csv", may_be_empty=True).texts() == []


@every
def test_a_place_that_is_gone_is_an_error_and_forgets_nothing(place, kind):
    at, shelf = place(kind)
    shelf.write("in/a.txt", "1\n")
    first = run(at, "in/*.txt", cursor=Manifest(delete_vanished=True))
    gone = Place(at.url.replace("/t", "/gone") if kind != "local" else at.url + "-gone", retry=at.retry, **at.options)
    emit = Ended()
    with pytest.raises(SourceError, match="is not there|bucket"):
        run(gone, "in/*.txt", first.state, cursor=Manifest(delete_vanished=True), emit=emit)
    assert emit.deleted == []
    assert emit.states[-1] == first.state


@every
def test_files_side_by_side_give_the_same(place, kind):
    at, shelf = place(kind)
    for number in range(9):
        shelf.write(f"{number}.txt", "".join(f"{number}-{line}\n" for line in range(number)))
    alone, abreast = run(at, "*.txt"), run(at, "*.txt", stream={"parallel": 4})
    assert abreast.tables == alone.tables
    assert run(at, "*.txt", abreast.state).texts() == []


@every
def test_a_large_file_arrives_whole(begun, kind):
    at, shelf, _ = begun(kind)
    content = os.urandom(9_000_001)
    shelf.write("large.txt", content)
    files = at.files("large.txt")
    entry = next(files.listed())
    with at.store.open(entry, at.attempt, "large") as file:
        assert file.read(10) == content[:10]
        assert file.read() == content[10:]
    with at.store.open(entry, at.attempt, "large") as file:
        file.seek(-5, 2)
        assert file.read() == content[-5:]
        file.seek(4_000_000)
        assert file.read(8) == content[4_000_000:4_000_008]


@every
def test_any_cursor_reads_all_files_as_one_slice(begun, kind):
    at, shelf, _ = begun(kind)
    shelf.write("b.txt", "1\n")
    shelf.write("a.txt", "2\n3\n")
    pages = list(at.files("*.txt", format=Lines()).read(WHOLE))
    assert [(row["_file"], row["text"]) for page in pages for row in page.records] in (
        [("b.txt", "1"), ("a.txt", "2"), ("a.txt", "3")],
        [("a.txt", "2"), ("a.txt", "3"), ("b.txt", "1")],  # S3 tells whole seconds, so the path may decide
    )
    assert {page.position for page in pages} == {None}


@pytest.mark.parametrize("kind", ["sftp", "ftp"])
def test_a_wrong_password_is_an_error_of_the_configuration(place, kind):
    at, shelf = place(kind, password="not-the-one-9")
    shelf.write("a.txt", "1\n")
    with pytest.raises(ConfigError, match="refuses the credential") as caught:
        run(at, "*.txt")
    assert "not-the-one-9" not in str(caught.value)


def test_a_wrong_key_of_the_web_is_one(place, served):
    at, shelf = place("web")
    shelf.write("a.txt", "1\n")
    served.web.refuse = "key-77"
    try:
        with pytest.raises(ConfigError, match="refuses the credential"):
            run(at, "*.txt")
        right = Place(at.url, headers={"X-Key": "key-77"})
        assert run(right, "*.txt").texts() == [("a.txt", "1")]
    finally:
        served.web.refuse = ""


def test_another_host_is_not_followed(place, served):
    at, shelf = place("web", headers={"X-Key": "key-77"})
    shelf.write("a.txt", "1\n")
    served.web.elsewhere = "http://localhost:1/a.txt"
    try:
        with pytest.raises(ConfigError, match="another host"):
            run(at, "a.txt")
    finally:
        served.web.elsewhere = ""


def test_a_server_that_is_down_is_tried_again_and_told(place):
    at, _ = place("web")
    down = Place("http://127.0.0.1:1/x", retry=at.retry)
    with pytest.raises(TransientError, match="could not be read"):
        run(down, "*.txt")


@pytest.mark.parametrize("kind", ["web", "ftp"])
def test_a_transfer_that_is_cut_goes_on(place, served, kind):
    at, shelf = place(kind)
    lines = [str(number) for number in range(200_000)]
    shelf.write("a.txt", "\n".join(lines))
    if kind == "web":
        served.web.cuts = 2
    else:
        served.ftp_handler.cuts = 2
    emit = run(at, "*.txt", format=Lines(50_000), stream={"checkpoint_rows": 10**6})
    assert [text for _, text in emit.texts()] == lines
    assert (served.web.cuts, served.ftp_handler.cuts) == (0, 0)


def test_an_ssh_connection_that_is_cut_goes_on(place, served):
    at, shelf = place("sftp")
    lines = [str(number) for number in range(400_000)]
    shelf.write("a.txt", "\n".join(lines))
    before, served.ssh.cut_after = served.ssh.served, 30
    emit = run(at, "*.txt", format=Lines(50_000), stream={"checkpoint_rows": 10**6})
    assert [text for _, text in emit.texts()] == lines
    assert served.ssh.served > before + 1


def test_a_web_server_without_ranges_or_times(place, served):
    at, shelf = place("web")
    shelf.write("a.txt", "1\n2\n")
    served.web.ranges = served.web.times = False
    try:
        first = run(at, "*.txt")
        assert [text for _, text in first.texts()] == ["1", "2"]
        again = run(at, "*.txt", first.state)
        assert [text for _, text in again.texts()] == ["1", "2"], "nothing tells whether it changed"
        shelf.write("a.txt", "3\n")
        third = run(at, "*.txt", again.state)
        assert [text for _, text in third.texts()] == ["3"]
        assert third.deleted == [("a.txt", 2)]
    finally:
        served.web.ranges = served.web.times = True


def test_an_unknown_host_key_is_refused_and_told(place, served):
    at, shelf = place("sftp")
    shelf.write("a.txt", "1\n")
    options = {name: value for name, value in at.options.items() if name != "host_key"}
    with pytest.raises(ConfigError, match="key is not known") as caught:
        run(Place(at.url, **options), "*.txt")
    assert served.ssh.fingerprint in str(caught.value)
    with pytest.raises(ConfigError, match="another key"):
        run(Place(at.url, host_key="SHA256:" + "A" * 43, **options), "*.txt")


def test_a_private_key_signs_in(place, served):
    at, shelf = place("sftp")
    shelf.write("a.txt", "1\n")
    key = served.ssh.key.export_private_key().decode()
    options = {"username": servers.USER, "host_key": served.ssh.fingerprint, "private_key": key}
    assert run(Place(at.url, **options), "*.txt").texts() == [("a.txt", "1")]
    with pytest.raises(ConfigError, match="private_key cannot be read"):
        run(Place(at.url, **{**options, "private_key": "no key"}), "*.txt")


@pytest.mark.parametrize("kind", ["sftp", "ftp", "s3"])
def test_the_connection_test_lists(begun, kind):
    at, shelf, _ = begun(kind)
    shelf.write("a.txt", "1\n")
    assert at.try_out() is True


def test_no_secret_is_shown():
    url = "sftp://me:pass-word-5@host.test/x"
    place = Place(url, private_key="PRIVATE-6", token="token-7")
    files = place.files("*.txt", format=Lines())
    for text in (repr(place), repr(files), str(place), files.where, files.shape, place.shown):
        assert not any(secret in text for secret in ("pass-word-5", "PRIVATE-6", "token-7"))
    signed = Place("https://host.test/a.csv?sig=secret-8")
    assert signed.files("").where == "files https://host.test/a.csv"
    assert "secret-8" not in repr(signed.files(""))


def test_what_a_url_and_options_hold_is_masked(begun):
    at, _, log = begun("sftp")
    assert servers.PASSWORD in log.masked
    ready = Place("https://u:pass-5@h.test/x?sig=s-6789", headers={"X-Key": "key-77"}).begin(None, at.clock, log)
    assert {"pass-5", "sig=s-6789", "key-77"} <= set(log.masked)
    ready.close()


def test_a_file_that_is_closed_to_us_fails_alone_and_is_tried_again(place, served):
    at, shelf = place("web")
    shelf.write("a.txt", "1\n")
    shelf.write("b.txt", "2\n")
    served.web.closed = {"a.txt"}
    try:
        with pytest.raises(ConfigError, match="not allowed"):
            run(at, ["a.txt", "b.txt"])
    finally:
        served.web.closed = set()
    listed = run(
        at,
        ["a.txt", "b.txt"],
        emit=Closing(served.web, "b.txt"),
        stream={"errors": Errors(BROKEN), "checkpoint_rows": 10},
    )
    served.web.closed = set()
    assert listed.texts() == [("a.txt", "1")]
    assert [(row["url"].rpartition("/")[2], row["message"]) for row in listed.rows("broken")] == [
        ("b.txt", "reading it is not allowed")
    ]
    assert run(at, ["a.txt", "b.txt"], listed.state).texts() == [("b.txt", "2")]


class Closing(Ended):
    """Has a web server close a file once rows of another are there."""

    def __init__(self, server, name):
        super().__init__()
        self.server, self.name = server, name

    def upsert(self, table, rows):
        self.server.closed = {self.name}
        super().upsert(table, rows)


def test_reading_while_declaring_is_an_error():
    with pytest.raises(ConfigError, match="while the connector was being declared"):
        Place("/tmp").files("*.txt").client.store  # noqa: B018


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("nothing://x", {}),
        ("", {}),
        ("http://h.test/x", {"colour": 1}),
        ("ftp://h.test/x", {"colour": 1}),
        ("s3://b", {"colour": 1}),
    ],
)
def test_a_place_that_cannot_be(url, options):
    with pytest.raises(ConfigError):
        run(Place(url, **options), "*.txt")


def test_an_index_that_is_cut_is_asked_for_again(place, served):
    at, shelf = place("web")
    for number in range(50):
        shelf.write(f"{number:02}.txt", f"{number}\n")
    with servers.Proxy(served.web.server_port) as proxy:
        proxy.cuts, proxy.most = 1, 1_500
        name = at.url.rpartition("/")[2]
        through = Place(f"http://127.0.0.1:{proxy.port}/{name}", retry=at.retry)
        assert len(run(through, "*.txt").texts()) == 50
        assert proxy.cuts == 0


def test_a_file_that_an_ftp_server_does_not_give_fails_alone(place, served):
    at, shelf = place("ftp")
    for name in "abc":
        shelf.write(f"{name}.txt", f"{name}\n")
    served.ftp_handler.closed = {"b.txt"}
    tolerant = {"errors": Errors(BROKEN)}
    try:
        first = run(at, "*.txt", stream=tolerant)
    finally:
        served.ftp_handler.closed = frozenset()
    assert first.texts() == [("a.txt", "a"), ("c.txt", "c")]
    assert [row["message"] for row in first.rows("broken")] == ["reading it is not allowed"]
    assert run(at, "*.txt", first.state, stream=tolerant).texts() == [("b.txt", "b")]


def test_what_a_thread_needed_of_the_web_goes_with_it(begun):
    at, shelf, _ = begun("web")
    shelf.write("a.txt", "1\n")
    for _ in range(5):
        thread = threading.Thread(target=at.store.stat, args=("a.txt",))
        thread.start()
        thread.join()
    assert len(at.store._sessions) < 2


def test_a_web_server_that_tells_no_length_before_it_gives_a_file(place, served):
    at, shelf = place("web")
    shelf.write("a.txt", "1\n2\n")
    served.web.shy = True
    try:
        first = run(at, "a.txt")
        assert [text for _, text in first.texts()] == ["1", "2"]
        assert run(at, "a.txt", first.state).texts() == []
    finally:
        served.web.shy = False


def test_of_what_an_index_lists_one_may_be_closed_or_gone(place, served):
    at, shelf = place("web")
    for name in "abc":
        shelf.write(f"{name}.txt", f"{name}\n")
    (shelf.folder / "d.txt").symlink_to("nowhere")
    served.web.closed = {"b.txt"}
    tolerant = {"errors": Errors(BROKEN)}
    try:
        first = run(at, "*.txt", stream=tolerant)
        with pytest.raises(ConfigError, match="not allowed"):
            run(at, "*.txt")
    finally:
        served.web.closed = set()
    assert sorted(first.texts()) == [("a.txt", "a"), ("c.txt", "c")]
    assert [row["message"] for row in first.rows("broken")] == ["reading it is not allowed"]
    assert run(at, "*.txt", first.state, stream=tolerant).texts() == [("b.txt", "b")]


@pytest.mark.parametrize("kind", ["local", "sftp"])
def test_links_that_lead_nowhere_or_to_themselves_are_passed_by(place, kind):
    at, shelf = place(kind)
    shelf.write("in/a.txt", "1\n")
    for name, target in {
        "b.txt": "a.txt",
        "up": "..",
        "self.txt": "self.txt",
        "gone.txt": "none.txt",
        "odd.txt": "a.txt/b",
    }.items():
        (shelf.folder / "in" / name).symlink_to(target)
    assert sorted(run(at, "**/*.txt").texts()) == [("in/a.txt", "1"), ("in/b.txt", "1")]


@pytest.mark.parametrize("kind", ["local", "sftp", "ftp"])
def test_links_that_lead_in_circles_double_nothing(place, kind):
    at, shelf = place(kind)
    shelf.write("a.txt", "1\n")
    shelf.write("in/b.txt", "2\n")
    (shelf.folder / "in/up").symlink_to("..")
    (shelf.folder / "in/same").symlink_to(".")
    assert sorted(run(at, "**/*.txt").texts()) == [("a.txt", "1"), ("in/b.txt", "2")]
