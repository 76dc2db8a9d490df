"""Streams read once for each record of another stream, or each entry of a list; streams and slices side by side."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import (
    Call,
    Client,
    Config,
    ContractError,
    Errors,
    NextToken,
    Offset,
    PageNumber,
    Part,
    Secret,
    Source,
    SourceError,
    Stream,
    Table,
    Token,
    TransientError,
)
from headwater_runtime.clock import FakeClock
from headwater_runtime.transport import Response

from .conftest import HOME, Kept, Script

SETTINGS = {"key": "sesame-1234"}
LISTS, MEMBERS, NOTES = Table("lists", key="id"), Table("members", key="id"), Table("notes", key="id")
TOKENS = NextToken("next", param="after")


class Killed(BaseException):
    """The process is gone."""


class Mortal(Kept):
    """An emit whose process dies at its `last` operation."""

    def __init__(self, last: int | None = None) -> None:
        super().__init__()
        self._left = last

    def _tick(self) -> None:
        if self._left is not None:
            if self._left == 0:
                raise Killed
            self._left -= 1

    def upsert(self, table, rows):
        for row in rows:
            self._tick()
            super().upsert(table, [row])

    def checkpoint(self, state, *, urgent=False):
        self._tick()
        super().checkpoint(state, urgent=urgent)


def world(lists=5, members=3, notes=2, size=2):
    """Answer for lists with members with notes; tokens are the number of records behind them."""

    def answer(request):
        steps = request.url.removeprefix(HOME + "/").split("/")
        counts = {"lists": lists, "members": members, "notes": notes}
        above = steps[-2] if len(steps) > 1 else ""
        records = [{"id": f"{above}{'.' if above else ''}{n}", "n": n} for n in range(counts[steps[-1]])]
        begin = int(request.params.get("after", "0"))
        end = begin + size
        return {"data": records[begin:end], "next": str(end) if end < len(records) else None}

    return answer


def every(lists=5, members=3, notes=2):
    """Return all rows of that world by table."""
    return {
        "lists": {str(a) for a in range(lists)},
        "members": {f"{a}.{b}" for a in range(lists) for b in range(members)},
        "notes": {f"{a}.{b}.{c}" for a in range(lists) for b in range(members) for c in range(notes)},
    }


def family(cursor=None, parallel=1, side_by_side=1, **options):
    def streams(client, _):
        def read(path):
            return client.pages(path, records="data", paging=TOKENS)

        lists = Stream(read("/lists"), {LISTS: dict}, cursor or Token(), **options)
        members = Stream(
            read("/lists/{id}/members"), {MEMBERS: dict}, per=lists, parallel=parallel, carry={"list": "id"}, **options
        )
        notes = Stream(read("/members/{id}/notes"), {NOTES: dict}, per=members, carry={"list": "list"}, **options)
        yield from (notes, lists, members)  # in any order

    return Source(Config(key=Secret("key")), lambda _: Client(HOME), streams, side_by_side)


def run(connector, answer, state=None, emit=None):
    emit = emit or Kept()
    connector.run(SETTINGS, state or {}, emit=emit, transport=Script(answer), clock=FakeClock())
    return emit


def landed(*emits):
    return {table: {row["id"] for emit in emits for row in emit.rows(table)} for table in ("lists", "members", "notes")}


def test_children_are_read_for_every_record_and_carry_fields_of_it():
    emit = run(family(), world())
    assert landed(emit) == every()
    assert {(row["id"], row["list"]) for row in emit.rows("notes")} == {
        (one, one.split(".")[0]) for one in every()["notes"]
    }


def test_a_page_of_the_parent_moves_only_after_its_children():
    emit = run(family(checkpoint_rows=1), world())
    seen = {"lists": set(), "members": set(), "notes": set()}
    for kind, value in emit.operations:
        if kind == "upsert":
            seen[value[0]].add(value[1]["id"])
        else:
            reached = int(value["streams"]["lists"].get("token", "0"))
            assert seen["notes"] >= {one for one in every()["notes"] if int(one.split(".")[0]) < reached}


@pytest.mark.parametrize("parallel", [1, 3])
def test_killed_at_every_operation_and_resumed_nothing_is_lost(parallel):
    connector = family(parallel=parallel, checkpoint_rows=4)
    operations = len(run(connector, world()).operations)
    for last in range(operations):
        first = Mortal(last)
        with pytest.raises(Killed):
            run(connector, world(), emit=first)
        state = first.states[-1] if first.states else {}
        before = Mortal()  # what was committed: all up to the last checkpoint
        marks = [index for index, (kind, _) in enumerate(first.operations) if kind == "checkpoint"]
        before.operations = first.operations[: marks[-1] if marks else 0]
        assert landed(before, run(connector, world(), state)) == every()


def test_the_order_of_operations_does_not_depend_on_timing():
    runs = [run(family(parallel=3, side_by_side=2), world()).operations for _ in range(5)]
    assert all(one == runs[0] for one in runs)


@given(lists=st.integers(0, 6), members=st.integers(0, 4), size=st.integers(1, 3), parallel=st.integers(1, 4))
def test_any_family_is_read_whole(lists, members, size, parallel):
    emit = run(family(parallel=parallel), world(lists, members, 1, size))
    assert landed(emit) == every(lists, members, 1)


def test_a_list_is_read_entry_by_entry():
    def streams(client, _):
        call = Call("/{region}/members", params={"kind": Part("kind")})
        yield Stream(
            client.pages(call, records="data", paging=TOKENS),
            {MEMBERS: dict},
            per=[{"region": "eu", "kind": 1}, {"region": "us", "kind": 2}, {"region": "cn", "kind": 3}],
            when=lambda part: part["region"] != "cn",
            carry={"region": "region"},
        )

    emit = run(Source(Config(key=Secret("key")), lambda _: Client(HOME), streams), world())
    assert [(row["id"], row["region"]) for row in emit.rows("members")] == [
        (f"{region}.{n}", region) for region in ("eu", "us") for n in range(3)
    ]


def test_a_child_that_fails_holds_its_parent_where_it_was_and_the_others_go_on():
    def answer(request):
        if request.url.endswith("/lists/2/members"):
            return Response(403, {}, b'{"message": "not yours"}')
        return world()(request)

    def two(client, _):
        lists = Stream(client.pages("/lists", records="data", paging=TOKENS), {LISTS: dict}, Token())
        yield lists
        members = client.pages("/lists/{id}/members", records="data", paging=TOKENS)
        yield Stream(members, {MEMBERS: dict}, per=lists)
        notes = client.pages("/lists/{id}/notes", records="data", paging=TOKENS)
        yield Stream(notes, {NOTES: dict}, per=lists)

    connector = Source(Config(key=Secret("key")), lambda _: Client(HOME), two)
    emit = Kept()
    with pytest.raises(Exception, match="403: not yours"):
        run(connector, answer, emit=emit)
    assert {row["id"] for row in emit.rows("lists")} == every()["lists"]
    assert {row["id"].split(".")[0] for row in emit.rows("notes")} == every()["lists"]
    assert {row["id"].split(".")[0] for row in emit.rows("members")} == {"0", "1"}
    assert emit.states[-1]["streams"]["lists"]["token"] == "2"
    again = run(connector, world(), emit.states[-1])
    assert {row["id"] for one in (emit, again) for row in one.rows("members")} == every()["members"]


def test_a_function_that_chooses_parts_and_fails_stops_its_stream_only():
    def streams(client, _):
        lists = Stream(client.pages("/lists", records="data", paging=TOKENS), {LISTS: dict}, Token())
        yield lists
        members = client.pages("/lists/{id}/members", records="data", paging=TOKENS)
        yield Stream(members, {MEMBERS: dict}, per=lists, when=lambda part: part["nope"])

    emit = Kept()
    with pytest.raises(ContractError, match="`when` of stream 'members' failed on a part: KeyError: 'nope'"):
        run(Source(Config(key=Secret("key")), lambda _: Client(HOME), streams), world(), emit=emit)
    assert {row["id"] for row in emit.rows("lists")} == every()["lists"]
    assert "token" not in emit.states[-1]["streams"]["lists"]


def test_a_bad_record_has_no_children():
    def streams(client, _):
        lists = Stream(client.pages("/lists", records="data"), {LISTS: dict}, errors=Errors())
        yield lists
        yield Stream(client.pages("/lists/{id}/members", records="data"), {MEMBERS: dict}, per=lists)

    def answer(request):
        if request.url.endswith("/lists"):
            return {"data": [{"id": "a"}, {"name": "no id"}, {"id": "b"}]}
        return {"data": [{"id": request.url.split("/")[-2]}]}

    emit = run(Source(Config(key=Secret("key")), lambda _: Client(HOME), streams), answer)
    assert [row["id"] for row in emit.rows("members")] == ["a", "b"]


def test_a_grandchild_that_fails_holds_the_whole_line():
    def answer(request):
        return Response(404) if request.url.endswith("/members/2.1/notes") else world()(request)

    emit = Kept()
    with pytest.raises(SourceError, match="404"):
        run(family(), answer, emit=emit)
    assert landed(emit)["members"] == every()["members"]
    assert emit.states[-1]["streams"]["lists"]["token"] == "2"
    assert landed(emit, run(family(), world(), emit.states[-1])) == every()


def side_by_side(parallel, paging=None):
    tables = [Table(name, key="id") for name in ("lists", "members", "notes")]

    def streams(client, _):
        for table in tables:
            pages = client.pages(f"/{table.name}", records="data", paging=paging or TOKENS)
            yield Stream(pages, {table: dict}, Token())

    return Source(Config(key=Secret("key")), lambda _: Client(HOME), streams, parallel)


def test_streams_side_by_side_take_turns_and_each_state_is_its_own():
    emit = run(side_by_side(3), world(4, 4, 4))
    order = [value[0] for kind, value in emit.operations if kind == "upsert"]
    assert order[:6] == ["lists", "lists", "members", "members", "notes", "notes"]
    assert {name: entry["token"] for name, entry in emit.states[-1]["streams"].items()} == {
        "lists": "2",
        "members": "2",
        "notes": "2",
    }


def test_killed_side_by_side_nothing_is_lost():
    connector = side_by_side(2)
    answer = world(5, 4, 3)
    for last in range(len(run(connector, answer).operations)):
        first = Mortal(last)
        with pytest.raises(Killed):
            run(connector, answer, emit=first)
        again = run(connector, answer, first.states[-1] if first.states else {})
        for table, count in (("lists", 5), ("members", 4), ("notes", 3)):
            assert {row["n"] for one in (first, again) for row in one.rows(table)} == set(range(count))


def test_one_stream_that_fails_does_not_stop_the_others():
    def answer(request):
        return Response(404) if request.url.endswith("/members") else world(4, 4, 4)(request)

    emit = Kept()
    with pytest.raises(SourceError, match="404"):
        run(side_by_side(1), answer, emit=emit)
    assert len(emit.rows("lists")) == len(emit.rows("notes")) == 4


def test_several_that_fail_are_all_named_at_the_end():
    def answer(request):
        if request.url.endswith("/members"):
            return Response(404)
        return {"other": []} if request.url.endswith("/notes") else world(4, 4, 4)(request)

    emit = Kept()
    with pytest.raises(SourceError, match="(?s)2 streams failed.*- members: .*404.*- notes: .*records field 'data'"):
        run(side_by_side(1), answer, emit=emit)
    assert len(emit.rows("lists")) == 4


def test_a_source_that_is_down_stops_all_at_once_with_progress_kept():
    asked = []

    def answer(request):
        asked.append(request.url)
        after = request.params.get("after")
        return Response(503) if request.url.endswith("/lists") and after == "2" else world(4, 4, 4)(request)

    emit = Kept()
    with pytest.raises(TransientError):
        run(side_by_side(1), answer, emit=emit)
    assert emit.states[-1]["streams"]["lists"]["token"] == "2"
    assert not any(url.endswith(("/members", "/notes")) for url in asked)


def test_no_thread_is_left_after_a_failure():
    with pytest.raises(ContractError):
        run(family(parallel=3), lambda request: {"data": [{"id": None}], "next": "1"})
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("headwater") and thread.is_alive()]


@pytest.mark.parametrize("paging", [PageNumber("page"), Offset("offset", size_param="n", size=2)])
def test_a_parent_may_be_read_in_numbered_pages(paging):
    def streams(client, _):
        lists = Stream(client.pages("/lists", records="data", paging=paging), {}, name="lists_only")
        yield lists
        yield Stream(client.pages("/lists/{id}/members", records="data"), {MEMBERS: dict}, per=lists)

    def answer(request):
        if "members" in request.url:
            return {"data": [{"id": request.url.split("/")[-2]}]}
        begin = int(request.params["offset"]) if "offset" in request.params else 2 * int(request.params["page"]) - 2
        return {"data": [{"id": n} for n in range(5)][begin : begin + 2]}

    emit = run(Source(Config(key=Secret("key")), lambda _: Client(HOME), streams), answer)
    assert [row["id"] for row in emit.rows("members")] == list("01234")
    assert not emit.rows("lists_only")
