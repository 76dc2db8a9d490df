"""Every way of paging and of selecting, over real HTTP: each walk sees each record once."""

from itertools import pairwise

import pytest

from headwater.simulate import (
    After,
    Bearer,
    Equals,
    Json,
    Keyset,
    NextLink,
    NextToken,
    Offset,
    PageNumber,
    Population,
    Route,
    Scroll,
    Simulation,
    Since,
    Single,
    Size,
    Timeline,
    Within,
    deletions,
    paged,
    rows,
    serve,
)


def thing(seed, index, version):
    return {"id": 10 + 2 * index, "name": f"thing-{index:03d}", "kind": "ab"[index % 2], "version": version}


def things(count=25):
    return Population(thing, count, timeline=Timeline(count, ties=5))


IDS = [10 + 2 * index for index in range(25)]


@pytest.fixture
def show(clock):
    """Return a function that serves `/things` by a handler and gives the server."""
    servers = []

    def build(handler, *others, method="GET", population=None):
        routes = (Route(method, "/things", handler), *others)
        servers.append(serve(Simulation(routes, {"things": population} if population else {}, {}), clock=clock))
        return servers[-1]

    yield build
    for server in servers:
        server.close()


def ids(page):
    return [one["id"] for one in page["data"]]


def get(http, server, path="/things", **params):
    return http.get(server.url + path, params=params, timeout=5)


class TestPaging:
    def test_single(self, show, http):
        assert ids(get(http, show(paged(things(), Single()))).json()) == IDS

    @pytest.mark.parametrize("first", [0, 1])
    def test_page_numbers(self, show, http, first):
        server = show(paged(things(), PageNumber(first=first, total_pages="meta.pages", total="meta.total")))
        pages = [get(http, server, page=first + number).json() for number in range(4)]
        assert [len(page["data"]) for page in pages] == [10, 10, 5, 0]
        assert [one for page in pages for one in ids(page)] == IDS
        assert {tuple(page["meta"].values()) for page in pages} == {(3, 25)}
        assert get(http, server).json() == pages[0]
        assert get(http, server, page=first - 1 if first else "x").status_code == 400

    @pytest.mark.parametrize("empty", [0, 1, 2])
    def test_an_empty_page_before_others(self, show, http, empty):
        server = show(paged(things(), PageNumber(total_pages="pages", empty=empty)))
        pages = [get(http, server, page=1 + number).json() for number in range(4)]
        assert [one for page in pages for one in ids(page)] == IDS
        assert (pages[empty]["data"], pages[empty]["pages"]) == ([], 4)

    def test_offsets(self, show, http):
        server = show(paged(things(), Offset("skip", total="count"), size=Size("take", 7, most=50)))
        pages = [get(http, server, skip=skip).json() for skip in (0, 7, 14, 21, 28)]
        assert [one for page in pages for one in ids(page)] == IDS
        assert pages[-1] == {"count": 25, "data": []}
        assert get(http, server, take=50).json()["data"] == [one for page in pages for one in page["data"]]
        for wrong in ({"skip": "-1"}, {"take": "0"}, {"take": "51"}, {"take": "ten"}):
            assert get(http, server, **wrong).status_code == 400

    @pytest.mark.parametrize("place", ["query", "header", "json", "form"])
    def test_a_parameter_can_be_in_every_place(self, show, http, place):
        server = show(paged(things(), Offset("Page.Skip", place=place)), method="POST")
        asked = {
            "query": {"params": {"Page.Skip": 20}},
            "header": {"headers": {"page.skip": "20"}},
            "json": {"json": {"Page": {"Skip": 20}}},
            "form": {"data": {"Page.Skip": 20}},
        }
        assert ids(http.post(f"{server.url}/things", **asked[place], timeout=5).json()) == IDS[20:]
        assert ids(http.post(f"{server.url}/things", json=[1], timeout=5).json()) == IDS[:10]

    @pytest.mark.parametrize("header", [False, True])
    @pytest.mark.parametrize("size", [1, 7, 25, 100])
    def test_tokens_in_the_body_or_in_a_header(self, show, http, header, size):
        server = show(paged(things(), NextToken(at="X-Next" if header else "meta.next", header=header)))
        seen, token = [], {}
        while True:
            reply = get(http, server, limit=size, **token)
            seen += ids(reply.json())
            following = reply.headers.get("X-Next") if header else reply.json()["meta"]["next"]
            if following is None:
                break
            token = {"cursor": following}
        assert seen == IDS

    @pytest.mark.parametrize("token", ["", "x", "0" * 32])
    def test_a_token_nobody_gave_is_400(self, show, http, token):
        assert get(http, show(paged(things(), NextToken())), cursor=token).status_code == 400

    def test_a_token_stays_good_as_the_data_grows(self, show, http):
        population = things()
        server = show(paged(population, NextToken(null=False, more="more")), population=population)
        token = get(http, server, limit=20).json()["next_cursor"]
        population.grow(3)
        last = get(http, server, limit=20, cursor=token).json()
        assert (ids(last), last["more"], "next_cursor" in last) == ([50, 52, 54, 56, 58, 60, 62, 64], False, False)

    @pytest.mark.parametrize("size", [1, 2, 10])
    def test_an_inclusive_token_shows_the_last_record_again(self, show, http, size):
        server = show(paged(things(), NextToken(inclusive=True)))
        pages = [get(http, server, limit=size).json()]
        while token := pages[-1]["next_cursor"]:
            pages.append(get(http, server, limit=size, cursor=token).json())
        assert all(after["data"][0] == before["data"][-1] for before, after in pairwise(pages))
        assert sorted({one for page in pages for one in ids(page)}) == IDS

    @pytest.mark.parametrize(("at", "sizes"), [(0, [0, 10, 10, 5]), (12, [10, 0, 10, 5]), (24, [10, 10, 0, 5])])
    def test_an_empty_page_under_tokens(self, show, http, at, sizes):
        server = show(paged(things(), NextToken(empty_at=at)))
        pages = [get(http, server).json()]
        while token := pages[-1]["next_cursor"]:
            pages.append(get(http, server, cursor=token).json())
        assert [len(page["data"]) for page in pages] == sizes

    @pytest.mark.parametrize("relative", [False, True])
    def test_links_in_the_body(self, show, http, relative):
        server = show(paged(things(), NextLink("links.next", relative=relative)))
        page = get(http, server, limit=10, note="a&b").json()
        seen = ids(page)
        while link := page["links"]["next"]:
            assert link.startswith("/things?") is relative
            assert "note=a%26b" in link
            page = http.get((server.url if relative else "") + link, timeout=5).json()
            seen += ids(page)
        assert seen == IDS

    def test_links_in_the_header(self, show, http):
        server = show(paged(things(), NextLink(""), shape=Json("")))
        reply = get(http, server)
        seen = [one["id"] for one in reply.json()]
        while "next" in reply.links:
            reply = http.get(reply.links["next"]["url"], timeout=5)
            seen += [one["id"] for one in reply.json()]
        assert seen == IDS

    def test_a_name_can_hold_a_dot(self, show, http):
        page = get(http, show(paged(things(), NextLink("@odata\\.nextLink")))).json()
        assert page["@odata.nextLink"].endswith("/things?offset=10")

    def test_links_can_lead_to_another_host(self, show, http):
        page = get(http, show(paged(things(), NextLink(origin="http://localhost:9")))).json()
        assert page["next"].startswith("http://localhost:9/things?offset=10")

    @pytest.mark.parametrize("field", ["id", "name"])
    @pytest.mark.parametrize("inclusive", [False, True])
    def test_the_last_record_is_where_the_next_page_begins(self, show, http, field, inclusive):
        server = show(paged(things(), Keyset("after", field, inclusive=inclusive, more="more")))
        page = get(http, server).json()
        seen = ids(page)
        while page["more"]:
            page = get(http, server, after=page["data"][-1][field]).json()
            seen += ids(page)[inclusive:]
        assert seen == IDS
        assert get(http, server, after=11).json()["data"][0]["id"] == 12 or field == "name"

    def test_a_key_that_cannot_be_compared_is_400(self, show, http):
        assert get(http, show(paged(things(), Keyset())), since_id="x").status_code == 400
        assert get(http, show(paged(things(0), Keyset())), since_id="x").json() == {"data": []}

    def test_a_scroll_keeps_what_it_found_and_expires(self, show, http, clock):
        population = things()
        server = show(paged(population, Scroll(lives=60)), method="POST", population=population)

        def scroll(**body):
            return http.post(f"{server.url}/things", json=body, timeout=5)

        page = scroll().json()
        population.grow(5)
        seen = ids(page)
        while page["data"]:
            clock.sleep(50)
            page = scroll(scroll_id=page["scroll_id"]).json()
            seen += ids(page)
        assert seen == IDS
        clock.sleep(61)
        assert scroll(scroll_id=page["scroll_id"]).status_code == 404
        assert scroll(scroll_id="scroll-9").status_code == 404

    def test_access_comes_first(self, show, http):
        server = show(paged(things(), Single(), access=Bearer("t")))
        assert get(http, server).status_code == 401
        assert http.get(f"{server.url}/things", headers={"Authorization": "Bearer t"}, timeout=5).ok


class TestSelecting:
    @pytest.fixture
    def select(self, show, http):
        """Return a function that serves selected things and asks for them once."""

        def ask(*filters, population=None, order="oldest", **params):
            population = population or things()
            handler = paged(rows(population, *filters, order=order), Single())
            reply = get(http, show(handler, population=population), **params)
            return ids(reply.json()) if reply.ok else reply.status_code

        return ask

    @pytest.mark.parametrize(
        ("unit", "text"),
        [
            ("text", "2024-07-01"),
            ("text", "2024-07-01T00:00:00Z"),
            ("text", "2024-07-01T00:00:00.5+00:00"),
            ("text", "2024-06-30 23:00:00"),
            ("seconds", "1719792000"),
            ("milliseconds", "1719792000000"),
        ],
    )
    def test_since_a_moment(self, select, unit, text):
        assert select(Since("since", unit=unit), since=text) == IDS[15:]

    def test_since_includes_the_moment_unless_strict(self, select):
        moment = things().timeline.at(10).isoformat()
        assert select(Since("since"), since=moment) == IDS[10:]
        assert select(Since("since", strict=True), since=moment) == IDS[15:]

    def test_since_sees_edits_where_it_goes_by_changes(self, select):
        population = things()
        population.edit(3)
        assert select(Since("since"), population=population, since="2024-12-31") == [IDS[3]]
        assert select(Since("since", by="created"), population=population, since="2024-12-31") == []

    def test_windows_are_half_open_or_closed(self, select):
        day = things().timeline.at(5).date().isoformat()
        moment = things().timeline.at(5).isoformat()
        assert select(Within("from", "to"), **{"from": "2024-01-01", "to": moment}) == IDS[:5]
        assert select(Within("from", "to", closed=True), **{"from": "2024-01-01", "to": moment}) == IDS[:10]
        assert select(Within("from", "to", closed=True), **{"from": day, "to": day}) == IDS[5:10]
        assert select(Within("from", "to"), to=moment) == IDS[:5]
        assert select(Within("from", "to")) == IDS

    def test_a_window_can_be_required(self, select):
        assert select(Within("from", "to", required=True), to="2024-01-01") == 400

    @pytest.mark.parametrize("params", [{"since": "yesterday"}, {"since": ""}, {"after": "x"}])
    def test_what_cannot_be_read_is_400(self, select, params):
        assert select(Since("since"), After("after"), **params) == 400

    def test_after_a_sequence_id(self, select):
        assert select(After("after"), after=20) == [22, *IDS[7:]]
        assert select(After("after", inclusive=True), after=20) == IDS[5:]
        assert select(After("after"), after=999) == []

    def test_filters_hold_together(self, select):
        assert select(After("after"), Equals("kind", "kind"), after=20, kind="a") == IDS[6::2]
        assert select(Equals("kind", "kind"), kind="z") == []

    def test_the_children_of_a_parent_by_its_path(self, show, http):
        children = rows(things(), Equals("kind", "kind", place="path"))
        server = show(paged(things(), Single()), Route("GET", "/kinds/{kind}/things", paged(children, Single())))
        assert ids(get(http, server, "/kinds/b/things").json()) == IDS[1::2]

    @pytest.mark.parametrize("order", ["oldest", "changed"])
    def test_a_selection_can_be_cut_without_a_word(self, show, http, order):
        selected = rows(things(), order=order, most=12)
        assert ids(get(http, show(paged(selected, Offset(total="total"))), limit=100).json()) == IDS[:12]

    def test_orders(self, select):
        population = things()
        assert select(order="newest") == IDS[::-1]
        assert sorted(select(order="mixed")) == IDS != select(order="mixed")
        population.edit(3)
        assert select(population=population, order="changed") == [*IDS[:3], *IDS[4:], IDS[3]]

    def test_the_deleted_are_gone_and_in_their_own_feed(self, show, http, clock):
        population = things()
        feed = Route("GET", "/deleted", paged(deletions(population), Single()))
        server = show(paged(population, Offset()), feed, population=population)
        population.delete(7)
        clock.sleep(60)
        population.delete(2)
        assert ids(get(http, server, limit=100).json()) == [one for one in IDS if one not in {IDS[2], IDS[7]}]
        assert ids(get(http, server, offset=10, limit=1).json()) == [IDS[12]]  # what follows has moved up
        assert get(http, server, "/deleted").json()["data"] == [
            {"id": IDS[7], "deleted_at": "2025-01-01T00:00:00.000Z"},
            {"id": IDS[2], "deleted_at": "2025-01-01T00:01:00.000Z"},
        ]
        assert ids(get(http, server, "/deleted", since="2025-01-01T00:00:30Z").json()) == [IDS[2]]

    def test_a_million_records_are_paged_without_being_made(self, show, http):
        server = show(paged(rows(things(1_000_000), Since("since")), Keyset()))
        page = get(http, server, since="2024-12-01", since_id=1_999_990).json()
        assert ids(page) == list(range(1_999_992, 2_000_010, 2))
