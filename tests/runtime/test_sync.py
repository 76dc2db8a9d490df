"""What is saved never runs ahead of what was emitted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import (
    Client,
    Config,
    ConfigError,
    ContractError,
    NextToken,
    Offset,
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

THINGS = Table("things", key="id")
CONFIG = Config(api_key=Secret("key"))
SETTINGS = {"api_key": "sesame-1234"}


def source(streams):
    return Source(CONFIG, lambda _: Client(HOME), streams)


def by_token(path="/things", into=None, **options):
    def streams(client, _):
        pages = client.pages(path, records="data", paging=NextToken("next", param="after"))
        yield Stream(pages, into or {THINGS: lambda record: record}, cursor=Token(), **options)

    return source(streams)


def growing(records, size):
    """Answer like a source that appends: the token is the number of records behind it."""

    def answer(request):
        begin = int(request.params.get("after", "0"))
        end = begin + size
        return {"data": records[begin:end], "next": str(end) if end < len(records) else None}

    return answer


def run(connector, answer, state=None):
    emit, script = Kept(), Script(answer)
    connector.run(SETTINGS, state or {}, emit=emit, transport=script, clock=FakeClock())
    return emit, script


def rows(count):
    return [{"id": number, "name": f"n{number}"} for number in range(count)]


def test_a_checkpoint_follows_every_hundred_rows_and_the_end():
    emit, _ = run(by_token(checkpoint_rows=100), growing(rows(750), 50))
    marks = [index for index, (kind, _) in enumerate(emit.operations) if kind == "checkpoint"]
    assert [mark - index for index, mark in enumerate(marks)] == [100, 200, 300, 400, 500, 600, 700, 750]
    assert emit.states[-1]["streams"]["things"]["token"] == "700"


def test_a_checkpoint_follows_the_first_page_after_its_seconds():
    clock = FakeClock()

    class Slow(Kept):
        def upsert(self, table, rows):
            super().upsert(table, rows)
            clock.sleep(10)

    emit = Slow()
    by_token(checkpoint_seconds=20).run(SETTINGS, {}, emit=emit, transport=Script(growing(rows(40), 10)), clock=clock)
    assert [kind for kind, _ in emit.operations].index("checkpoint") == 20


@given(count=st.integers(0, 60), size=st.integers(1, 20), every=st.integers(1, 30), more=st.integers(0, 30))
def test_every_saved_state_resumes_to_the_whole(count, size, every, more):
    """From each checkpoint: rows emitted before it plus what a sync from it reads are all rows, also of later growth."""
    connector = by_token(checkpoint_rows=every)
    emit, _ = run(connector, growing(rows(count), size))
    emitted: set[int] = set()
    for kind, value in emit.operations:
        if kind == "upsert":
            emitted.add(value[1]["id"])
            continue
        again, _ = run(connector, growing(rows(count + more), size), value)
        assert emitted | {row["id"] for row in again.rows("things")} == set(range(count + more))
        assert len(again.rows("things")) <= count + more


@given(count=st.integers(1, 60), size=st.integers(1, 20))
def test_a_second_sync_reads_the_last_page_again_and_no_more(count, size):
    connector = by_token()
    first, _ = run(connector, growing(rows(count), size))
    second, script = run(connector, growing(rows(count), size), first.states[-1])
    assert second.rows("things") == rows(count)[-(count % size or size) :]
    assert len(script.requests) == 1
    assert second.states[-1] == first.states[-1]


def test_a_failing_source_keeps_what_was_wholly_emitted():
    records = rows(50)

    def answer(request):
        return Response(404) if request.params.get("after") == "30" else growing(records, 10)(request)

    emit = Kept()
    with pytest.raises(SourceError):
        by_token().run(SETTINGS, {}, emit=emit, transport=Script(answer), clock=FakeClock())
    assert emit.operations[-1][0] == "checkpoint"
    assert emit.states[-1]["streams"]["things"]["token"] == "30"
    assert len(emit.rows("things")) == 30


def test_a_failing_destination_is_not_asked_to_checkpoint_again():
    class Full(Kept):
        def checkpoint(self, state, *, urgent=False):
            super().checkpoint(state, urgent=urgent)
            raise OSError("disk full")

    emit = Full()
    with pytest.raises(OSError, match="disk full"):
        by_token(checkpoint_rows=10).run(SETTINGS, {}, emit=emit, transport=Script(growing(rows(50), 10)))
    assert len(emit.states) == 1


def test_a_refused_saved_position_says_to_reset():
    state = run(by_token(), growing(rows(20), 10))[0].states[-1]
    with pytest.raises(SourceError, match="saved cursor is no longer valid: reset") as caught:
        run(by_token(), lambda _: Response(400, {}, b'{"error": "bad cursor"}'), state)
    assert "bad cursor" in str(caught.value)


def test_a_position_of_another_shape_is_not_reused():
    state = run(by_token(), growing(rows(20), 10))[0].states[-1]
    emit, script = run(by_token(path="/others"), growing(rows(20), 10), state)
    assert "after" not in script.requests[0].params
    assert len(emit.rows("things")) == 20


def test_a_table_added_to_a_stream_is_filled_from_the_beginning():
    state = run(by_token(), growing(rows(20), 10))[0].states[-1]
    emit, _ = run(by_token(into={THINGS: dict, Table("names", key="name"): dict}), growing(rows(20), 10), state)
    assert len(emit.rows("names")) == 20


@pytest.mark.parametrize("state", [{"cursor": "x"}, {"version": 2, "streams": {}}, {"version": 1, "streams": []}])
def test_a_state_of_another_connector_is_refused(state):
    with pytest.raises(ConfigError, match="reset"):
        run(by_token(), growing(rows(5), 10), state)


@pytest.mark.parametrize("record", [{"id": None}, {"name": "x"}])
def test_a_null_key_stops_before_its_page_is_emitted(record):
    records = [*rows(20), record]
    emit = Kept()
    with pytest.raises(ContractError, match="row 0 of a page has no 'id', a key of 'things'"):
        by_token().run(SETTINGS, {}, emit=emit, transport=Script(growing(records, 10)), clock=FakeClock())
    assert len(emit.rows("things")) == 20
    assert emit.states[-1]["streams"]["things"]["token"] == "20"


def test_a_failing_row_function_names_its_table_and_record():
    connector = by_token(into={THINGS: lambda record: {"id": record["nope"]}})
    with pytest.raises(ContractError, match="row function of 'things' failed on record 0.*KeyError: 'nope'"):
        run(connector, growing(rows(5), 10))


def test_one_pass_fills_several_tables_and_none_leaves_a_record_out():
    even = Table("even", key="id")
    into = {THINGS: lambda record: record, even: lambda record: record if record["id"] % 2 == 0 else None}
    emit, script = run(by_token(into=into), growing(rows(25), 10))
    assert len(emit.rows("things")) == 25
    assert [row["id"] for row in emit.rows("even")] == list(range(0, 25, 2))
    assert len(script.requests) == 3


def test_an_empty_source_still_saves_a_state():
    emit, _ = run(by_token(), growing([], 10))
    assert emit.operations == [
        ("checkpoint", {"version": 1, "streams": {"things": {"shape": "token NextToken /things → things"}}})
    ]


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        (lambda c, _: [Stream(c.pages("/a"), {})], "fills no table"),
        (lambda c, _: [Stream(c.pages("/a", paging=Offset("o")), {THINGS: dict}, cursor=Token())], "needs NextToken"),
        (lambda c, _: [Stream(c.pages("/a"), {THINGS: dict}), Stream(c.pages("/b"), {THINGS: dict})], "two streams"),
        (
            lambda c, _: [Stream(c.pages("/a"), {THINGS: dict, Table("things"): dict})],
            "two different tables are called 'things'",
        ),
    ],
)
def test_a_declaration_that_cannot_work_fails_in_schema_before_anything_is_sent(streams, words):
    with pytest.raises(ConfigError, match=words):
        source(streams).schema(SETTINGS)


def test_schema_declares_every_table_once():
    connector = by_token(into={THINGS: dict, Table("b", ("x", "y"), {"n": "DOUBLE"}, schema="s"): dict})
    assert connector.schema(SETTINGS) == [
        {"table": "things", "primary_key": ["id"]},
        {"table": "b", "primary_key": ["x", "y"], "columns": {"n": "DOUBLE"}, "schema": "s"},
    ]


def test_a_table_of_an_unknown_type_is_refused():
    with pytest.raises(ConfigError, match="unknown type 'NUMBER'"):
        Table("t", columns={"n": "NUMBER"})


def test_no_error_of_a_run_shows_the_secret():
    def leaky(client, settings):
        yield Stream(client.pages("/x"), {THINGS: lambda _: {}[settings.api_key]})

    with pytest.raises(ContractError) as caught:
        source(leaky).run(SETTINGS, {}, emit=Kept(), transport=Script(lambda _: rows(1)), clock=FakeClock())
    assert "sesame" not in str(caught.value)
    assert "sesame" not in str(caught.value.__cause__)


def test_the_connection_test_reads_one_page_and_says_what_is_wrong():
    from headwater.simulate import Reply, Route, Simulation, serve

    def things(request):
        return Reply.json({"data": []}) if request.headers.get("x") else Reply.json({"error": "no x"}, status=401)

    with serve(Simulation((Route("GET", "/things", things),), {}, {})) as server:

        def connector(headers):
            return Source(
                CONFIG,
                lambda _: Client(server.url, headers=headers),
                lambda c, _: [Stream(c.pages("/things", records="data"), {THINGS: dict})],
            )

        assert connector({"x": "1"}).connection_test(SETTINGS).success
        assert "401: no x" in connector({}).connection_test(SETTINGS).failure
        assert "api_key is missing" in connector({}).connection_test({}).failure


def test_giving_up_is_a_transient_error():
    with pytest.raises(TransientError, match="gave up after 6 attempts"):
        run(by_token(), lambda _: Response(503))
