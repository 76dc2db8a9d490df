"""Every format in packed, zipped and plain files, found by itself, from every kind of place."""

import gzip
import io
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater_runtime import ContractError, Errors, Table
from headwater_runtime.storage import Csv, Excel, Json, Jsonl, Parquet

from .conftest import BROKEN, FOUND, KINDS, run
from .test_manifest import zipped

CSV = "id,name\n1,a\n2,ü\n"
JSONL = '{"id": 1, "name": "a"}\n{"id": 2, "name": "ü"}\n'
JSON = '[{"id": 1, "name": "a"}, {"id": 2, "name": "ü"}]'


def parquet(rows=({"id": 1, "name": "a"}, {"id": 2, "name": "ü"}), **more):
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), file, **more)
    return file.getvalue()


def xlsx():
    from openpyxl import Workbook

    book, file = Workbook(), io.BytesIO()
    for row in (["id", "name"], [1, "a"], [2, "ü"]):
        book.active.append(row)
    book.save(file)
    return file.getvalue()


FILES = {
    "a.csv": (CSV.encode(), Csv(), ("1", "2")),
    "a.jsonl": (JSONL.encode(), Jsonl(), (1, 2)),
    "a.json": (JSON.encode(), Json(), (1, 2)),
    "a.parquet": (parquet(), Parquet(), (1, 2)),
    "a.xlsx": (xlsx(), Excel(), (1, 2)),
}


def ids(emit):
    return tuple(row["id"] for row in emit.rows("lines"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_a_format_found_by_itself(place, kind, name):
    at, shelf = place(kind)
    content, _, expected = FILES[name]
    shelf.write(name, content)
    emit = run(at, "a.*", format=FOUND)
    assert tuple(map(float, ids(emit))) == tuple(map(float, expected))
    assert [(row["name"], row["_file"], row["_line"]) for row in emit.rows("lines")] == [("a", name, 1), ("ü", name, 2)]


@pytest.mark.parametrize("name", FILES)
def test_the_same_packed_and_in_a_zip(place, name):
    at, shelf = place("local")
    content, form, expected = FILES[name]
    shelf.write(f"one/{name}.gz", gzip.compress(content))
    shelf.write("two/a.zip", zipped({f"in/{name}": content, "readme": "no"}))
    for path, shown in (("one/*", f"one/{name}.gz"), ("two/*", f"two/a.zip/in/{name}")):
        for asked in (form, FOUND):
            if asked is FOUND and path == "two/*":
                continue  # of two members the first may be any
            emit = run(at, path, format=asked)
            assert tuple(map(float, ids(emit))) == tuple(map(float, expected))
            assert {row["_file"] for row in emit.rows("lines")} == {shown}


def test_partitions_times_and_lines_stand_beside_columns(place):
    at, shelf = place("local")
    shelf.write("day=2025-01-02/a.parquet", parquet())
    rows = run(at, "day={day:%Y-%m-%d}/*.parquet", format=Parquet()).rows("lines")
    assert [(row["id"], row["day"], row["_line"]) for row in rows] == [
        (1, date(2025, 1, 2), 1),
        (2, date(2025, 1, 2), 2),
    ]
    assert {row["_modified"].timestamp() for row in rows} == {shelf.second}
    with pytest.raises(ContractError, match="column 'id' of its own"):
        run(at, "day={id}/*.parquet", format=Parquet())


def test_a_parquet_file_goes_on_at_its_row(place):
    at, shelf = place("s3")
    rows = [{"id": number, "text": str(number)} for number in range(150_000)]
    shelf.write("a.parquet", parquet(rows, row_group_size=50_000))
    into = {Table("lines", key="id"): dict}
    whole = run(at, "*.parquet", format=Parquet(), into=into)
    emitted = set()
    for what, value in whole.operations:
        if what == "upsert":
            emitted.add(value[1]["id"])
        elif len(emitted) < len(rows):
            rest = run(at, "*.parquet", value, format=Parquet(), into=into)
            assert set(ids(rest)) == set(range(150_000)) - emitted


def test_a_corrupt_file_of_each_format_fails_alone(place):
    at, shelf = place("local")
    shelf.write("a.parquet", parquet()[:-7])
    shelf.write("b.parquet", b"PAR1 but not really" * 50)
    shelf.write("c.parquet", parquet())
    emit = run(at, "*.parquet", format=Parquet(), stream={"errors": Errors(BROKEN)})
    assert ids(emit) == (1, 2)
    assert sorted(row["url"].removeprefix(at.shown)[:10] for row in emit.rows("broken")) == ["/a.parquet", "/b.parquet"]
    assert run(at, "*.parquet", emit.state, format=Parquet(), stream={"errors": Errors(BROKEN)}).rows("broken") == []


def test_the_header_is_found_once_for_a_set(place):
    at, shelf = place("local")
    shelf.write("a.csv", "id;name\n1;a\n")
    shelf.write("b.csv", "name;id\nb;2\n")
    shelf.write("c.csv", "")
    rows = run(at, "*.csv", format=FOUND, into={Table("lines", key=("_file", "_line")): dict}).rows("lines")
    assert [(row["id"], row["name"]) for row in rows] == [("1", "a"), ("2", "b")]


def test_only_empty_files_are_no_error(place):
    at, shelf = place("local")
    shelf.write("a.csv", "")
    emit = run(at, "*.csv", format=Csv())
    assert emit.rows("lines") == []
    assert run(at, "*.csv", emit.state, format=Csv()).operations == [("checkpoint", emit.state)]


def test_files_that_are_empty_need_no_format(place):
    at, shelf = place("local")
    shelf.write("a.csv", "")
    shelf.write("b.csv.gz", gzip.compress(b""))
    emit = run(at, "*", format=FOUND)
    assert emit.rows("lines") == []
    assert run(at, "*", emit.state, format=FOUND).operations == [("checkpoint", emit.state)]


def test_what_is_left_out_of_a_zip_is_told(begun):
    at, shelf, log = begun("local")
    shelf.write("a.zip", zipped({"a.csv": "id\n1\n", "b.dat": "id\n2\n", "c.dat": ""}))
    files = at.files("*.zip", format=Csv(header=True))
    assert [row["id"] for page in files.read() for row in page.records] == ["1"]
    (told,) = (line for line in log.lines if "left out" in line)
    assert "'b.dat'" in told
