"""A stream that cannot work is refused when it is declared, by its name and with the remedy."""

import pytest

from headwater_runtime import (
    Beside,
    Body,
    Call,
    Client,
    Errors,
    FullRefresh,
    NextToken,
    Offset,
    PageNumber,
    Part,
    Stream,
    Table,
    Token,
)
from headwater_runtime.errors import ConfigError, ContractError
from headwater_runtime.stream import check

from .conftest import HOME

CLIENT = Client(HOME)
THINGS = Table("things", key="id")
OTHERS = Table("others", key="id")
PARENT = Stream(CLIENT.pages("/parents"), {OTHERS: dict})
TOKENS = NextToken("next", param="after")


def pages(call="/things", **options):
    return CLIENT.pages(call, **options)


def of_part(**options):
    return Stream(pages("/parents/{id}/things"), {THINGS: dict}, **options)


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda: Stream(pages(), {}), "a stream fills no table"),
        (lambda: Stream(pages(paging=Offset("o")), {THINGS: dict}, Token()), "needs NextToken"),
        (of_part, "'things' needs id of a part, but is read once.*per="),
        (lambda: Stream(pages(Call("/x", params={"of": Part("a.b")})), {THINGS: dict}), "needs a.b of a part"),
        (lambda: Stream(pages(), {THINGS: dict}, when=bool), "has `when` or `carry`, but no `per`"),
        (lambda: Stream(pages(), {THINGS: dict}, carry={"x": "id"}), "has `when` or `carry`, but no `per`"),
        (lambda: Stream(pages(), {THINGS: dict}, per=PARENT), "nothing says by which fields parts differ"),
        (lambda: Stream(pages(), {THINGS: dict}, per=[{"id": 1}]), "nothing says by which fields parts differ"),
        (lambda: of_part(per=[{"id": 1}, {"name": "x"}]), "needs 'id', which an entry of `per` lacks"),
        (lambda: of_part(per=[{"id": 1}], carry={"owner": "who"}), "needs 'who', which an entry of `per` lacks"),
        (lambda: of_part(per=PARENT, cursor=FullRefresh(delete_vanished=True)), "does not go with parts"),
        (
            lambda: Stream(pages(Call("/x", json={"q": lambda at: f"of {at.part['id']}"})), {THINGS: dict}, per=PARENT),
            "beside a function of the slice give `carry=`",
        ),
        (lambda: Stream(pages(), {THINGS: dict}, parallel=0), "is read 0 at a time"),
        (lambda: Stream(pages(paging=TOKENS), {THINGS: dict}, parallel=2), "cannot be read in parallel"),
        (lambda: Stream(pages(paging=TOKENS), {THINGS: dict}, Token(), parallel=2), "cannot be read in parallel"),
        (lambda: Errors(Table("errors", key="at")), "the key of an errors table is 'id'"),
        (lambda: Errors(limit=0), "lets none pass"),
        (lambda: Call("/x", json={}, form={}), "a JSON body and a form"),
        (lambda: Call("/x", "GET", json={}), "a GET has a body"),
    ],
)
def test_what_cannot_work_is_refused_with_a_remedy(declare, words):
    with pytest.raises(ConfigError, match=f"(?s){words}") as caught:
        declare()
    assert caught.value.hint


@pytest.mark.parametrize(
    ("streams", "words"),
    [
        ([Stream(pages("/a"), {THINGS: dict}), Stream(pages("/b"), {THINGS: dict})], "share one saved position"),
        ([Stream(pages("/a"), {THINGS: dict, Table("things"): dict})], "two different tables are called 'things'"),
        ([of_part(per=PARENT)], "for each record of 'others', which is not yielded"),
        ([Stream(pages("/a"), {}, name="alone")], "stream 'alone' fills no table"),
        (
            [Stream(pages("/a"), {THINGS: dict}, errors=Errors(Table("others", key="id"))), PARENT],
            None,  # the same table, declared twice alike, is one
        ),
        (
            [
                Stream(pages("/a"), {THINGS: dict}, FullRefresh(delete_vanished=True)),
                Stream(pages("/b"), {OTHERS: dict, THINGS: dict}),
            ],
            "deletes what vanished from 'things', which another stream fills too",
        ),
    ],
)
def test_streams_that_do_not_fit_together_are_refused(streams, words):
    if words is None:
        assert [table.name for table in check(streams)] == ["things", "others"]
        return
    with pytest.raises(ConfigError, match=words) as caught:
        check(streams)
    assert caught.value.hint


def test_a_parent_may_fill_no_table_if_it_has_a_name():
    parent = Stream(pages("/parents"), {}, name="parents")
    assert [table.name for table in check([parent, of_part(per=parent)])] == ["things"]


def test_the_errors_table_is_one_of_the_tables():
    errors = Table("errors", key="id")
    assert check([Stream(pages(), {THINGS: dict}, errors=Errors(errors))]) == (THINGS, errors)


def test_the_shape_tells_what_gives_a_position_its_meaning():
    stream = Stream(pages(paging=TOKENS), {THINGS: dict, OTHERS: dict}, Token())
    assert stream.shape == "token NextToken /things → others, things"
    assert Stream(pages(), {THINGS: dict}, version=2).shape == "full_refresh Single /things → things v2"
    wide = PageNumber("page", size_param="n", size=50)
    narrow = PageNumber("page", size_param="n", size=10)
    assert (
        Stream(pages(paging=wide), {THINGS: dict}).shape == Stream(pages(paging=narrow), {THINGS: dict}).shape
    )  # a page size changes no position's meaning


def test_numbered_pages_can_be_read_in_parallel_and_so_can_parts():
    assert Stream(pages(paging=PageNumber("page")), {THINGS: dict}, parallel=8).parallel == 8
    assert of_part(per=PARENT, parallel=8).sliced


def test_a_stream_is_itself_only():
    assert Stream(PARENT.pages, PARENT.into) != PARENT
    assert len({PARENT, PARENT}) == 1


def test_beside_needs_a_whole_body():
    from headwater_runtime import Csv

    with pytest.raises(ConfigError, match="Beside on a streamed format"):
        Stream(pages(format=Csv()), {THINGS: dict, OTHERS: Beside("included", dict)})


# What a call is made of -----------------------------------------------------------------------------------------------


def test_a_call_is_filled_from_its_slice():
    from headwater_runtime import End, Slice, Start, UpTo

    from .moments import moment

    call = Call(
        "/lists/{id}/of {owner.name}",
        params={"from": Start("%Y-%m-%d"), "to": End("epoch"), "ms": End("epoch_ms"), "none": None, "yes": True},
        headers={"x-list": Part("id")},
        json={"ids": [Part("id")], "below": UpTo(), "text": "{not} filled", "null": None},
    )
    part = {"id": 7, "owner": {"name": "Ö/x"}}
    request = call.at(HOME + "/v2/", Slice(part, moment(2025, 1, 2), moment(2025, 1, 3)))
    assert (request.method, request.url) == ("POST", f"{HOME}/v2/lists/7/of %C3%96%2Fx")
    assert request.params == {"from": "2025-01-02", "to": "1735862400", "ms": "1735862400000", "yes": "true"}
    assert request.headers == {"Content-Type": "application/json", "x-list": "7"}
    assert request.body == b'{"ids": [7], "text": "{not} filled", "null": null}'


def test_a_filter_whose_bound_has_no_value_is_left_out_whole():
    from headwater_runtime import Slice, Start

    from .moments import moment

    since = Start()
    template = {"and": [{"f": "a", "v": since}, ["b", ">=", since], {"f": "c", "v": None}, {"deep": {"v": since}}]}
    call = Call("/x", json=template)
    assert call.at(HOME).body == b'{"and": [{"f": "c", "v": null}, {"deep": {}}]}'
    filled = call.at(HOME, Slice(start=moment(2025, 1, 2)))
    assert filled.body.count(b"2025-01-02T00:00:00Z") == 3


def test_a_part_without_the_field_is_an_error():
    from headwater_runtime import Slice

    with pytest.raises(ContractError, match="a part has no 'id'"):
        Call("/x/{id}").at(HOME, Slice({"name": "x"}))
    with pytest.raises(ContractError, match="the 'id' of a part is empty"):
        Call("/x/{id}").at(HOME, Slice({"id": None}))


def test_a_value_goes_where_its_place_is():
    from headwater_runtime import Form, Header, Query

    request = Call("/x", json={"groups": [{"conditions": [{"value": 0}]}]}).at(HOME)
    body = Body("groups.0.conditions.0.value")
    assert body.put(request, 41).body == b'{"groups": [{"conditions": [{"value": 41}]}]}'
    assert Body("variables.after").put(request, "z").body.endswith(b'"variables": {"after": "z"}}')
    assert body.fits({"groups": [{"conditions": [{}]}]})
    assert not body.fits({"groups": []})
    assert Query("q").put(request, 5).params == {"q": "5"}
    assert Header("h").put(request, True).headers["h"] == "true"
    form = Call("/x", form={"a": "1"}).at(HOME)
    assert Form("b").put(form, "ä").body == b"a=1&b=%C3%A4"
