"""Files uploaded beside rows: the same files, rows and counts as with the SDK's own runner, and nothing left of a failed sync."""

from __future__ import annotations

import contextlib
import io
import tempfile
import threading

import pytest

from headwater.engine import DuckDbDestination, content, run
from headwater.engine.file_uploads import stored_at
from headwater.errors import ProjectError, WarehouseError

from .harness import Operation, Sync, Upload, boom, clear, compared, mod, ok, ours, reference, rm, stored, table, up

KEYED = [table("t", "id")]
CHUNK = 2 * 1024 * 1024  # what the SDK reads at a time
PATHS = [
    "plain.txt", "/abs/x", "../up.txt", "a/../../x", "./c", "a b/é日.txt", "x\\b", "C:\\x", "con:1", "y/./b", "..e/b..", "g/b/..", "~",
    "UPPER/C.TXT", " trimmed ", "q\\", "\\from/root", "r\\\\b", "...", "n\nb", "%2e%2e/x", "__dotdot__/up.txt", "x" * 240, "d/" * 60 + "f",
]  # fmt: skip
TABLES = ["a/b", "..", ".", "p\\b", "a:b", "../x", " sp ", "UPPER", "T1", "k//b", "/", "/y", "z/", "MyT", "my_t"]


class Broken:
    """A stream that gives so many whole pieces and then fails."""

    def __init__(self, pieces):
        self.left = pieces

    def read(self, size):
        self.left -= 1
        if self.left < 0:
            raise OSError("the line is dead")
        return b"x" * size


class Dribble(io.BytesIO):
    def read(self, size=-1):
        return super().read(min(size, 1000))


def put(key, path, data=b"1", *, table="t", name="upsert", expected=None, schema=None, stream=None, **row):  # noqa: PLR0913
    return Upload(path, data, {"id": key, **row}, table, name, expected, schema, stream)


def broken(key, path, pieces):
    return put(key, path, stream=lambda: Broken(pieces))


def swallowed(operation):
    def call():
        with contextlib.suppress(Exception):  # a connector that goes on regardless
            operation()

    return call


def sync(*operations, declared=KEYED):
    return Sync(declared, operations)


CASES = {
    "with and without a checkpoint": [sync(put(1, "a/b.txt", b"hello"), ok(a=1), put(2, "c.bin", b"", x=1))],
    "overwritten": [sync(put(1, "a", b"one"), put(2, "a", b"two"), ok(), put(1, "a", b"three")), sync(put(1, "a", b"four"))],
    "sizes told": [
        sync(put(1, "a/b", b"hello", expected=4)), sync(put(1, "a/b", b"hello", expected=9)), sync(put(1, "a/b", b"hello", expected=5)),
        sync(put(1, "a/b", b"he", expected=0)), sync(put(1, "a/b", b"", expected=0)),
    ],
    "a wrong size swallowed": [sync(up("t", id=0), ok(s=1), swallowed(put(1, "a", b"hello", expected=3)), put(2, "c"))],
    "several pieces": [sync(put(1, "big", b"xy" * 2_500_000, expected=5_000_000), put(2, "one", b"y" * CHUNK))],
    "short reads": [sync(put(1, "a", stream=lambda: Dribble(b"0123456789" * 1000), expected=10_000))],
    "read errors": [sync(up("t", id=0), broken(1, "a/b", 0)), sync(broken(1, "a/c", 1))],
    "a read error before the first piece swallowed": [sync(swallowed(broken(1, "d", 0)), put(2, "e"), put(3, "f", b""))],
    "a read error swallowed, then another file": [sync(swallowed(broken(1, "d", 1)), up("t", id=1), put(2, "e"))],
    "text instead of bytes": [sync(put(1, "s", stream=lambda: io.StringIO("text")))],
    "no stream at all": [sync(put(1, "s", stream=lambda: "text"))],
    "updates": [
        sync(put(1, "u", name="update")), sync(up("t", id=1, x=1), put(1, "u", b"u", name="update")),
        sync(mod("t", id=1, x=2), put(2, "v", b"v", name="update", x=1)),
    ],
    "deleted and truncated rows": [sync(put(1, "f"), rm("t", id=1)), sync(put(2, "g"), clear("t"))],
    "a path of the row's own": [
        sync(put(1, "k", _fivetran_file_path="mine")), sync(up("t", id=2, _fivetran_file_path="5"), ok(), up("t", id=3, _fivetran_file_path=6)),
    ],
    "paths that look like values": [sync(put(1, "123"), put(2, "456")), sync(put(3, "2024-01-01"))],
    "the path declared a number": [sync(put(1, "5"), declared=[table("t", "id", _fivetran_file_path="INT")])],
    "the path declared JSON": [sync(put(1, "k"), declared=[table("t", "id", _fivetran_file_path="JSON")])],
    "the path as key": [sync(put(1, "k"), put(2, "k"), put(3, "l"), declared=[table("t", "_fivetran_file_path")])],
    "keyless": [sync(put(1, "k", name="update"), declared=[]), sync(put(1, "k"), put(1, "k", b"2"), put(1, "l", b"2"), declared=[])],
    "paths": [sync(*(put(number, path, path.encode()) for number, path in enumerate(PATHS)))],
    "tables": [sync(*(put(1, "f.txt", name.encode(), table=name) for name in TABLES), declared=[])],
    "schemas": [
        sync(*(put(1, "f", name.encode(), schema=name) for name in ["a/b", "..", "UP"]),
             declared=[table("t", "id", schema=name) for name in ["a/b", "..", "UP"]]),
    ],
    **{f"refused {path[:8]!r}": [sync(put(1, path))] for path in ["", " ", "/", "a/", "a//b", "a\0b", "x" * 300]},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_uploads_leave_the_same(name, tmp_path):
    assert compared(CASES[name], tmp_path, files=True) == []


@pytest.mark.parametrize("name", ["schemas", "tables"])
def test_source_naming(name, tmp_path):
    assert compared(CASES[name], tmp_path, naming="SOURCE_NAMING", files=True) == []


# name: syncs, the files of the reference, ours
DIFFERENCES = {
    "a sync that fails": (
        [sync(put(1, "a", b"old"), ok(s=1), put(2, "c"), put(3, "a", b"new"), boom)],
        {"t/a": b"new", "t/c": b"1"},
        {"t/a": b"old"},
    ),
    "a row without a key": ([sync(put(None, "a"))], {"t/a": b"1"}, {}),
    "a file that would be a folder": ([sync(put(1, "a"), put(2, "a/b"))], {"t/a": b"1"}, {}),
    "a folder that would be a file": ([sync(put(1, "a/b"), put(2, "a"))], {"t/a/b": b"1"}, {}),
    "a row that names another file now": (
        [sync(put(1, "a")), sync(put(1, "b"))],
        {"t/b": b"1"},
        {"t/a": b"1", "t/b": b"1"},
    ),
    "the same file spelt otherwise": ([sync(put(1, "/a")), sync(put(1, "a", b"2"))], {}, {"t/a": b"2"}),
    "a read error swallowed, then the same file": (
        [sync(swallowed(broken(1, "d", 1)), put(1, "d", b"whole"))],
        {"t/d": b"x" * CHUNK + b"whole"},
        {},
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_known_difference(name, tmp_path):
    syncs, theirs, expected = DIFFERENCES[name]
    prefix = "storage/tester/"
    assert reference(syncs, tmp_path / "sdk")[-1].files == {prefix + path: data for path, data in theirs.items()}
    own = ours(syncs, folder=tmp_path / "ours")[-1]
    assert own.files == {prefix + path: data for path, data in expected.items()}
    assert not (tmp_path / "ours" / "files" / ".uploading").exists()


def test_files_wait_for_the_checkpoint_and_are_there_before_the_state_is_saved(tmp_path):
    seen = []
    look = lambda *_: seen.append(sorted(path for path in stored(tmp_path) if path.startswith("storage")))  # noqa: E731
    connector = sync(put(1, "a"), look, ok(), put(2, "b"), look).connector()
    result = run(
        connector,
        configuration={},
        state={},
        destination=DuckDbDestination(tmp_path / "files" / "warehouse.db"),
        save_state=look,
    )
    assert result.ok, result.error
    assert result.operations["file_uploads"] == 2
    a, b = "storage/tester/t/a", "storage/tester/t/b"
    assert seen == [[], [a], [a]]
    assert sorted(stored(tmp_path)) == [a, b]


def test_a_killed_sync_puts_no_file_in_place(tmp_path):
    destination = DuckDbDestination(tmp_path / "files" / "warehouse.db")
    killed = run(
        sync(put(1, "a"), ok(), put(2, "b")).connector(), configuration={}, state={}, destination=destination, kill_at=1
    )
    assert killed.status == "killed"
    assert stored(tmp_path) == {}


def test_what_a_dead_process_staged_goes_with_the_next_upload(tmp_path):
    left = tmp_path / "files" / ".uploading" / "1"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert ours([sync(put(1, "a", b"1"))], folder=tmp_path)[0].files == {"storage/tester/t/a": b"1"}
    assert not left.parent.exists()


def test_a_destination_in_memory_leaves_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outcome = ours([sync(put(1, "a", b"hello", expected=5), ok(), put(2, "b"))])[0]
    assert not outcome.failed
    assert outcome.counts["file_uploads"] == 2
    assert ("false", "a", "1") in outcome.tables["t"].rows
    assert list(tmp_path.iterdir()) == []


def test_errors_say_what_to_do(tmp_path):
    short, clash = (
        ours([sync(operation)], folder=tmp_path / str(number))[0].error
        for number, operation in enumerate([put(1, "a", b"hello", expected=9), put(1, "x" * 300)])
    )
    assert isinstance(short, ProjectError)
    assert "a has 5 bytes, expected_bytes says 9" in str(short)
    assert isinstance(clash, WarehouseError)
    assert "File name too long" in str(clash)


def test_threads_upload_whole_files_one_after_the_other(tmp_path):
    data = {number: bytes([number]) * (CHUNK + number) for number in range(8)}

    def update(configuration, state):
        threads = [threading.Thread(target=put(number, f"f{number}", data[number])) for number in data]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        Operation("checkpoint", ({},))()

    connector = sync().connector()
    connector.update_method = update
    destination = DuckDbDestination(tmp_path / "files" / "warehouse.db")
    result = run(connector, configuration={}, state={}, destination=destination)
    assert result.ok, result.error
    assert stored(tmp_path) == {f"storage/tester/t/f{number}": content for number, content in data.items()}
    assert content(destination)["t"].rows.total() == 8
    destination.close()


@pytest.mark.parametrize("names", [("..", "..", ".."), ("/etc", "/", "/passwd"), ("a\\..\\..", "..\\..", "../../x")])
def test_no_name_leads_outside_the_storage(names, tmp_path):
    target = stored_at(tmp_path, *names)
    assert tmp_path in target.parents
    assert ".." not in target.parts
