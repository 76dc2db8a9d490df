"""Forms of a page over real HTTP, read back with the readers the world uses."""

import csv
import gzip
import io
import json
import xml.etree.ElementTree as ET
import zipfile

import pytest

from headwater.simulate import (
    Conditions,
    Csv,
    Fault,
    FaultPlan,
    Json,
    JsonLines,
    NextToken,
    Population,
    Reply,
    Route,
    Simulation,
    Single,
    Size,
    Xml,
    gzip_file,
    gzipped,
    paged,
    serve,
    streamed,
    zip_file,
)

ROWS = [
    {"id": 1, "text": 'a "b", c;d', "none": None, "yes": True, "nested": {"k": [1, "é"]}},
    {"id": 2, "text": "zwei\nZeilen <&>", "none": None, "yes": False, "nested": {}},
    {"id": 3, "text": "", "none": None, "yes": True, "nested": {"k": []}},
]


@pytest.fixture
def ask(clock, http):
    servers = []

    def get(handler, conditions=None, **params):
        simulation = Simulation((Route("GET", "/", handler),), {}, {})
        servers.append(serve(simulation, clock=clock, conditions=conditions))
        return http.get(servers[-1].url, params=params, timeout=5)

    yield get
    for server in servers:
        server.close()


def population():
    return Population(lambda seed, index, version: ROWS[index], len(ROWS))


def shown(shape, by=None):
    return paged(population(), by or Single(), shape=shape)


def test_json_under_a_path_beside_its_fields(ask):
    reply = ask(shown(Json("result.items"), NextToken(at="result.next")), limit=2)
    assert reply.headers["Content-Type"] == "application/json"
    body = reply.json()
    assert (body["result"]["items"], len(body["result"]["next"])) == (ROWS[:2], 32)


def test_json_as_an_array(ask):
    assert ask(shown(Json(""))).json() == ROWS


@pytest.mark.parametrize("shape", [Json(), Json(""), JsonLines(), Csv(), Xml()])
def test_no_records_are_a_whole_body_too(ask, shape):
    handler = paged(Population(lambda *_: {}, 0), Single(), shape=shape)
    assert ask(handler).text in {
        '{"data":[]}',
        "[]",
        "",
        '<?xml version="1.0" encoding="UTF-8"?>\n<response>\n</response>\n',
    }


def test_lines_of_json(ask):
    reply = ask(shown(JsonLines()))
    assert [json.loads(line) for line in reply.content.decode().splitlines()] == ROWS


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"delimiter": ";"},
        {"delimiter": "\t", "quote": "'"},
        {"newline": "\n", "bom": True},
        {"encoding": "latin-1"},
        {"encoding": "utf-16-le", "bom": True},
    ],
)
def test_csv_in_its_dialects(ask, form):
    shape = Csv(**form)
    text = ask(shown(shape)).content.decode(shape.encoding).removeprefix("\ufeff")
    assert ask(shown(shape)).content.decode(shape.encoding).startswith("\ufeff") is shape.bom
    found = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=shape.delimiter, quotechar=shape.quote))
    assert [row["text"] for row in found] == [row["text"] for row in ROWS]
    assert found[0] == {"id": "1", "text": 'a "b", c;d', "none": "", "yes": "True", "nested": '{"k":[1,"é"]}'}


def test_csv_without_a_heading(ask):
    assert ask(shown(Csv(heading=False))).text.startswith('1,"a')


def test_xml(ask):
    root = ET.fromstring(ask(shown(Xml("list", "item"), NextToken("t", "next")), limit=2).content)
    assert (root.tag, len(root.attrib["next"]), [item.tag for item in root]) == ("list", 32, ["item", "item"])
    assert root[1].findtext("text") == "zwei\nZeilen <&>"
    assert (root[0].findtext("none"), root[0].findtext("yes")) == ("", "true")
    assert [one.text for one in root[0].findall("nested/k")] == ["1", "é"]


def test_packed_on_the_way_or_as_a_file(ask):
    assert ask(gzipped(shown(Json("")))).json() == ROWS
    reply = ask(gzip_file(shown(Json(""))))
    assert (reply.headers["Content-Type"], "Content-Encoding" in reply.headers) == ("application/gzip", False)
    assert json.loads(gzip.decompress(reply.content)) == ROWS


def test_a_zip_holds_several_files(ask):
    reply = ask(zip_file(part_1_csv=shown(Csv()), part_2_jsonl=streamed(lambda: ROWS, JsonLines())))
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.namelist() == ["part_1.csv", "part_2.jsonl"]
        assert len(archive.read("part_2.jsonl").splitlines()) == 3


@pytest.mark.parametrize("shape", [Json(), JsonLines(), Csv(), Xml()])
def test_a_stream_is_the_page_in_chunks(ask, shape):
    reply = ask(streamed(lambda: ROWS * 1000, shape))
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.content == b"".join(shape.chunks(ROWS * 1000, {}))


def test_a_stream_can_be_cut_or_replaced_by_faults(ask):
    handler = streamed(lambda: ROWS * 1000, JsonLines())
    with pytest.raises(Exception, match="ended prematurely|IncompleteRead"):
        ask(handler, Conditions(FaultPlan.every(Fault("cut_body"))))
    assert ask(handler, Conditions(FaultPlan.every(Fault("empty_body")))).content == b""


def test_a_bug_in_a_stream_reaches_the_test(http, clock):
    from headwater.errors import SimulatorError

    def broken():
        yield ROWS[0]
        raise ZeroDivisionError("in the middle")

    def use():
        routes = (Route("GET", "/", streamed(broken, JsonLines())),)
        with (
            serve(Simulation(routes, {}, {}), clock=clock) as server,
            pytest.raises(Exception, match="premature|Incomplete"),
        ):
            http.get(server.url, timeout=5)

    with pytest.raises(SimulatorError, match="in the middle"):
        use()


def test_sizes_can_be_fixed_or_clamped(ask):
    fixed = paged(population(), Single(), size=Size("", 2))
    assert len(ask(fixed, limit=1).json()["data"]) == 3  # what is single is not cut
    clamped = paged(population(), NextToken(), size=Size(most=2, clamp=True))
    assert len(ask(clamped, limit=50).json()["data"]) == 2


def test_a_plain_reply_has_its_length(ask):
    assert ask(lambda _: Reply(200, b"abc")).headers["Content-Length"] == "3"
