"""Records that came as columns: the same rows land as if they had come one by one, and no row is made that nobody needs."""

from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import (
    Config,
    ConfigError,
    ContractError,
    Errors,
    FullRefresh,
    Page,
    Source,
    Stream,
    Table,
    Watermark,
)
from headwater_runtime.batch import JSON, Batch
from headwater_runtime.call import WHOLE, Part, Start
from headwater_runtime.clock import FakeClock

from .conftest import Kept

THINGS = Table("things", key="id")
MARCH = datetime(2024, 3, 1, tzinfo=timezone.utc)


class Columns:
    """A source of columns: an access and a reader in one, whose pages are given."""

    where, durable, foresees, largest, shape, kept = "table things", True, False, 0, "Keyset things", ""

    def __init__(self, *pages: Any, bounds: Any = ()) -> None:
        self.pages, self.bounds, self.asked, self.closed = pages, bounds, [], 0
        self.client = self

    def begin(self, transport, clock, log, kept=""):
        self.clock, self.log = clock, log
        return self

    def sign_in(self):
        pass

    def try_out(self):
        return False

    def close(self):
        self.closed += 1

    def read(self, start=WHOLE, *, parallel=1, size=0, skip=False):
        self.asked.append(start)
        for number, records in enumerate(self.pages, 1):
            yield Page(records, number, self.where, 100)


class Taken(Kept):
    """An emit that also keeps what it was given, as it was given."""

    def __init__(self):
        super().__init__()
        self.given = []

    def upsert(self, table, rows):
        self.given.append(rows)
        super().upsert(table, rows)

    def delete(self, table, keys):
        self.operations += [("delete", (table.name, dict(key))) for key in keys]


def synced(columns, function=dict, cursor=None, state=None, table=THINGS, **options):
    emit = Taken()
    stream = Stream(columns, {table: function}, cursor or FullRefresh(), **options)
    Source(Config(), lambda _: columns, lambda _, __: [stream]).run({}, state or {}, emit=emit, clock=FakeClock())
    return emit


def batch(**columns):
    return Batch(pa.table(columns))


rows_of = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 9), "text": st.none() | st.text()}), max_size=2_500 // 100
)


@given(rows_of, st.integers(-30, 30), st.integers(-30, 30))
def test_a_batch_is_a_sequence_of_its_rows(rows, start, stop):
    made = Batch(pa.Table.from_pylist(rows, pa.schema({"id": pa.int64(), "text": pa.string()})))
    assert (list(made), len(made), bool(made)) == (rows, len(rows), bool(rows))
    assert list(made[start:stop]) == rows[start:stop]
    assert [made[index] for index in range(-len(rows), len(rows))] == rows + rows
    assert made.column("text") == [row["text"] for row in rows]
    assert made.nulls("text") == sum(row["text"] is None for row in rows)
    assert (made.column("absent"), made.nulls("absent"), made.names) == (None, len(rows), ["id", "text"])


def test_a_batch_longer_than_what_is_made_at_a_time_is_whole():
    assert [row["id"] for row in batch(id=list(range(2_500)))] == list(range(2_500))
    with pytest.raises(IndexError):
        batch(id=[1])[1]


def test_the_identity_leaves_a_batch_as_it_is():
    columns = Columns(batch(id=[1, 2], name=["a", None]))
    emit = synced(columns)
    assert emit.given == list(columns.pages)
    assert emit.given[0] is columns.pages[0]
    assert emit.rows("things") == [{"id": 1, "name": "a"}, {"id": 2, "name": None}]
    assert columns.closed == 1


def test_any_other_row_function_is_given_rows():
    emit = synced(Columns(batch(id=[1, 2, 3])), lambda row: {"id": row["id"] * 10} if row["id"] != 2 else None)
    assert emit.rows("things") == [{"id": 10}, {"id": 30}]


def test_a_key_that_is_null_or_absent_is_named_before_a_row_leaves():
    for columns, words in (
        ({"id": [1, None]}, "row 1 of a page has no 'id'"),
        ({"n": [1]}, "row 0 of a page has no 'id'"),
    ):
        emit = Taken()
        with pytest.raises(ContractError, match=words):
            Source(Config(), lambda _, c=columns: Columns(batch(**c)), lambda c, _: [Stream(c, {THINGS: dict})]).run(
                {}, {}, emit=emit, clock=FakeClock()
            )
        assert emit.given == []


def test_a_row_of_a_batch_that_cannot_land_goes_to_errors_and_the_others_land():
    table = Table("things", key="id", columns={"n": "INT"})
    emit = synced(
        Columns(batch(id=[1, 2, None], n=["7", "seven", "8"])), table=table, errors=Errors(Table("bad", key="id"))
    )
    assert [row["id"] for row in emit.rows("things")] == [1]
    assert len(emit.rows("bad")) == 2


def test_a_watermark_moves_by_a_column():
    columns = Columns(batch(id=[1, 2], at=[MARCH, None]), bounds=(Start(),))
    emit = synced(columns, cursor=Watermark("at"))
    assert emit.states[-1]["streams"]["things"]["since"] == "2024-03-01"
    with pytest.raises(ContractError, match="no record of the first page has a 'changed'"):
        synced(Columns(batch(id=[1]), bounds=(Start(),)), cursor=Watermark("changed"))


def test_a_mark_never_passes_the_horizon_of_the_source():
    columns = Columns(batch(id=[1], at=[datetime(2024, 3, 3, tzinfo=timezone.utc)]), bounds=(Start(),))
    columns.horizon = lambda: datetime(2024, 3, 2, tzinfo=timezone.utc)
    assert synced(columns, cursor=Watermark("at")).states[-1]["streams"]["things"]["since"] == "2024-03-02"


@pytest.mark.parametrize("made", [batch, lambda **columns: batch(**columns).table.to_pylist()])
def test_what_the_source_says_it_deleted_is_deleted_in_its_turn(made):
    records = made(id=[1, 2, 2, 3], gone=[None, MARCH, None, MARCH])
    emit = synced(Columns(records), deleted="gone")
    kinds = [(kind, row["id"]) for kind, (_, row) in emit.operations if kind in {"upsert", "delete"}]
    assert kinds == [("upsert", 1), ("delete", 2), ("upsert", 2), ("delete", 3)]
    assert ("delete", ("things", {"id": 3})) in emit.operations
    by_function = synced(Columns(records), deleted=lambda record: record["gone"] is not None)
    assert by_function.operations == emit.operations


@pytest.mark.parametrize(
    ("value", "deleted"), [(0, False), ("", False), ("N", False), ("false", False), ("Y", True), (1, True)]
)
def test_a_mark_of_deletion_may_be_a_number_or_a_word(value, deleted):
    emit = synced(Columns(batch(id=[1], gone=[value])), deleted="gone")
    assert [kind for kind, _ in emit.operations if kind != "checkpoint"] == (["delete"] if deleted else ["upsert"])


def test_a_deletion_that_cannot_be_told_is_an_error():
    with pytest.raises(ConfigError, match="no key to tell them by"):
        Stream(Columns(), {Table("things"): dict}, deleted="gone")
    with pytest.raises(ContractError, match="no column 'gone'"):
        synced(Columns(batch(id=[1])), deleted="gone")


def test_rows_that_vanished_from_a_table_are_deleted():
    first = synced(Columns(batch(id=[1, 2, 3])), cursor=FullRefresh(delete_vanished=True))
    second = synced(Columns(batch(id=[1, 3])), cursor=FullRefresh(delete_vanished=True), state=first.states[-1])
    assert [one for one in second.operations if one[0] == "delete"] == [("delete", ("things", {"id": 2}))]


def test_children_are_read_for_the_records_that_are_there():
    parent = Columns(batch(id=[1, 2], gone=[None, MARCH]))
    child = Columns([{"id": 9}])

    child.bounds = (Part("id"),)
    child.clock, child.log = FakeClock(), None
    stream = Stream(parent, {THINGS: dict}, deleted="gone")
    inner = Stream(child, {Table("inner", key=("thing", "id")): dict}, per=stream, carry={"thing": "id"})
    emit = Taken()
    Source(Config(), lambda _: parent, lambda _, __: [stream, inner]).run({}, {}, emit=emit, clock=FakeClock())
    assert emit.rows("inner") == [{"id": 9, "thing": 1}]


def test_a_bad_record_has_no_children():
    parent, child = Columns([{"id": 1, "n": "7"}, {"id": 2, "n": "seven"}]), Columns([{"id": 9}])
    child.bounds = (Part("id"),)
    stream = Stream(parent, {Table("things", key="id", columns={"n": "INT"}): dict}, errors=Errors())
    inner = Stream(child, {Table("inner", key=("thing", "id")): dict}, per=stream, carry={"thing": "id"})
    emit = Taken()
    Source(Config(), lambda _: parent, lambda _, __: [stream, inner]).run({}, {}, emit=emit, clock=FakeClock())
    assert [row["thing"] for row in emit.rows("inner")] == [1]


def test_a_function_that_tells_deletions_and_fails_is_named():
    with pytest.raises(ContractError, match="`deleted` failed on a record of a page: KeyError"):
        synced(Columns([{"id": 1}]), deleted=lambda record: record["gone"])


def test_texts_that_are_json_are_what_they_say():
    fields = [pa.field("id", pa.int64()), pa.field("more", pa.string(), metadata=JSON), pa.field("text", pa.string())]
    made = Batch(pa.table({"id": [1, 2], "more": ['{"a": [1, null]}', None], "text": ["[]", "1"]}, pa.schema(fields)))
    assert list(made) == [{"id": 1, "more": {"a": [1, None]}, "text": "[]"}, {"id": 2, "more": None, "text": "1"}]
    assert (made[0], made.column("more"), made[1:].column("more")) == (
        {"id": 1, "more": {"a": [1, None]}, "text": "[]"},
        [{"a": [1, None]}, None],
        [None],
    )
