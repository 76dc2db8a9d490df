"""Jobs: made once, asked for until done, read whole, tidied up; and the same one after any restart."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from headwater_runtime import (
    Client,
    Config,
    ConfigError,
    ContractError,
    FullRefresh,
    HeadwaterError,
    NextToken,
    Retry,
    Secret,
    Source,
    SourceError,
    Stream,
    Table,
    TransientError,
)
from headwater_runtime.auth import ApiKey
from headwater_runtime.call import Call, End, Start
from headwater_runtime.clock import FakeClock
from headwater_runtime.formats import Csv, Json
from headwater_runtime.job import Job, Links, Poll
from headwater_runtime.log import Log
from headwater_runtime.ranges import Windows
from headwater_runtime.transport import Response

from .conftest import HOME, Kept

THINGS = Table("things", key="id")
FILES = "https://files.test"
KEY, SIGNATURE = "sesame-1234", "c2lnbmF0dXJlLW9mLWEtbGluaw"
DAY = timedelta(days=1)
POLL = Poll(Call("/jobs/{job}"), status="state", done=("done",), failed=("failed",), every=5, patience=60)


class Killed(BaseException):
    """The process is gone."""


class Desk:
    """A vendor that makes answers on request: `polls` looks until one is done, its rows in files or pages of two."""

    def __init__(self, rows=7, *, polls=2, ends="done", kill=0, again=True):
        self.rows, self.polls, self.ends, self.kill = rows, polls, ends, kill
        self.jobs, self.made, self.deleted, self.sent = {}, 0, [], []
        self.again = again  # whether later jobs end well

    def send(self, request):
        self.sent.append(request)
        if len(self.sent) == self.kill:
            raise Killed
        if request.url.startswith(FILES):
            assert request.headers == {}
            return self.file(request)
        assert request.headers["api_key"] == KEY
        method, _, path = request.where.partition(" ")
        answer = self.answer(method, path.strip("/").split("/"), request)
        return answer if isinstance(answer, Response) else Response(200, {}, json.dumps(answer).encode())

    def close(self):
        pass

    def answer(self, method, path, request):
        if method == "POST":
            self.made += 1
            self.jobs[str(self.made)] = 0
            return {"payload": {"id": self.made}}
        job = path[1]
        if job not in self.jobs:
            return Response(404)
        if method == "DELETE":
            del self.jobs[job]
            self.deleted.append(job)
            return Response(204)
        if len(path) > 2:
            begin = int(request.params.get("after", "0"))
            following = begin + 2 if begin + 2 < self.rows else None
            ids = range(begin, min(begin + 2, self.rows))
            return {"data": [{"id": one} for one in ids], "next": following}
        self.jobs[job] += 1
        if self.jobs[job] <= self.polls:
            return {"state": "running"}
        links = [f"{FILES}/{job}/{begin}?sig={SIGNATURE}" for begin in range(0, self.rows, 2)]
        ends = "done" if self.again and job != "1" else self.ends
        return {"state": ends, "files": [{"url": link} for link in links]}

    def file(self, request):
        job, begin = request.where.split("/")[1:]
        if job not in self.jobs:
            return Response(410)
        rows = "".join(f"{one}\n" for one in range(int(begin), min(int(begin) + 2, self.rows)))
        return Response(200, {"content-type": "text/csv"}, f"id\n{rows}".encode())

    def count(self, start):
        return sum(request.where.startswith(start) for request in self.sent)


def jobs(client, kind="links", **options):
    download = Links("files.*.url", format=Csv())
    if kind == "pages":
        download = client.pages("/jobs/{job}/rows", records="data", paging=NextToken("next", param="after"))
    options = {"poll": POLL, "delete": Call("/jobs/{job}", "DELETE"), **options}
    create = options.pop("create", Call("/jobs", json={"what": "things"}))
    return Job(client, create, "payload.id", download=download, **options)


def client_of(desk, **options):
    retry = Retry(draw=lambda: 1.0)
    return Client(HOME, auth=ApiKey("api_key", KEY), transport=desk, clock=FakeClock(), retry=retry, **options)


def ids(pages):
    return [int(one["id"]) for page in pages for one in page.records]


KINDS = ["links", "pages"]


def test_a_job_s_id_is_saved_before_anything_else_happens():
    desk, emit = Desk(), Kept()
    connector("links", FullRefresh()).run({"api_key": KEY}, {}, emit=emit, transport=desk, clock=FakeClock())
    assert [state["streams"]["things"]["at"] for state in emit.urgent] == [1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_is_made_waited_for_read_and_deleted(kind):
    desk = Desk()
    client = client_of(desk)
    pages = list(jobs(client, kind).read())
    assert (pages[0].records, pages[0].position, pages[0].urgent) == ([], 1, True)
    assert {page.position for page in pages} == {1}
    assert not any(page.urgent for page in pages[1:])
    assert ids(pages) == list(range(7))
    assert client.clock.slept == [5, 5]
    assert desk.deleted == ["1"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_with_nothing_in_it_gives_no_rows(kind):
    desk = Desk(rows=0)
    assert ids(jobs(client_of(desk), kind).read()) == []
    assert desk.deleted == ["1"]


def connector(kind, cursor):
    def streams(client, _):
        create = (
            Call("/jobs", json={"from": Start(), "to": End()}) if isinstance(cursor, Windows) else Call("/jobs", "POST")
        )
        job = jobs(client, kind, create=create)
        yield Stream(job, {THINGS: lambda row: {"id": int(row["id"])}}, cursor=cursor, checkpoint_slices=True)

    config = Config(api_key=Secret("key"))
    return Source(config, lambda _: Client(HOME, auth=ApiKey("api_key", KEY)), streams)


CURSORS = {
    "full": FullRefresh(),
    "windows": Windows(datetime(2024, 12, 30, tzinfo=timezone.utc), step=DAY),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("cursor", "number"),
    [(name, number) for name, last in (("full", 9), ("windows", 18)) for number in range(1, last + 1)],
)
def test_killed_at_any_request_the_next_sync_goes_on_with_the_same_job(kind, cursor, number):
    source = connector(kind, CURSORS[cursor])
    whole = Desk()
    source.run({"api_key": KEY}, {}, emit=Kept(), transport=whole, clock=FakeClock())
    assert len(whole.sent) == {"full": 9, "windows": 18}[cursor]
    desk, emit = Desk(kill=number), Kept()
    with pytest.raises(Killed):
        source.run({"api_key": KEY}, {}, emit=emit, transport=desk, clock=FakeClock())
    state = emit.states[-1] if emit.states else {}
    source.run({"api_key": KEY}, state, emit=emit, transport=desk, clock=FakeClock())
    assert {row["id"] for row in emit.rows("things")} == set(range(7))
    assert desk.made <= whole.made
    assert desk.jobs == {}
    assert json.dumps(emit.states[-1]).count('"at"') == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ends", ["failed", "gone", "stateless"])
def test_a_resumed_job_that_is_lost_is_made_anew_once(kind, ends):
    desk = Desk(ends={"failed": "failed", "gone": "done", "stateless": None}[ends], polls=0)
    desk.answer("POST", [], None)
    if ends == "gone":
        desk.jobs.clear()
    pages = list(jobs(client_of(desk), kind).read(1))
    assert ids(pages) == list(range(7))
    assert desk.made == 2
    assert (pages[0].position, pages[0].urgent) == (2, True)
    desk = Desk(ends="failed", polls=0, again=False)
    desk.answer("POST", [], None)
    with pytest.raises(SourceError, match="the job ended as 'failed'"):
        list(jobs(client_of(desk), kind).read(1))
    assert desk.made == 2


@pytest.mark.parametrize("status", [400, 403, 410])
def test_files_that_are_gone_when_a_job_is_resumed_make_a_new_one(status):
    class Expired(Desk):
        def file(self, request):
            return Response(status) if request.where.startswith("GET /1/") else super().file(request)

    desk = Expired()
    desk.answer("POST", [], None)
    assert ids(jobs(client_of(desk)).read(1)) == list(range(7))
    assert desk.made == 2
    with pytest.raises(HeadwaterError, match=str(status)):
        list(jobs(client_of(Expired())).read())


def test_a_new_job_that_fails_is_the_source_s_failure_without_a_status():
    with pytest.raises(SourceError, match="the job ended as 'failed'") as caught:
        list(jobs(client_of(Desk(ends="failed", again=False))).read())
    assert caught.value.status == 0


def test_patience_ends_and_the_position_stays():
    desk = Desk(polls=99)
    client = client_of(desk)
    pages = []
    with pytest.raises(TransientError, match="'running' after 60 s"):
        pages.extend(jobs(client).read())
    assert [page.position for page in pages] == [1]
    assert desk.deleted == []
    desk.polls = 14
    assert ids(jobs(client).read(1)) == list(range(7))
    assert desk.made == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"id": 4}, "no id at 'payload.id'"),
        ({"payload": {"id": None}}, "no id at"),
        ({"payload": {"id": ""}}, "no id at"),
        ({"payload": {"id": True}}, "no id at"),
    ],
)
def test_an_answer_without_an_id_is_a_broken_contract(scripted, answer, words):
    client, script = scripted(lambda _: answer)
    with pytest.raises(ContractError, match=words):
        list(jobs(client).read())
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "made",
    [
        {"state": "done"},
        {"state": "done", "files": None},
        {"state": "done", "files": [{"url": f"{FILES}/1/0"}, {"name": "b"}]},
        {"state": "done", "files": [{"url": None}]},
        {"state": "done", "files": [{"url": 7}]},
        {"state": 1},
        {"files": []},
    ],
)
def test_a_link_or_a_state_that_is_missing_is_a_broken_contract_never_fewer_rows(scripted, made):
    def answer(request):
        return {"payload": {"id": 1}} if request.method == "POST" else made

    client, _ = scripted(answer)
    error = TransientError if made == {"state": 1} else ContractError
    with pytest.raises(error, match="lacks a link|no state at|after 60 s"):
        list(jobs(client).read())


def test_links_may_be_absent_where_that_is_said_and_one_may_be_all_there_is(scripted):
    def answer(request):
        if request.url.startswith(FILES):
            return Response(200, {}, b'{"rows": [{"id": 1}]}')
        return {"payload": {"id": 1}} if request.method == "POST" else made

    client, _ = scripted(answer)

    def read(path):
        download = Links(path, format=Json(), records="rows")
        return ids(Job(client, Call("/jobs", "POST"), "payload.id", POLL, download).read())

    made = {"state": "done"}
    assert read("file?") == []
    made = {"state": "done", "file": f"{FILES}/1/0"}
    assert read("file") == read("file?") == [1]
    made = {"state": "done", "file": "/own/file"}  # at home, with the credential of home
    script_answer = client.transport._answer
    client.transport._answer = lambda request: (
        Response(200, {}, b'{"rows": [{"id": 2}]}') if request.url == f"{HOME}/own/file" else script_answer(request)
    )
    assert read("file") == [2]


def test_a_link_at_home_that_is_moved_elsewhere_leaves_the_credential_at_home(scripted):
    def answer(request):
        if request.url.startswith(FILES):
            return (
                Response(302, {"location": f"{HOME}/back"}) if "back" in request.url else Response(200, {}, b"id\n2\n")
            )
        if "/file" in request.url:
            return Response(302, {"location": f"{FILES}/{'back' if 'back' in request.url else 'there'}"})
        if request.url == f"{HOME}/back":
            return Response(200, {}, b"id\n3\n")
        return {"payload": {"id": 1}} if request.method == "POST" else {"state": "done", "file": made}

    client, script = scripted(answer, auth=ApiKey("x-key", KEY), headers={"x-account": "7"})
    for link, found in (("/file", ["2"]), ("/file/back", ["3"])):
        made = link
        job = Job(client, Call("/jobs", "POST"), "payload.id", POLL, Links("file"))
        assert [row["id"] for page in job.read() for row in page.records] == found
    sent = {request.url.removeprefix(HOME): set(request.headers) for request in script.requests}
    assert sent["/file"] == sent["/file/back"] == {"x-key", "x-account"}
    assert sent[f"{FILES}/there"] == sent[f"{FILES}/back"] == sent["/back"] == set()


@pytest.mark.parametrize("link", ["http://files.test/1/0", "ftp://files.test/1", "https://user@files.test/1"])
def test_a_link_that_is_not_safe_is_refused(scripted, link):
    client, script = scripted(
        lambda request: (
            {"payload": {"id": 1}} if request.method == "POST" else {"state": "done", "files": [{"url": link}]}
        )
    )
    with pytest.raises(ContractError, match="another address|no address"):
        list(jobs(client).read())
    assert all(request.url.startswith(HOME) for request in script.requests)


def test_neither_the_credential_nor_the_headers_leave_with_a_link_whose_signature_is_in_no_line():
    lines = []

    class Seen(Log):
        def _write(self, level, line):
            lines.append(line)

    desk = Desk()
    list(jobs(client_of(desk, headers={"x-account": "7"}, log=Seen())).read())  # the desk looks at the headers itself
    assert desk.count("GET /1/") == 4
    assert [line for line in lines if line.startswith("GET /1/")]
    assert SIGNATURE not in "".join(lines)


def test_a_delete_that_fails_is_survived():
    class Keeping(Desk):
        def answer(self, method, path, request):
            return Response(403) if method == "DELETE" else super().answer(method, path, request)

    desk = Keeping()
    assert ids(jobs(client_of(desk)).read()) == list(range(7))
    assert desk.count("DELETE") == 1
    assert ids(jobs(client_of(Desk()), delete=None).read()) == list(range(7))


def test_what_a_job_tells_of_itself():
    client = client_of(Desk())
    links, pages = jobs(client), jobs(client, "pages")
    assert pages.where == "POST /jobs"
    assert [str(bound) for bound in pages.bounds] == ["Part(path='job')"] * 3
    assert (links.durable, links.foresees, links.largest, links.shape) == (True, False, 0, "Job /jobs")
    assert links.format == Csv()


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda client: jobs(client, poll=Poll(Call("/jobs"), status="state", done=("done",))), "which job"),
        (lambda client: jobs(client, delete=Call("/jobs", "DELETE")), "which job"),
        (lambda client: Job(client, Call("/jobs"), "", POLL, Links("files")), "path of its id"),
        (lambda _: Poll(Call("/jobs/{job}"), status="", done=("done",)), "path of the status"),
        (lambda _: Poll(Call("/jobs/{job}"), status="state", done=()), "values that end it"),
        (lambda _: Poll(Call("/jobs/{job}"), status="state", done="done"), "values that end it"),
        (lambda _: Poll(Call("/jobs/{job}"), status="state", done=("done",), every=0), "above 0"),
    ],
)
def test_a_job_that_cannot_work_fails_where_it_is_declared(declare, words):
    with pytest.raises(ConfigError, match=words):
        declare(client_of(Desk()))
