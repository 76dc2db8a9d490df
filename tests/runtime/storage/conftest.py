"""Places of every kind with the same files in them, and a run of a manifest over them."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest

from headwater_runtime import Config, ContractError, Retry, Source, Stream, Table
from headwater_runtime.clock import FakeClock
from headwater_runtime.storage import Manifest, Place
from headwater_runtime.storage.format import Bad, FileChunk
from tests.runtime.conftest import Kept

from . import servers

LINES = Table("lines", key=("_file", "_line"))
BROKEN = Table("broken", key="id")
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
RETRY = Retry(draw=lambda: 1.0, attempts=3)
KINDS = ["local", "web", "sftp", "ftp", "s3", "memory"]  # the last stands for whatever else fsspec has a driver for


class Telling:
    """A log that keeps its lines."""

    def __init__(self):
        self.lines, self.masked = [], []

    def _write(self, line):
        self.lines.append(line)

    debug = info = warning = _write

    def mask(self, secret):
        self.masked.append(secret)

    def clean(self, text):
        return text


class Shelf:
    """Where files are put for a place to serve them. Each write is a second later than the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.second = folder, 1_700_000_000

    def write(self, path: str, content: bytes | str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.second += 1
        os.utime(file, (self.second, self.second))

    def delete(self, path: str) -> None:
        (self.folder / path).unlink()


class Bucket:
    """The same for S3."""

    def __init__(self, client, name: str) -> None:
        self.name, self.client = name, client
        client.create_bucket(Bucket=name)

    def write(self, path: str, content: bytes | str) -> None:
        self.client.put_object(
            Bucket=self.name, Key=path, Body=content.encode() if isinstance(content, str) else content
        )

    def delete(self, path: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=path)


class Memory:
    """The same for fsspec's files in memory, which each run makes a driver of its own for."""

    def __init__(self, name: str) -> None:
        self.root, self.files = f"/{name}", fsspec.filesystem("memory")
        self.files.makedirs(self.root)

    def write(self, path: str, content: bytes | str) -> None:
        self.files.pipe_file(f"{self.root}/{path}", content.encode() if isinstance(content, str) else content)

    def delete(self, path: str) -> None:
        self.files.rm_file(f"{self.root}/{path}")


@pytest.fixture(scope="session")
def s3():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    import boto3
    from aiobotocore.session import AioSession

    with servers.s3() as address:
        client = boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id="key-1234",
            aws_secret_access_key="secret-1234",
            region_name="us-east-1",
        )
        session = AioSession()  # it reads the descriptions of all of AWS once
        yield SimpleNamespace(address=address, client=client, session=session)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Every server but S3, over one folder each."""
    with ExitStack() as stack:
        folders = {kind: tmp_path_factory.mktemp(kind) for kind in ("web", "sftp", "ftp")}
        web = stack.enter_context(servers.web(folders["web"]))
        ssh = stack.enter_context(servers.Ssh(folders["sftp"]))
        ftp, handler = stack.enter_context(servers.ftp(folders["ftp"]))
        yield SimpleNamespace(folders=folders, web=web, ssh=ssh, ftp=ftp, ftp_handler=handler)


COUNT = iter(range(10**6))


@pytest.fixture
def place(request, tmp_path):
    """Return a maker of (place, shelf) for a kind; the place is ready to be read, its clock does not wait."""

    def make(kind, **more):
        name = f"t-{next(COUNT):03}"
        if kind == "s3":
            s3 = request.getfixturevalue("s3")
            options = {"key": "key-1234", "secret": "secret-1234", "endpoint_url": s3.address, "session": s3.session}
            options["client_kwargs"] = {"region_name": "us-east-1"}
            return Place(f"s3://{name}", retry=RETRY, **{**options, **more}), Bucket(s3.client, name)
        if kind == "local":
            return Place(str(tmp_path / "shelf"), retry=RETRY, **more), Shelf(tmp_path / "shelf")
        if kind == "memory":
            return Place(f"memory://{name}", retry=RETRY, **more), Memory(name)
        all_ = request.getfixturevalue("served")
        shelf = Shelf(all_.folders[kind] / name)
        shelf.folder.mkdir()
        if kind == "web":
            url, options = f"http://127.0.0.1:{all_.web.server_port}/{name}", {}
        elif kind == "sftp":
            url = f"sftp://127.0.0.1:{all_.ssh.port}/{name}"
            options = {"username": servers.USER, "password": servers.PASSWORD, "host_key": all_.ssh.fingerprint}
        else:
            url = f"ftp://127.0.0.1:{all_.ftp.address[1]}/{name}"
            options = {"username": servers.USER, "password": servers.PASSWORD}
        return Place(url, retry=RETRY, **{**options, **more}), shelf

    return make


@pytest.fixture
def begun(place):
    """Return a maker of (place, shelf, log) for a kind, the place begun as a run begins it."""
    opened = []

    def make(kind, **more):
        made, shelf = place(kind, **more)
        log = Telling()
        ready = made.begin(None, FakeClock(NOW), log)
        opened.append(ready)
        return ready, shelf, log

    yield make
    for ready in opened:
        ready.close()


class Ended(Kept):
    """An emit that knows the destination, and deletes apart from upserts."""

    def __init__(self):
        super().__init__()
        self.tables, self.deleted = {}, []

    def upsert(self, table, rows):
        rows = [dict(row) for row in rows]
        super().upsert(table, rows)
        for row in rows:
            self.tables.setdefault(table.name, {})[tuple(row[name] for name in table.key)] = row

    def delete(self, table, keys):
        for row in keys:
            key = tuple(row[name] for name in table.key)
            self.deleted.append(key)
            self.tables.get(table.name, {}).pop(key, None)

    @property
    def state(self):
        return self.states[-1]

    def texts(self, table="lines"):
        """What was emitted, in order: the file and the text of each row."""
        return [(row["_file"], row["text"]) for row in self.rows(table)]


@dataclass(frozen=True)
class Lines:
    """A format of one row a line, `page` rows a chunk, so heavy that no more than one is read ahead. The line "bad" cannot be read, the line "broken" nor what follows it."""

    page: int = 3
    name = "lines"
    suffixes = (".txt", ".csv")
    random = False

    def settled(self, samples, where):
        return self, ""

    def read(self, file, where, after=0, skip=False):  # noqa: FBT002  (the seam)
        rows, lines, bad, number = [], [], [], 0
        for number, line in enumerate(file, 1):
            text = line.decode().rstrip("\n")
            if number <= after:
                continue
            if text == "broken" or (text == "bad" and not skip):
                raise ContractError("a line cannot be read", where=f"{where}, line {number}")
            if text == "bad":
                bad.append(Bad(f"line {number}", "a line cannot be read"))
            else:
                rows.append({"text": text})
                lines.append(number)
            if number % self.page == 0:
                yield FileChunk(rows, lines[0] if lines else number, number, lines, tuple(bad), 10**8)
                rows, lines, bad = [], [], []
        if rows or bad:
            yield FileChunk(rows, lines[0] if lines else number, number, lines, tuple(bad))


FOUND = object()  # the format is to be found


def source(place, path, form=None, cursor=None, into=None, stream=None, **files):
    """Return a source of one stream over the files at `path`."""

    def streams(at, _):
        yield Stream(
            at.files(path, format=None if form is FOUND else form or Lines(), **files),
            into or {LINES: dict},
            Manifest() if cursor is None else cursor,
            **{"checkpoint_rows": 1, **(stream or {})},
        )

    return Source(Config(), lambda _: place, streams)


def run(place, path, state=None, *, now=NOW, emit=None, **more):
    """Run one sync of the files at `path` and return what was emitted."""
    emit = emit or Ended()
    source(place, path, more.pop("format", None), **more).run({}, state or {}, emit=emit, clock=FakeClock(now))
    return emit
