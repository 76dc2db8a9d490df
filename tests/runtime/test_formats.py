"""Every format over a real socket: whole, cut, packed, hostile. Never fewer records than were sent without an error."""

import gc
import gzip
import io
import json
import zipfile
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import simulate
from headwater_runtime import ConfigError, ContractError, HeadwaterError, TransientError
from headwater_runtime.errors import UnreadableError
from headwater_runtime.formats import LINE, Csv, Json, Jsonl, Xml, unpacked
from headwater_runtime.transport import WHOLE_LIMIT, Request, RequestsTransport, Response
from headwater_runtime.xml_stream import LARGEST

from .wire import head, sized, wire

ROWS = [{"id": "1", "name": 'é, "x"\nnext'}, {"id": "2", "name": None}, {"id": "3", "name": "z"}]
BODIES = {
    "json": (Json(), "data.rows", json.dumps({"data": {"rows": ROWS}}).encode()),
    "large": (Json(large=True), "data.rows", json.dumps({"x": [1], "data": {"rows": ROWS}, "y": 1}, indent=1).encode()),
    "jsonl": (Jsonl(), "", b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)),
    "csv": (Csv(), "", 'id,name\r\n1,"é, ""x""\nnext"\r\n2,\r\n3,z\r\n'.encode()),
    "xml": (
        Xml(),
        "feed.row",
        '<feed><row><id>1</id><name>é, "x"\nnext</name></row><row><id>2</id><name/></row>'
        "<row><id>3</id><name>z</name></row></feed>".encode(),
    ),
}
ENDS_ITSELF = {"json", "large", "xml"}  # shows its own end, so a cut is seen even where no length was promised


def zipped(*members: tuple[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def read(form, records: str, response: Response) -> list[dict]:
    return [record for chunk, _ in form.read(response, records, "GET /x") for record in chunk]


def suffix(kind: str) -> str:
    return {"large": "json"}.get(kind, kind)


PACKED = {
    "plain": lambda kind, body: (body, []),
    "gzip header": lambda kind, body: (gzip.compress(body), ["Content-Encoding: gzip"]),
    "gzip file": lambda kind, body: (gzip.compress(body), []),
    "gzip file of two members": lambda kind, body: (gzip.compress(body[:9]) + gzip.compress(body[9:]), []),
    "gzip file, gzip header": lambda kind, body: (gzip.compress(gzip.compress(body)), ["Content-Encoding: gzip"]),
    "zip": lambda kind, body: (zipped(("x/READ.me", b"no"), (f"../../x.{suffix(kind).upper()}", body)), []),
}


@pytest.fixture
def line():
    with closing(RequestsTransport(read_timeout=5)) as transport:
        yield transport


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("kind", BODIES)
def test_every_format_in_every_packing(line, kind, packing):
    form, path, body = BODIES[kind]
    packed, headers = PACKED[packing](kind, body)
    with wire(lambda *_: sized(packed, *headers)) as url:
        response = line.send(Request("GET", url, spool=form.spooled))
        assert read(form, path, response) == ROWS


LONG = {
    "large": (b'{"data": {"rows": [', b'{"id": "1", "name": "\xc3\xa9"},', b'{"id": "2", "name": null}]}}'),
    "jsonl": (b"", b'{"id": "1", "name": "\xc3\xa9"}\n', b'{"id": "2", "name": null}'),
    "csv": (b"id,name\n", b"1,\xc3\xa9\n", b"2,\n"),
    "xml": (b"<feed>", b"<row><id>1</id><name>\xc3\xa9</name></row>", b"<row><id>2</id><name/></row></feed>"),
}


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("kind", LONG)
def test_a_long_body_is_read_from_its_file_in_chunks(line, kind, packing):
    form, path, _ = BODIES[kind]
    start, row, end = LONG[kind]
    count = 1_200_000 // len(row)
    packed, headers = PACKED[packing](kind, start + row * count + end)
    with wire(lambda *_: sized(packed, *headers)) as url:
        response = line.send(Request("GET", url, spool=True))
    chunks = [chunk for chunk, body in form.read(response, path, "GET /x") if body is None]
    assert [record for chunk in chunks for record in chunk] == [{"id": "1", "name": "é"}] * count + [
        {"id": "2", "name": None}
    ]
    assert len(chunks) > count // 3_000


@pytest.mark.parametrize("kind", LONG)
def test_leaving_a_long_body_in_the_middle_closes_its_file(line, kind):
    form, path, _ = BODIES[kind]
    start, row, end = LONG[kind]
    with wire(lambda *_: sized(start + row * (1_200_000 // len(row)) + end)) as url:
        response = line.send(Request("GET", url, spool=True))
    chunks, file = form.read(response, path, "GET /x"), response.file
    next(chunks)
    del chunks, response
    gc.collect()
    assert file.closed


SIMULATED = {
    "json": (simulate.Json(records="data.rows"), Json(), "data.rows"),
    "large": (simulate.Json(records="data.rows"), Json(large=True), "data.rows"),
    "jsonl": (simulate.JsonLines(), Jsonl(), ""),
    "csv": (simulate.Csv(), Csv(), ""),
    "xml": (simulate.Xml(root="feed", row="row"), Xml(), "feed.row"),
}
WRAPPED = {
    "as it is": lambda kind, handler: handler,
    "gzipped": lambda kind, handler: simulate.gzipped(handler),
    "gzip file": lambda kind, handler: simulate.gzip_file(handler),
    "zip file": lambda kind, handler: simulate.zip_file(**{f"rows_{suffix(kind)}": handler}),
}


@pytest.mark.parametrize("wrapping", WRAPPED)
@pytest.mark.parametrize("kind", SIMULATED)
def test_what_a_simulated_vendor_writes_is_read_back_though_it_is_cut_once(line, kind, wrapping):
    shape, form, path = SIMULATED[kind]
    records = [{"id": str(number), "name": "é" * 9 if number % 3 else None} for number in range(30_000)]
    route = simulate.Route("GET", "/export", WRAPPED[wrapping](kind, simulate.streamed(lambda: records, shape)))
    faults = simulate.FaultPlan.once(simulate.Fault("cut_body"), nth=1)
    vendor = simulate.Simulation((route,), {}, {})
    with simulate.serve(vendor, conditions=simulate.Conditions(faults=faults)) as server:
        request = Request("GET", f"{server.url}/export", spool=form.spooled)
        with pytest.raises(TransientError, match="cut short"):
            line.send(request)
        assert read(form, path, line.send(request)) == records


@pytest.mark.timeout(180)
@pytest.mark.parametrize("packing", ["plain", "gzip header", "gzip file", "zip"])
@pytest.mark.parametrize("kind", BODIES)
def test_a_body_cut_anywhere_is_an_error_or_whole(line, kind, packing):
    form, path, body = BODIES[kind]
    packed, headers = PACKED[packing](kind, body)
    promised = ["Content-Length: " + str(len(packed)), *headers]
    opening = {"promised": head(*promised), "open-ended": head(*headers)}

    def script(asked, _):
        _, way, length = asked.split("/")
        return [opening[way], packed[: int(length)]]

    with wire(script) as url:
        for length in range(len(packed)):
            with pytest.raises(TransientError, match="cut short|not compressed as it says"):
                line.send(Request("GET", f"{url}/promised/{length}", spool=form.spooled))
            if kind in ENDS_ITSELF or (packing != "plain" and length > 3):
                assert_whole_or_refused(
                    line, Request("GET", f"{url}/open-ended/{length}", spool=form.spooled), form, path
                )


def assert_whole_or_refused(line, request, form, path):
    """A gzip without its last bytes, or an XML without its last line break, may be whole."""
    try:
        found = read(form, path, line.send(request))
    except (TransientError, UnreadableError):
        return
    assert found == ROWS


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize(
    "body", [b"<html><p>down<br></html>", b"\xff\xfe\xfa", b"\x1f\x8b\x08 no gzip", b"PK\x03\x04 no zip"]
)
def test_a_body_of_another_format_is_unreadable_and_its_words_stay_out_of_the_message(kind, body):
    form, path, _ = BODIES[kind]
    with pytest.raises(ContractError) as caught:
        read(form, path, Response(200, {"content-type": "text/html"}, body))
    assert "down" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_empty_body_is_no_records_only_where_it_can_be():
    for form in (Json(), Json(large=True), Csv(), Xml()):
        with pytest.raises(UnreadableError, match="0 bytes"):
            read(form, "", Response(200))
    for form in (Jsonl(), Csv(header=("a",))):
        assert list(form.read(Response(200), "", "GET /x")) == [([], None)]


def test_only_whole_json_keeps_its_body():
    response = Response(200, {}, b'{"data": [], "next": "x"}')
    assert list(Json().read(response, "data", "GET /x")) == [([], {"data": [], "next": "x"})]
    assert list(Json(large=True).read(response, "data", "GET /x")) == [([], None)]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@given(st.lists(st.dictionaries(TEXTS, TEXTS | st.none() | st.integers(), max_size=3), max_size=6))
def test_jsonl_gives_back_any_objects(records):
    body = b"\n".join(json.dumps(record, ensure_ascii=False).encode() for record in records)
    assert read(Jsonl(), "", Response(200, {}, body)) == records


def test_a_path_within_each_line():
    body = b'{"page": [{"id": 1}, {"id": 2}]}\r\n\r\n{"page": []}\n{"page": [{"id": 3}]}'
    assert read(Jsonl(), "page", Response(200, {}, body)) == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert read(Jsonl(), "page.0?", Response(200, {}, b"")) == []
    with pytest.raises(ContractError, match="'pages' is not in the response, which holds: page"):
        read(Jsonl(), "pages", Response(200, {}, body))


@pytest.mark.parametrize("line", [b"1", b"[]", b'"x"', b"null", b'[{"id": 1}]'])
def test_a_line_that_is_no_object_is_an_error(line):
    with pytest.raises(ContractError, match="not an object"):
        read(Jsonl(), "", Response(200, {}, b'{"id": 1}\n' + line))


@settings(max_examples=200)
@given(
    st.lists(
        TEXTS.filter(lambda name: name.strip()[:1] not in {"", "<", "{", "["}),
        min_size=1,
        max_size=4,
        unique_by=str.strip,
    ),
    st.data(),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv_gives_back_any_texts(names, data, delimiter, encoding, ending):
    import csv

    lines = data.draw(st.lists(st.lists(TEXTS, min_size=len(names), max_size=len(names)), max_size=5))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *lines])
    form = Csv(delimiter=delimiter, null=None, encoding="utf-8-sig" if encoding != "utf-16" else encoding)
    found = read(form, "", Response(200, {}, text.getvalue().encode(encoding)))
    assert found == [dict(zip([name.strip() for name in names], line, strict=True)) for line in lines]


@pytest.mark.parametrize(
    ("form", "body", "rows"),
    [
        (Csv(";"), b"a;b\n1;2,5\n", [{"a": "1", "b": "2,5"}]),
        (Csv(sniff=",\t;"), b"a\tb\tc,d\n1\t2\t3\n", [{"a": "1", "b": "2", "c,d": "3"}]),
        (Csv(sniff=",;"), b"a;b\n1;2\n", [{"a": "1", "b": "2"}]),
        (Csv(null="NULL"), b"a,b\nNULL,\n", [{"a": None, "b": ""}]),
        (Csv(null=None), b"a,b\n,x\n", [{"a": "", "b": "x"}]),
        (Csv(header=("x", "y")), b"1,2\n3,4", [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]),
        (Csv(encoding="cp1252"), b"a\n\x80\n", [{"a": "€"}]),
        (Csv(), b"\xef\xbb\xbf a ,\n\n1,2\n\n", [{"a": "1", "column_2": "2"}]),
        (Csv(), b"a\n" + b"x" * 300_000, [{"a": "x" * 300_000}]),
    ],
)
def test_csv_as_sources_write_it(form, body, rows):
    assert read(form, "", Response(200, {}, body)) == rows


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"a,b\n1,2\n3\n", "a line has 1 cells, the header 2"),
        (b"a,b\n1,2,3\n", "a line has 3 cells, the header 2"),
        (b'a,b\n1,"2\n3,4\n', "unexpected end of data"),
        (b"a,a\n1,2\n", "one name"),
        (b"\n", "no header line"),
        (b" <!doctype html><p>come back later</p>", "the header line looks like another format"),
        (b'{"error": "come back later"}', "the header line looks like another format"),
    ],
)
def test_a_csv_that_does_not_fit_together_is_an_error(body, message):
    with pytest.raises(ContractError, match=message):
        read(Csv(), "", Response(200, {}, body))


@pytest.mark.parametrize(
    "wrong",
    [
        {"delimiter": ""},
        {"delimiter": "::"},
        {"sniff": ',"'},
        {"header": ()},
        {"header": ("a", "a")},
        {"encoding": "utf-9"},
    ],
)
def test_a_csv_declared_wrong_is_refused_when_it_is_declared(wrong):
    with pytest.raises(ConfigError, match="CSV|encoding"):
        Csv(**wrong)


XML = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- c --><a:feed xmlns:a="u" n="1">
  <page><row id="1"><t>x</t><t>y</t><t>z</t><u/><v k="2"/><w k="3">txt</w></row><skip>1</skip></page>
  <page><row>caf\xe9 <![CDATA[<b>]]> &amp;</row></page><page/>
</a:feed>"""


def test_xml_becomes_objects():
    rows = [
        {"@id": "1", "t": ["x", "y", "z"], "u": None, "v": {"@k": "2"}, "w": {"@k": "3", "#text": "txt"}},
        {"#text": "café <b> &"},
    ]
    assert read(Xml(), "a:feed.page.row", Response(200, {}, XML)) == rows
    assert read(Xml(), "*.*.row", Response(200, {}, XML)) == rows
    assert read(Xml(), "a:feed.page.other", Response(200, {}, XML)) == []
    assert [set(row) for row in read(Xml(), "", Response(200, {}, XML))] == [{"@n", "@xmlns:a", "page"}]
    with pytest.raises(ContractError, match="'a:feed.pages.row' is not in the response, which holds: a:feed, page"):
        read(Xml(), "a:feed.pages.row", Response(200, {}, XML))
    assert read(Xml(), "a:feed.pages.row?", Response(200, {}, XML)) == []


BILLION = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x><row>&b;</row></x>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x><row>&a;</row></x>'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (BILLION, "a document type declaration is refused"),
        (OUTSIDE, "a document type declaration is refused"),
        (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>', "a document type declaration is refused"),
        (b"<x>&undefined;</x>", "undefined entity"),
        (b"<x>" * 1_000, "nested too deeply"),
        (b"<x/><y/>", "junk after document element"),
        (b"<x><row></x>", "mismatched tag"),
    ],
)
def test_hostile_and_broken_xml_is_refused(body, message):
    with pytest.raises(UnreadableError, match=message):
        read(Xml(), "x.row", Response(200, {}, body))


def test_members_of_a_zip_are_read_in_order_and_the_others_not():
    body = zipped(("b.csv", b"a\n1\n"), ("__MACOSX/._b.csv", b"\0"), ("notes.pdf", b"x"), ("a.CSV", b"a\n2\n"))
    assert read(Csv(), "", Response(200, {}, body)) == [{"a": "1"}, {"a": "2"}]


def test_a_zip_of_several_json_texts_is_read_where_no_whole_body_is_kept():
    body = zipped(("a.json", b'[{"a": 1}]'), ("b.json", b'[{"a": 2}]'))
    assert read(Json(large=True), "", Response(200, {}, body)) == [{"a": 1}, {"a": 2}]
    with pytest.raises(ContractError, match=r"several texts[\s\S]*large=True"):
        read(Json(), "", Response(200, {}, body))


def forged(body: bytes) -> bytes:
    """A zip whose directory says it is longer than anybody would read."""
    at = body.rfind(b"PK\x05\x06")
    return body[: at + 12] + (50_000_000).to_bytes(4, "little") + body[at + 16 :]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (zipped(("x.json", b"{}")), "holds 1 files, 0 of them named ….csv"),
        (zipped(), "holds 0 files"),
        (zipped(*((f"{number}.csv", b"a\n") for number in range(1_001))), "1001 of them named"),
        (forged(zipped(("x.csv", b"a\n"))), "lists too many files"),
    ],
)
def test_a_zip_of_the_wrong_or_too_many_files_is_refused(body, message):
    with pytest.raises(ContractError, match=message):
        read(Csv(), "", Response(200, {}, body))


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_zip_or_gzip_is_an_error_or_whole(data):
    body = data.draw(st.sampled_from([zipped(("x.csv", b"a\n1\n2\n")), gzip.compress(b"a\n1\n2\n", mtime=0)]))
    at = data.draw(st.integers(0, len(body) - 1))
    damaged = body[:at] + data.draw(st.binary(min_size=1, max_size=3)) + body[at + 1 :]
    try:
        found = read(Csv(), "", Response(200, {}, damaged))
    except HeadwaterError:
        return
    assert found == [{"a": "1"}, {"a": "2"}]


def test_a_bomb_is_unpacked_no_further_than_the_limit():
    half = b"x" * 600_000
    for body in (gzip.compress(half * 2), zipped(("x.csv", half * 2)), zipped(("x.csv", half), ("y.csv", half))):
        files = unpacked(io.BytesIO(body), (".csv",), 1_000_000, "GET /x")
        pieces = (piece for file in files for piece in iter(lambda file=file: file.read(1_000), b""))
        sizes = map(len, pieces)
        with pytest.raises(ContractError, match="unpacks to more than can be read"):
            sum(sizes)
    with pytest.raises(ContractError, match="unpacks to more than can be read"):
        read(Json(), "", Response(200, {}, gzip.compress(b" " * WHOLE_LIMIT + b"[]", 1)))


def test_an_endless_line_or_element_is_refused():
    long = b"x" * (max(LINE, LARGEST) + 100_000)
    for form, body in ((Jsonl(), b'{"a": "' + long), (Csv(), long)):
        with pytest.raises(UnreadableError, match="line is longer than 64 MB"):
            read(form, "", Response(200, {}, body))
    for body in (b"<x><row>" + long, b"<x><!--" + long):
        with pytest.raises(UnreadableError, match="an element is longer than 64 MB"):
            read(Xml(), "x.row", Response(200, {}, body))
