"""Every paging reads the whole source whatever the page size, and none can loop for ever."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_runtime import (
    Client,
    ContractError,
    NextLink,
    NextToken,
    Offset,
    PageNumber,
    Single,
    SourceError,
)
from headwater_runtime.call import Call, Query, Slice, UpTo
from headwater_runtime.clock import FakeClock
from headwater_runtime.formats import Jsonl
from headwater_runtime.keyset import Keyset
from headwater_runtime.paging import Paging, Step
from headwater_runtime.rules import Rule
from headwater_runtime.transport import Response

from .conftest import HOME, Script

RECORDS = [{"id": number} for number in range(100)]


def served(kind: str, count: int, size: int):
    """Return (paging, answer) of a source with `count` records in pages of `size`, paged the `kind` way."""
    rows = RECORDS[:count]

    def cut(begin):
        return rows[begin : begin + size]

    if kind == "page_number":
        return PageNumber("page"), lambda r: {"data": cut((int(r.params["page"]) - 1) * size)}
    if kind == "page_number_from_0_with_total":
        pages = -(-count // size)
        return PageNumber("p", start=0, total_pages="meta.pages"), lambda r: {
            "data": cut(int(r.params["p"]) * size),
            "meta": {"pages": pages},
        }
    if kind == "offset":
        return Offset("skip", size_param="limit", size=size), lambda r: {
            "data": rows[int(r.params["skip"]) :][: int(r.params["limit"])]
        }
    if kind == "offset_capped_with_total":  # asks for 50, gets `size` at most
        return Offset("skip", size_param="limit", size=50, total="total"), lambda r: {
            "data": cut(int(r.params["skip"])),
            "total": count,
        }
    if kind == "token":

        def token(request):
            begin = int(request.params.get("after", "0"))
            return {"data": cut(begin), "next": str(begin + size) if begin + size < count else None}

        return NextToken("next", param="after"), token
    if kind == "token_with_more":

        def more(request):
            begin = int(request.params.get("after", "0"))
            return {"data": cut(begin), "next": begin + size, "more": begin + size < count}

        return NextToken("next", param="after", more="more"), more
    assert kind == "link"

    def link(request):
        query = request.url.partition("?after=")[2]
        begin = int(query or 0)
        following = f"/things?after={begin + size}" if begin + size < count else ""
        return {"data": cut(begin), "links": {"next": following}}

    return NextLink("links.next"), link


KINDS = [
    "page_number",
    "page_number_from_0_with_total",
    "offset",
    "offset_capped_with_total",
    "token",
    "token_with_more",
    "link",
]


@pytest.mark.parametrize("kind", KINDS)
@given(count=st.integers(0, 60), size=st.integers(1, 50))
def test_every_record_is_read_once_in_order(kind, count, size):
    paging, answer = served(kind, count, size)
    client = Client(HOME, transport=Script(answer), clock=FakeClock())
    read = [record for page in client.pages("/things", records="data", paging=paging).read() for record in page.records]
    assert read == RECORDS[:count]


@pytest.mark.parametrize("kind", ["token", "token_with_more", "link", "offset", "page_number"])
@given(count=st.integers(1, 40), size=st.integers(1, 10), data=st.data())
def test_reading_on_from_any_page_position_gives_exactly_the_rest(kind, count, size, data):
    paging, answer = served(kind, count, size)
    pages = Client(HOME, transport=Script(answer), clock=FakeClock()).pages("/things", records="data", paging=paging)
    whole = list(pages.read())
    cut = data.draw(st.integers(0, len(whole) - 1))
    position = whole[cut].position
    if position is None:
        return
    if kind == "link" and cut == len(whole) - 1:
        return
    before = [record for page in whole[: cut + 1] for record in page.records]
    after = [record for page in pages.read(position) for record in page.records]
    assert before + after == RECORDS[:count]


def test_a_token_of_zero_is_a_token(scripted, sequence):
    client, script = scripted(sequence({"data": [{"id": 1}], "next": 0}, {"data": [{"id": 2}], "next": None}))
    pages = client.pages("/things", records="data", paging=NextToken("next", param="after"))
    assert [record["id"] for page in pages.read() for record in page.records] == [1, 2]
    assert script.requests[1].params == {"after": "0"}


def test_an_empty_page_in_the_middle_of_token_paging_is_not_the_end(scripted, sequence):
    client, _ = scripted(sequence({"data": [], "next": "a"}, {"data": [{"id": 2}], "next": None}))
    pages = client.pages("/things", records="data", paging=NextToken("next", param="after"))
    assert [len(page.records) for page in pages.read()] == [0, 1]


def test_a_token_that_comes_twice_ends_in_an_error_after_its_page(scripted):
    numbers = iter(range(99))
    client, script = scripted(lambda _: {"data": [{"id": next(numbers)}], "next": "same"})
    read = []
    with pytest.raises(ContractError, match="same next position twice"):
        read.extend(client.pages("/things", records="data", paging=NextToken("next", param="after")).read())
    assert [page.records for page in read] == [[{"id": 0}], [{"id": 1}]]
    assert len(script.requests) == 2


@pytest.mark.parametrize("paging", [PageNumber("page"), Offset("skip")])
def test_a_source_that_ignores_the_paging_parameter_is_found_out(scripted, paging):
    client, _ = scripted(lambda _: {"data": RECORDS[:10]})
    with pytest.raises(ContractError, match="two pages in a row hold the same records"):
        list(client.pages("/things", records="data", paging=paging).read())


def test_an_endless_source_ends_at_the_cap(scripted):
    numbers = iter(range(999))
    client, _ = scripted(lambda _: {"data": [{"id": next(numbers)}]})
    with pytest.raises(ContractError, match="more than 20 pages"):
        list(client.pages("/things", records="data", paging=PageNumber("page"), max_pages=20).read())


def test_more_without_a_token_is_an_error_not_an_end(scripted):
    client, _ = scripted(lambda _: {"data": RECORDS[:3], "more": True, "next": None})
    with pytest.raises(ContractError, match="says 'more' but gives no 'next'"):
        list(client.pages("/things", records="data", paging=NextToken("next", param="a", more="more")).read())


def test_a_total_that_is_never_reached_is_an_error_not_an_end(scripted, sequence):
    client, _ = scripted(sequence({"data": RECORDS[:3], "total": 9}, {"data": [], "total": 9}))
    with pytest.raises(ContractError, match="9 records but sent none from offset 3"):
        list(client.pages("/things", records="data", paging=Offset("skip", total="total")).read())


def test_a_next_link_to_another_host_is_refused(scripted):
    client, script = scripted(lambda _: {"data": RECORDS[:3], "next": "https://evil.test/x"})
    with pytest.raises(ContractError, match=r"another address"):
        list(client.pages("/things", records="data", paging=NextLink("next")).read())
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"items": []}, "'data' is not in the response, which holds: items"),
        ({"data": None}, "should be a list of records but is null"),
        ({"data": {"id": 1}}, "is an object"),
        ({"data": [1]}, "record 0 of 'data' is a number"),
        ([], "which holds: a list"),
        ({}, "nothing"),
    ],
)
def test_records_that_are_not_where_they_were_are_an_error_never_zero_rows(scripted, body, words):
    client, _ = scripted(lambda _: body)
    with pytest.raises(ContractError) as caught:
        list(client.pages("/things", records="data").read())
    assert words in str(caught.value)


def test_the_body_itself_can_be_the_list_and_parameters_that_are_none_are_left_out(scripted):
    client, script = scripted(lambda _: RECORDS[:2])
    pages = client.pages("/things", paging=Single(), params={"a": 1, "b": None})
    assert [page.records for page in pages.read()] == [RECORDS[:2]]
    assert script.requests[0].params == {"a": "1"}


def test_a_refused_page_is_an_error(scripted, sequence):
    client, _ = scripted(sequence({"data": RECORDS[:3], "next": "b"}, Response(400)))
    with pytest.raises(SourceError):
        list(client.pages("/things", records="data", paging=NextToken("next", param="after")).read())


def test_an_end_that_a_rule_declares_is_no_error(scripted, sequence):
    end = Rule("end", status=404)
    client, _ = scripted(sequence({"data": RECORDS[:3]}, Response(404)))
    pages = client.pages("/things", records="data", paging=PageNumber("page"), rules=[end])
    assert [page.records for page in pages.read()] == [RECORDS[:3]]
    client, _ = scripted(lambda _: Response(404))
    assert list(client.pages("/things", records="data", rules=[end]).read()) == []


def test_one_long_answer_comes_in_pieces_and_only_the_last_has_a_position(scripted):
    lines = "".join(f'{{"id": {number}}}\n' for number in range(2500))
    client, script = scripted(lambda _: Response(200, {}, lines.encode()))
    pages = list(client.pages("/things", format=Jsonl()).read())
    assert [len(page.records) for page in pages] == [1000, 1000, 500]
    assert [one["id"] for page in pages for one in page.records] == list(range(2500))
    assert all(page.position is None and page.body is None and page.size > 0 for page in pages)
    assert script.requests[0].spool


def test_a_paged_answer_in_pieces_is_one_page(scripted, sequence):
    def lines(begin, end):
        return Response(200, {}, "".join(f'{{"id": {number}}}\n' for number in range(begin, end)).encode() or b"\n")

    client, _ = scripted(sequence(lines(0, 2500), lines(2500, 2600), lines(0, 0)))
    pages = client.pages("/things", paging=Keyset("id", param="after"), format=Jsonl()).read()
    assert [(len(page.records), page.position) for page in pages] == [(2500, 2499), (100, 2599), (0, 2599)]


def test_an_answer_in_another_format_is_asked_for_again(scripted, sequence):
    client, script = scripted(sequence(Response(200, {}, b"<html>"), Response(200, {}, b'{"id": 1}\n')))
    assert [page.records for page in client.pages("/things", format=Jsonl()).read()] == [[{"id": 1}]]
    assert len(script.requests) == 2


def test_every_page_is_asked_for_with_the_bounds_of_the_slice(scripted, sequence):
    client, script = scripted(sequence({"data": RECORDS[:2], "next": "t"}, {"data": [], "next": None}))
    call = Call("/lists/{id}/things", params={"upto": UpTo()})
    pages = client.pages(call, records="data", paging=NextToken("next", param="after"))
    assert len(list(pages.read(Slice(part={"id": "a/b"}, up_to=7)))) == 2
    assert {request.url for request in script.requests} == {f"{HOME}/lists/a%2Fb/things"}
    assert [request.params for request in script.requests] == [{"upto": "7"}, {"upto": "7", "after": "t"}]


@dataclass(frozen=True)
class Chapters(Paging):
    """A paging of one's own needs two functions."""

    def place(self, request, position):
        return Query("chapter").put(request, position or "a")

    def after(self, position, body, records, response):
        following = body["chapters"].get(position or "a")
        return Step(following, more=following is not None)


def test_a_paging_of_ones_own_needs_two_functions(scripted):
    client, _ = scripted(lambda request: {"data": [{"id": request.params["chapter"]}], "chapters": {"a": "b"}})
    pages = client.pages("/things", records="data", paging=Chapters())
    assert [page.records for page in pages.read()] == [[{"id": "a"}], [{"id": "b"}]]
    assert (pages.durable, pages.foresees, pages.largest, pages.shape) == (False, False, 0, "Chapters /things")


def test_the_shape_of_a_keyset_names_its_key(scripted):
    client, _ = scripted(lambda _: {})
    assert client.pages("/things", paging=Keyset("id", param="after")).shape == "Keyset /things by id"
