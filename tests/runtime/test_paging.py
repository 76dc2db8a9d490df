"""Every way of paging, over a real server: all records once, in order, whatever their number; and what is refused."""

import json

import pytest

from headwater.simulate import Reply, Route, Simulation, serve
from headwater_runtime import Client, ConfigError, ContractError, NextLink, NextToken, Offset, PageNumber, Single
from headwater_runtime.call import Body, Call, Form, Header, Query
from headwater_runtime.clock import FakeClock
from headwater_runtime.formats import Csv, Json
from headwater_runtime.keyset import Keyset
from headwater_runtime.pages import Pages
from headwater_runtime.paging import Last, Sizes
from headwater_runtime.transport import RequestsTransport, Response

SIZE = 3


def record(number):
    return {"id": number, "key": {"text": f"k{number:03}", "number": str(number)}, "name": f"record {number}"}


class Vendor:
    """`count` records in pages of SIZE; each handler is one vendor's way of paging."""

    def __init__(self, count):
        self.records = [record(number) for number in range(1, count + 1)]

    def cut(self, begin):
        return self.records[begin : begin + SIZE]

    def behind(self, key):
        """The records whose id is above `key`."""
        return [one for one in self.records if one["id"] > key]

    def token(self, begin):
        return str(begin + SIZE) if begin + SIZE < len(self.records) else None

    def whole(self, request):
        return Reply.json({"data": self.records})

    def numbered(self, request):
        assert request.params["n"] == str(SIZE)
        return Reply.json({"data": self.cut((int(request.params["page"]) - 1) * SIZE)})

    def numbered_from_0(self, request):
        pages = -(-len(self.records) // SIZE)
        return Reply.json({"data": self.cut(int(request.params["p"]) * SIZE), "meta": {"pages": pages}})

    def offset(self, request):
        return Reply.json({"data": self.cut(int(request.params["skip"]))})

    def offset_total(self, request):
        form = dict(pair.split("=") for pair in request.body.decode().split("&"))
        assert form == {"kind": "all", "skip": form["skip"], "take": "50"}
        return Reply.json({"data": self.cut(int(form["skip"])), "meta": {"total": len(self.records)}})

    def token_body(self, request):
        begin = int(request.params.get("after", "0"))
        return Reply.json({"data": self.cut(begin), "@odata.next": self.token(begin)})

    def token_header(self, request):
        begin = int(request.headers.get("x-after", "0"))
        token = self.token(begin)
        return Reply.json({"data": self.cut(begin)}, headers={"X-Next": token} if token else {})

    def token_last(self, request):
        return Reply.json({"data": self.behind(int(request.params.get("after", "0")))[:SIZE]})

    def token_last_inclusive(self, request):
        since = int(request.params.get("since", "0"))
        return Reply.json({"data": self.behind(since - 1)[:SIZE]})

    def graphql(self, request):
        variables = request.json()["variables"]
        begin = int(variables.get("after", "0"))
        assert variables["first"] == SIZE
        more = {"hasNextPage": begin + SIZE < len(self.records), "endCursor": str(begin + SIZE)}
        return Reply.json({"data": {"things": {"nodes": self.cut(begin), "pageInfo": more}}})

    def link_body(self, request):
        begin = int(request.params.get("after", "0"))
        token = self.token(begin)
        return Reply.json({"data": self.cut(begin), "links": {"next": f"link_body?after={token}" if token else ""}})

    def link_header(self, request):
        begin = int(request.params.get("after", "0"))
        token = self.token(begin)
        links = ['</link_header?after=0,1;2>; title="a, rel=next; b"; rel="first"']
        links += [f'</link_header?after={token}>; rel="prefetch next"'] if token else []
        return Reply.json(self.cut(begin), headers={"Link": ", ".join(links)})

    def keyset(self, request):
        return Reply.json({"data": self.behind(int(request.params.get("since_id", "0")))[:SIZE]})

    def keyset_inclusive(self, request):
        return Reply.json({"data": self.behind(int(request.params.get("since_id", "0")) - 1)[:SIZE]})

    def keyset_body(self, request):
        asked = request.json()
        (condition,) = asked["groups"][0]["conditions"]
        assert asked["sortBy"] == "key"
        behind = [one for one in self.records if one["key"]["text"] > condition["value"]]
        return Reply.json({"data": behind[int(request.params["skip"]) :][: int(request.params["take"])]})

    def scroll(self, request):
        return self._scrolled(0)

    def scroll_on(self, request):
        asked = request.json()
        assert asked["scroll"] == "1m"
        self.at += SIZE
        return self._scrolled(self.at)

    def _scrolled(self, begin):
        self.at = begin
        return Reply.json({"_scroll_id": "always the same", "data": self.cut(begin)})

    def lines(self, request):
        begin = int(request.params["skip"])
        text = "".join(f"{one['id']},{one['name']}\n" for one in self.cut(begin))
        return Reply(200, ("id,name\n" + text).encode(), {"Content-Type": "text/csv"})


QUERY = {"groups": [{"conditions": [{"parameter": "key", "operator": "GreaterThan", "value": ""}]}], "sortBy": "key"}
GRAPHQL = {"query": "query($after: String) { things }", "variables": {"first": SIZE}}
TABLE = {
    "whole": (Call("/whole"), Single()),
    "numbered": (Call("/numbered"), PageNumber("page", size_param="n", size=SIZE)),
    "numbered, ends short": (
        Call("/numbered"),
        PageNumber(Query("page"), size_param=Query("n"), size=SIZE, ends_short=True),
    ),
    "numbered_from_0": (Call("/numbered_from_0"), PageNumber("p", start=0, total_pages="meta.pages")),
    "offset": (Call("/offset"), Offset("skip")),
    "offset, ends short": (Call("/offset"), Offset("skip", size_param="take", size=SIZE, ends_short=True)),
    "offset_total": (  # asks for 50, is given 3
        Call("/offset_total", form={"kind": "all"}),
        Offset(Form("skip"), size_param=Form("take"), size=50, total="meta.total"),
    ),
    "token_body": (Call("/token_body"), NextToken(r"@odata\.next", param="after")),
    "token_header": (Call("/token_header"), NextToken(Header("X-Next"), param=Header("X-After"))),
    "token_last": (Call("/token_last"), NextToken(Last("id"), param="after")),
    "token_last_inclusive": (Call("/token_last_inclusive"), NextToken(Last("id"), param="since")),
    "graphql": (
        Call("/graphql", json=GRAPHQL),
        NextToken(
            "data.things.pageInfo.endCursor", param=Body("variables.after"), more="data.things.pageInfo.hasNextPage"
        ),
    ),
    "link_body": (Call("/link_body", params={"a": 1}), NextLink("links.next")),
    "link_header": (Call("/link_header"), NextLink(Header("Link"))),
    "keyset": (Call("/keyset"), Keyset("id", param="since_id")),
    "keyset, as text": (Call("/keyset"), Keyset("key.number", param="since_id")),
    "keyset_inclusive": (Call("/keyset_inclusive"), Keyset("id", param="since_id")),
    "keyset_body": (
        Call("/keyset_body", json=QUERY),
        Keyset(
            "key.text",
            param=Body("groups.0.conditions.0.value"),
            size_param="take",
            size=Sizes(SIZE, 1),
            skip_param="skip",
        ),
    ),
    "scroll": (
        Call("/scroll", "POST"),
        NextToken(
            "_scroll_id",
            param=Body("scroll_id"),
            then=Call("/scroll_on", json={"scroll": "1m"}),
            until_empty=True,
        ),
    ),
    "lines": (Call("/lines"), Offset("skip")),
}
RECORDS = {"graphql": "data.things.nodes", "link_header": "", "lines": ""}
TWICE = {"token_last_inclusive", "keyset_inclusive"}


@pytest.fixture(scope="module", params=[0, 1, SIZE, SIZE + 1, 3 * SIZE], ids="{} records".format)
def vendor(request):
    vendor = Vendor(request.param)
    posts = {"offset_total", "graphql", "keyset_body", "scroll", "scroll_on"}
    names = {name.split(",")[0] for name in TABLE} | posts
    routes = [Route("POST" if name in posts else "GET", f"/{name}", getattr(vendor, name)) for name in names]
    with serve(Simulation(tuple(routes), {}, {})) as server:
        transport = RequestsTransport()
        yield vendor, Client(server.url, transport=transport, clock=FakeClock())
        transport.close()


@pytest.mark.parametrize("name", TABLE)
def test_every_record_is_read_once_and_in_order_from_a_real_server(vendor, name):
    source, client = vendor
    call, paging = TABLE[name]
    form = Csv() if name == "lines" else Json()
    pages = Pages(client, call, RECORDS.get(name, "data"), paging, 99, form)
    read = [one["id"] for page in pages.read() for one in page.records]
    expected = [one["id"] for one in source.records]
    if name == "lines":
        expected = [str(number) for number in expected]
    if name in TWICE:  # the record at a token comes once more
        assert sorted(set(read)) == expected
        assert [key for at, key in enumerate(read) if key not in read[:at]] == expected
    else:
        assert read == expected


@pytest.mark.parametrize("name", [name for name, (_, paging) in TABLE.items() if paging.durable])
def test_reading_on_from_a_durable_position_gives_the_rest(vendor, name):
    source, client = vendor
    call, paging = TABLE[name]
    pages = Pages(client, call, RECORDS.get(name, "data"), paging, 99)
    whole = list(pages.read())
    for at, page in enumerate(whole):
        if page.position is not None:
            before = [one["id"] for page in whole[: at + 1] for one in page.records]
            rest = [one["id"] for page in pages.read(page.position) for one in page.records]
            assert sorted({*before, *rest}) == [one["id"] for one in source.records]
            assert len(before) + len(rest) <= len(source.records) + (len(whole) if name in TWICE else 0)


# -- what a keyset checks ----------------------------------------------------------------------------------------------


def keyed(*pages, **options):
    """The Pages of a source that gives these ids, page by page."""
    from .conftest import HOME, Script

    left = list(pages)
    script = Script(lambda _: {"data": [{"id": key} for key in left.pop(0)]})
    client = Client(HOME, transport=script, clock=FakeClock())
    return client.pages("/things", records="data", paging=Keyset("id", param="after", **options))


@pytest.mark.parametrize(
    "pages",
    [
        [[1, 3, 2]],
        [[1, 2], [1, 2]],  # the parameter is ignored
        [[5, 6], [2, 7]],
        [[1, 1]],
        [["b", "a"]],
        [[1, "b"]],
        [[True]],
        [[1.5]],
    ],
)
def test_a_source_that_does_not_ascend_is_found_out(pages):
    with pytest.raises(ContractError, match="do not ascend by 'id'"):
        list(keyed(*pages).read())


@pytest.mark.parametrize("keys", [["a", "B", "c"], ["B", "a", "c"], ["9", "10", "11"], [1, 2]])
def test_text_ascends_in_the_source_s_own_order(keys):
    assert [one["id"] for page in keyed(keys, []).read() for one in page.records] == keys


@pytest.mark.parametrize("keys", [[1, None], [None]])
def test_a_record_without_a_key_is_a_broken_contract(keys):
    with pytest.raises(ContractError, match="no 'id' to go on from"):
        list(keyed(keys).read())


def test_pages_of_one_record_that_give_the_record_at_the_key_again_never_get_on():
    with pytest.raises(ContractError, match="never get on"):
        list(keyed([1], [1], size_param="n", size=1).read())


def test_the_last_position_of_a_keyset_is_its_last_key_and_survives_an_empty_page():
    assert [page.position for page in keyed([1, 2], [3], []).read()] == [2, 3, 3]
    assert [page.position for page in keyed([]).read(7)] == [7]
    assert [page.position for page in keyed([]).read()] == [None]


# -- what a token may be -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [None, "", False, []])
def test_the_end_of_tokens_has_many_faces(scripted, sequence, end):
    client, script = scripted(sequence({"data": [{"id": 1}], "next": [4, "x"]}, {"data": [{"id": 2}], "next": end}))
    call = Call("/things", json={})
    pages = client.pages(call, records="data", paging=NextToken("next", param=Body("search_after")))
    assert [page.position for page in pages.read()] == [[4, "x"], None]
    assert json.loads(script.requests[1].body) == {"search_after": [4, "x"]}


@pytest.mark.parametrize("token", [True, {"a": 1}])
def test_what_cannot_be_a_token_is_a_broken_contract(scripted, token):
    client, _ = scripted(lambda _: {"data": [{"id": 1}], "next": token})
    with pytest.raises(ContractError, match="not a token"):
        list(client.pages("/things", records="data", paging=NextToken("next", param="a")).read())


def test_a_last_record_without_the_token_is_a_broken_contract(scripted):
    client, _ = scripted(lambda _: {"data": [{"id": 1}]})
    with pytest.raises(ContractError, match="no 'stamp'"):
        list(client.pages("/things", records="data", paging=NextToken(Last("stamp"), param="a")).read())


def test_a_header_may_hold_a_bare_address(scripted, sequence):
    answers = [Response(200, {"x-next": "/things?page=2"}, b'{"data": []}'), {"data": []}]
    client, script = scripted(sequence(*answers))
    list(client.pages("/things", records="data", paging=NextLink(Header("X-Next"))).read())
    assert script.requests[1].url == "https://api.test/things?page=2"


def test_a_link_header_to_another_host_is_refused(scripted):
    client, script = scripted(lambda _: Response(200, {"link": '<https://evil.test/>; rel="next"'}, b'{"data": []}'))
    with pytest.raises(ContractError, match="another address"):
        list(client.pages("/things", records="data", paging=NextLink(Header("Link"))).read())
    assert len(script.requests) == 1


# -- what fails where it is declared -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declare",
    [
        lambda: PageNumber(""),
        lambda: PageNumber(Query("")),
        lambda: PageNumber("p", size_param="n"),
        lambda: PageNumber("p", ends_short=True),
        lambda: Offset(""),
        lambda: Offset("skip", size=10),
        lambda: Offset("skip", size=Sizes(10, 1)),
        lambda: Offset("skip", ends_short=True),
        lambda: Offset("skip", size_param="n", size=0),
        lambda: NextToken("", param="x"),
        lambda: NextToken("x", param=""),
        lambda: NextToken(Last(""), param="x"),
        lambda: NextLink(""),
        lambda: NextLink(Header("")),
        lambda: Keyset("", param="x"),
        lambda: Keyset("id", param=""),
        lambda: Keyset("id", param="x", size=10),
        lambda: Keyset("id", param="x", skip_param="skip"),
    ],
)
def test_a_paging_that_cannot_work_fails_where_it_is_declared(declare):
    with pytest.raises(ConfigError, match="needs"):
        declare()


@pytest.mark.parametrize("steps", [(), (0,), (1, 10), (10, 10), (10, -1)])
def test_sizes_fall(steps):
    with pytest.raises(ConfigError, match="fall"):
        Sizes(*steps)


def test_sizes_may_be_bounded_by_a_setting():
    assert Sizes(100, 10, 1, most=50).steps == (50, 10, 1)
    assert Sizes(100, 10, 1, most=10).steps == (10, 1)
    assert Sizes(100, 10, 1, most=500).steps == (100, 10, 1)
    for wrong in ({"most": 0}, {"slow": 0}):
        with pytest.raises(ConfigError, match="above 0"):
            Sizes(10, 1, **wrong)


def test_page_numbers_cannot_change_their_size():
    with pytest.raises(ConfigError, match="cannot change its size"):
        PageNumber("page", size_param="n", size=Sizes(10, 1))


@pytest.mark.parametrize(
    ("call", "paging", "form", "words"),
    [
        (Call("/x"), NextToken("next", param=Body("after")), Json(), "`param` of the paging goes to"),
        (Call("/x"), Offset(Form("skip")), Json(), "`param` of the paging goes to"),
        (Call("/x", json={"a": []}), Keyset("id", param=Body("a.0.value")), Json(), "`param` of the paging goes to"),
        (Call("/x", json={}), Offset("o", size_param=Form("n"), size=1), Json(), "`size_param` of the paging"),
        (Call("/x"), NextToken("next", param="after"), Csv(), "NextToken reads the body .* but Csv keeps none"),
        (Call("/x"), Offset("o", total="total"), Json(large=True), "Offset reads the body .* but Json keeps none"),
        (Call("/x"), PageNumber("p", total_pages="pages"), Csv(), "reads the body"),
        (Call("/x"), NextLink("next"), Csv(), "reads the body"),
    ],
)
def test_a_paging_that_does_not_fit_the_call_or_the_format_fails_where_it_is_declared(call, paging, form, words):
    with pytest.raises(ConfigError, match=words):
        Pages(Client("https://api.test"), call, "", paging, 9, form)
