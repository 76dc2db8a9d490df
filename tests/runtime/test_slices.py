"""Checkpoints at slices and urgent pages, rows that vanish, records that fail alone, rows beside and rows within."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest

from headwater_runtime import (
    Beside,
    Call,
    Client,
    Config,
    ConfigError,
    ContractError,
    End,
    Errors,
    FullRefresh,
    NextToken,
    Secret,
    Source,
    SourceError,
    Start,
    Stream,
    Table,
    TransientError,
    Windows,
    value_at,
)
from headwater_runtime.bad import Failure
from headwater_runtime.call import WHOLE, Slice
from headwater_runtime.clock import FakeClock
from headwater_runtime.pages import Page

from .conftest import HOME, Kept, Script
from .moments import moment

SETTINGS = {"key": "sesame-1234"}
CONFIG = Config(key=Secret("key"))
THINGS, STEPS, PLACES = Table("things", key="id"), Table("steps", key=("thing", "n")), Table("places", key="id")
ERRORS = Table("errors", key="id")
DAY = timedelta(days=1)
TOKENS = NextToken("next", param="after")


@dataclass(frozen=True)
class Scripted:
    """A Readable that gives pages, then maybe an error, and knows what it was asked for."""

    pages: list[Page]
    client: Client = field(default_factory=lambda: Client(HOME))
    error: Exception | None = None
    durable: bool = True
    foresees: bool = False
    largest: int = 100
    shape: str = "Scripted /x"
    where: str = "GET /x"
    bounds: tuple[Any, ...] = ()
    asked: list[dict[str, Any]] = field(default_factory=list)

    def read(self, start=WHOLE, **options):
        self.asked.append({"at": start.at, **options})
        yield from self.pages
        if self.error:
            raise self.error


def source(*streams):
    return Source(CONFIG, lambda _: Client(HOME), lambda client, _: [make(client) for make in streams])


def run(connector, answer=lambda _: [], state=None, emit=None, clock=None):
    emit = emit or Kept()
    connector.run(SETTINGS, state or {}, emit=emit, transport=Script(answer), clock=clock or FakeClock())
    return emit


def failing(connector, kind, words, **options):
    emit = Kept()
    with pytest.raises(kind, match=words):
        run(connector, emit=emit, **options)
    return emit


def given(*pages, **options):
    """Return a stream of these pages into `things`."""
    readable = Scripted(list(pages), error=options.pop("error", None))
    into = options.pop("into", {THINGS: dict})
    stream = Stream(readable, into, **options)
    return readable, source(lambda _: stream)


def page(*records, **options):
    return Page(list(records), options.pop("position", None), "GET /x", **options)


def kinds(emit):
    return [kind for kind, _ in emit.operations]


# Checkpoints ----------------------------------------------------------------------------------------------------------


def test_an_urgent_page_is_saved_before_reading_goes_on():
    _, connector = given(page(position="job-7", urgent=True), page({"id": 1}))
    emit = run(connector)
    assert kinds(emit) == ["checkpoint", "upsert", "checkpoint"]
    assert emit.states[0]["streams"]["things"]["at"] == "job-7"
    assert "at" not in emit.states[-1]["streams"]["things"]


def by_days(**options):
    call = Call("/days", params={"from": Start("%Y-%m-%d"), "to": End("%Y-%m-%d")})
    days = Windows(date(2024, 12, 30), step=DAY, unit=DAY, lag=0 * DAY)
    return source(lambda client: Stream(client.pages(call), {THINGS: dict}, days, **options))


def of_days(request):
    return [{"id": request.params["from"]}]


def test_a_checkpoint_follows_every_window_if_asked_for():
    assert kinds(run(by_days(), of_days)) == ["upsert", "upsert", "upsert", "checkpoint"]
    assert kinds(run(by_days(checkpoint_slices=True), of_days))[:4] == ["upsert", "checkpoint"] * 2


@pytest.mark.parametrize("parallel", [1, 2, 3])
def test_windows_side_by_side_bring_the_same(parallel):
    emit = run(by_days(parallel=parallel), of_days)
    assert [row["id"] for row in emit.rows("things")] == ["2024-12-30", "2024-12-31", "2025-01-01"]


def test_a_page_size_that_stepped_down_is_remembered_until_it_is_the_largest_again():
    readable, connector = given(page({"id": 1}, step=50), page({"id": 2}, step=10))
    state = run(connector).states[-1]
    assert state["streams"]["things"]["size"] == 10
    readable.pages[:] = [page({"id": 3}, step=100)]
    emit = run(connector, state=state)
    assert readable.asked[-1]["size"] == 10
    assert "size" not in emit.states[-1]["streams"]["things"]


# Rows that vanish -----------------------------------------------------------------------------------------------------


def full(*ids, **options):
    return given(page(*({"id": one} for one in ids)), cursor=FullRefresh(delete_vanished=True), **options)[1]


def deleted(emit):
    return [value[1] for kind, value in emit.operations if kind == "delete"]


class Deleting(Kept):
    def delete(self, table, keys):
        self.operations += [("delete", (table.name, dict(key))) for key in keys]


def test_what_vanished_is_deleted_at_the_end_of_a_whole_pass():
    state = run(full(1, 2, 3)).states[-1]
    emit = run(full(1, 3, 4), state=state, emit=Deleting())
    assert deleted(emit) == [{"id": 2}]
    assert kinds(emit)[-2:] == ["delete", "checkpoint"]
    assert not deleted(run(full(1, 3, 4), state=emit.states[-1], emit=Deleting()))


def test_a_pass_that_was_broken_off_deletes_nothing_and_the_next_one_does():
    state = run(full(1, 2, 3)).states[-1]
    broken = given(page({"id": 9}), cursor=FullRefresh(delete_vanished=True), error=TransientError("down"))[1]
    emit = Deleting()
    with pytest.raises(TransientError):
        run(broken, state=state, emit=emit)
    assert not deleted(emit)
    assert deleted(run(full(1, 2), state=emit.states[-1], emit=Deleting())) == [{"id": 3}, {"id": 9}]


def test_too_much_that_vanished_is_refused():
    state = run(full(*range(6))).states[-1]
    emit = Deleting()
    with pytest.raises(SourceError, match="refused: 83 % of rows vanished"):
        run(full(1), state=state, emit=emit)
    assert not deleted(emit)
    assert len(deleted(run(full(*range(4)), state=emit.states[-1], emit=Deleting()))) == 2


def test_nothing_is_deleted_after_a_pass_that_left_out_records():
    state = run(full(1, 2, 3)).states[-1]
    connector = given(
        page({"id": 1}, {"id": 2}, {"name": "x"}), cursor=FullRefresh(delete_vanished=True), errors=Errors()
    )[1]
    assert not deleted(run(connector, state=state, emit=Deleting()))


# Records that fail alone ----------------------------------------------------------------------------------------------


def named(record):
    return {"id": record["id"], "name": record["name"].upper()}


BAD = ({"id": 1, "name": "a"}, {"id": 2}, {"id": None, "name": "c"}, {"id": 4, "name": 5}, {"id": 6, "name": "f"})


def test_bad_records_become_rows_of_the_errors_table_and_the_rest_goes_on():
    connector = given(page(*BAD), into={THINGS: named}, errors=Errors(ERRORS))[1]
    emit = run(connector)
    assert [row["id"] for row in emit.rows("things")] == [1, 6]
    rows = emit.rows("errors")
    assert [row["message"] for row in rows] == [
        "the row function of 'things' failed with KeyError 'name'",
        "it has no 'id', a key of 'things'",
        "the row function of 'things' failed with AttributeError",
    ]
    assert {(row["stream"], row["table"], row["url"]) for row in rows} == {("things", "things", "GET /x")}
    assert all(row["at"] == moment(2025, 1, 1) for row in rows)
    assert [row["id"] for row in run(connector).rows("errors")] == [row["id"] for row in rows]
    assert len({row["id"] for row in rows}) == 3


def test_without_a_table_they_are_left_out():
    emit = run(given(page(*BAD), into={THINGS: named}, errors=Errors())[1])
    assert [row["id"] for row in emit.rows("things")] == [1, 6]


def test_a_bad_record_is_left_out_of_every_table_of_its_list():
    into = {THINGS: named, STEPS: lambda record: [{"thing": record.get("id") or 0, "n": 1}]}
    emit = run(given(page(*BAD), into=into, errors=Errors())[1])
    assert [row["thing"] for row in emit.rows("steps")] == [1, 6]


def test_more_than_the_limit_end_the_stream_with_progress_kept():
    _, connector = given(page({"id": 0, "name": "z"}), page(*BAD), into={THINGS: named}, errors=Errors(ERRORS, limit=2))
    emit = failing(connector, ContractError, "more than 2 records could not be read.*KeyError 'name'")
    assert len(emit.rows("errors")) == 3
    assert kinds(emit)[-1] == "checkpoint"


def test_records_that_failed_at_the_source_are_told_without_secrets():
    failure = Failure(f"{HOME}/x?key=sesame-1234", '{"id": "sesame-1234"}', 500, "boom sesame-1234", moment(2025, 1, 1))
    readable, connector = given(page({"id": 1}, failed=(failure,)), errors=Errors(ERRORS))
    row = run(connector).rows("errors")[0]
    assert (row["url"], row["payload"], row["message"]) == (f"{HOME}/x?key=***", '{"id": "***"}', "boom ***")
    assert row["status"] == 500
    assert readable.asked[-1]["skip"] is True


def test_without_errors_nothing_is_skipped():
    readable, connector = given(page({"id": 1}))
    run(connector)
    assert readable.asked[-1]["skip"] is False


def test_a_value_no_column_takes_is_a_bad_record_too():
    dated = Table("dated", key="id", columns={"at": "UTC_DATETIME", "text": "STRING"})
    records = [{"id": 1, "at": "2025-01-01", "text": 5}, {"id": 2, "at": "next Tuesday"}, {"id": 3, "at": None}]
    emit = run(given(page(*records), into={dated: dict}, errors=Errors(ERRORS))[1])
    assert [row["id"] for row in emit.rows("dated")] == [1, 3]
    assert "'at' of 'dated' is declared UTC_DATETIME" in emit.rows("errors")[0]["message"]
    assert "Tuesday" not in str(emit.operations)


# Rows beside and rows within ------------------------------------------------------------------------------------------


def test_a_function_may_give_several_rows_and_rows_may_lie_beside():
    records = [{"id": 1, "route": [{"page": "/"}, {"page": "/a"}]}, {"id": 2, "route": []}]
    body = {"data": records, "included": [{"id": "p", "type": "place"}, {"id": "q", "type": "other"}]}
    into = {
        THINGS: lambda record: {"id": record["id"]},
        STEPS: lambda record: ({"thing": record["id"], "n": n, **one} for n, one in enumerate(record["route"])),
        PLACES: Beside("included?", lambda record: record if record["type"] == "place" else None),
    }
    emit = run(given(page(*records, body=body), into=into)[1])
    assert emit.rows("steps") == [{"thing": 1, "n": 0, "page": "/"}, {"thing": 1, "n": 1, "page": "/a"}]
    assert [row["id"] for row in emit.rows("places")] == ["p"]
    assert not run(given(page(body={"data": []}), into=into)[1]).operations[:-1]


def test_a_list_beside_that_must_be_there_is_missed():
    connector = given(page(body={"data": []}), into={THINGS: dict, PLACES: Beside("included", dict)})[1]
    failing(connector, ContractError, "'included' is not in the response")


def test_rows_within_have_whole_keys_too():
    into = {STEPS: lambda record: [{"thing": record["id"], "n": None}]}
    failing(given(page({"id": 1}), into=into)[1], ContractError, "has no 'n', a key of 'steps'")


# The credential that can be had once -----------------------------------------------------------------------------------


def test_a_credential_that_changed_is_saved_before_anything_else_is_emitted():
    class Rotating(Client):
        kept = "v1.new"

    connector = Source(CONFIG, lambda _: Rotating(HOME), lambda client, _: [Stream(client.pages("/x"), {THINGS: dict})])
    emit = run(connector, lambda _: [{"id": 1}])
    assert kinds(emit) == ["checkpoint", "upsert", "checkpoint"]
    assert emit.states[0]["auth"] == "v1.new"
    again = run(connector, lambda _: [{"id": 1}], state=emit.states[-1])
    assert kinds(again) == ["upsert", "checkpoint"]


def test_a_slice_may_be_stopped_by_its_progress():
    class Half(FullRefresh):
        def begin(self, saved, source, now):
            progress = FullRefresh.begin(self, saved, source, now)
            progress.wanted = lambda at, page: page.records[0]["id"] < 3
            return progress

    emit = run(given(*(page({"id": n}) for n in range(6)), cursor=Half())[1])
    assert [row["id"] for row in emit.rows("things")] == [0, 1, 2]


def test_a_slice_that_comes_again_smaller_is_read_again():
    asked = []

    class Halving(Scripted):
        def read(self, start=WHOLE, **options):
            asked.append((start.start, start.end))
            if start.end - start.start > DAY:
                raise TransientError("too much", heavy=True)
            yield page({"id": start.start.day})

    call = Call("/x", params={"a": Start(), "b": End()})
    windows = Windows(date(2024, 12, 29), step=4 * DAY, unit=DAY, smallest=DAY)
    stream = Stream(Halving([], bounds=call.bounds), {THINGS: dict}, windows)
    emit = run(source(lambda _: stream))
    assert {row["id"] for row in emit.rows("things")} >= {29, 31}
    assert len(asked) > 2


def test_a_declared_slice_keeps_its_place():
    assert replace(Slice(start=moment(2025, 1, 1)), at="x").start == moment(2025, 1, 1)
    with pytest.raises(ConfigError, match="never sends End"):
        Stream(Client(HOME).pages(Call("/x", params={"a": Start()})), {THINGS: dict}, Windows(date(2025, 1, 1), DAY))
    with pytest.raises(ConfigError, match="sends Start\\(\\), to which its cursor gives no value"):
        Stream(Client(HOME).pages(Call("/x", params={"a": Start()})), {THINGS: dict})


def test_a_field_within_is_found_by_its_path():
    assert value_at({"a": [{"b": 1}]}, "a.0.b") == 1
    assert value_at({"a": None}, "a.0.b", "none") == "none"
