"""Each way of paging, served small: the spec is exact, and the finding says what was seen."""

import base64

import pytest

from headwater.model import PagingSpec, TableSpec
from headwater.simulate import Reply


def finding(found, topic):
    (one,) = [each for each in found.findings if each.id == f"discover.{topic}"]
    return one


def only(found):
    (endpoint,) = found.spec.endpoints
    return endpoint


def number(request, name, default):
    return int(request.params.get(name, default))


def test_token_in_a_nested_path(vendor, find, people):
    rows = people(95)

    def answer(request):
        at = (
            int(base64.b64decode(request.params["scroll_cursor"]).decode()[5:])
            if "scroll_cursor" in request.params
            else 0
        )
        token = base64.b64encode(f"after{at + 20}".encode()).decode() if at + 20 < 95 else None
        return {"result": {"people": rows[at : at + 20]}, "meta": {"page_info": {"scroll_cursor": token}}}

    found = find(vendor.serve(answer))
    endpoint = only(found)
    assert endpoint.records == "result.people"
    assert endpoint.table == TableSpec("people", ("id",))
    assert endpoint.paging == PagingSpec("next_token", param="scroll_cursor", path="meta.page_info.scroll_cursor")
    assert endpoint.token_is_durable
    assert endpoint.complete
    assert endpoint.records_seen == 95
    assert "brought 20 records, none of them on page 1" in finding(found, "paging").hint


def test_token_sent_back_under_another_name(vendor, find, people):
    rows = people(30)

    def answer(request):
        at = {"k1": 10, "k2": 20}.get(request.params.get("page_token"), 0)
        return {"items": rows[at : at + 10], "next": {0: "k1", 10: "k2"}.get(at, "")}

    assert only(find(vendor.serve(answer))).paging == PagingSpec("next_token", param="page_token", path="next")


def test_a_last_page_that_still_holds_a_token_ends_by_its_flag(vendor, find, people):
    rows = people(30)

    def answer(request):
        at = min(20, int(request.params.get("cursor", "c0")[1:]))
        return {"data": rows[at : at + 10], "next_cursor": f"c{min(at + 10, 20)}", "has_more": at < 20}

    endpoint = only(find(vendor.serve(answer)))
    assert endpoint.paging == PagingSpec("next_token", param="cursor", path="next_cursor", more="has_more")
    assert endpoint.complete
    assert endpoint.records_seen == 30


def test_a_token_that_counts_pages_is_no_cursor(vendor, find, people):
    rows = people(30)

    def answer(request):
        page = number(request, "page", 1)
        return {"data": rows[page * 10 - 10 : page * 10], "next_page": page + 1 if page < 3 else None}

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec("next_token", param="page", path="next_page")
    assert not only(found).token_is_durable
    assert "counts pages" in finding(found, "cursor").what


def test_a_token_used_up_is_no_cursor(vendor, find, people):
    rows, used = people(40), set()

    def answer(request):
        token = request.params.get("cursor", "")
        if token in used:
            return Reply.error(400, "This cursor has expired.")
        if token == "c20":
            used.add("c10")
        at = int(token[1:] or 0)
        return {"data": rows[at : at + 10], "next_cursor": f"c{at + 10}" if at < 30 else None}

    found = find(vendor.serve(answer))
    assert only(found).complete
    assert not only(found).token_is_durable
    assert "another page" in finding(found, "cursor").what


def test_newest_first_is_no_cursor(vendor, find):
    rows = [{"id": f"x{n}", "created_at": f"2025-01-{28 - n:02}T00:00:00Z"} for n in range(28)]

    def answer(request):
        at = int(request.params.get("cursor", "a0")[1:])
        return {"data": rows[at : at + 10], "next_cursor": f"a{at + 10}" if at < 20 else None}

    found = find(vendor.serve(answer))
    assert not only(found).token_is_durable
    assert "newest records come first" in finding(found, "cursor").what


@pytest.mark.parametrize("style", ["/things?from_row={}", "?from_row={}", "{base}/things?from_row={}"])
def test_next_links_absolute_and_relative(vendor, find, people, style):
    rows = people(50)

    def answer(request):
        at = number(request, "from_row", 0)
        base = f"http://{request.headers['host']}"
        return {"value": rows[at : at + 20], "links": {"next": style.format(at + 20, base=base) if at < 40 else None}}

    endpoint = only(find(vendor.serve(answer)))
    assert endpoint.paging == PagingSpec("next_link", path="links.next")
    assert endpoint.complete
    assert endpoint.records_seen == 50


def test_a_link_to_another_host_is_not_followed(vendor, find, people):
    found = find(vendor.serve(lambda _: {"data": people(10), "next": "http://127.0.0.2:9/things?page=2"}))
    assert finding(found, "paging").severity == "error"
    assert "http://127.0.0.2, where no credential is sent" in finding(found, "paging").hint


@pytest.mark.parametrize(("start", "name"), [(0, "page"), (1, "page"), (0, "pageIndex"), (1, "p")])
def test_page_numbers_from_zero_and_one(vendor, find, people, start, name):
    rows = people(45)

    def answer(request):
        at = (number(request, name, start) - start) * 20
        return {"rows": rows[at : at + 20] if at >= 0 else []}

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec("page_number", param=name, start=start)
    assert only(found).complete
    assert f"{name}={start} equals the first page" in finding(found, "paging").hint


def test_a_single_page_shows_its_parameter_by_the_empty_page_after_it(vendor, find, people):
    def answer(request):
        return people(9) if number(request, "page", 1) == 1 else []

    assert only(find(vendor.serve(answer))).paging == PagingSpec("page_number", param="page", start=1)


def test_a_page_behind_the_last_that_is_not_found_ends_by_the_page_count(vendor, find, people):
    rows = people(45)

    def answer(request):
        page = number(request, "page", 1)
        if not 1 <= page <= 3:
            return Reply.error(404, "Invalid page.")
        return {"results": rows[page * 20 - 20 : page * 20], "num_pages": 3}

    endpoint = only(find(vendor.serve(answer)))
    assert endpoint.paging == PagingSpec("page_number", param="page", start=1, total_pages="num_pages")
    assert endpoint.complete


def test_a_page_behind_the_last_that_is_not_found_and_no_page_count_is_an_error(vendor, find, people):
    rows = people(45)

    def answer(request):
        page = number(request, "page", 1)
        return {"results": rows[page * 20 - 20 : page * 20]} if 1 <= page <= 3 else Reply.error(404, "Invalid page.")

    found = find(vendor.serve(answer))
    assert finding(found, "last_page").severity == "error"
    assert "404" in finding(found, "last_page").what


def test_offset_with_total_and_a_cap_on_the_page_size(vendor, find, people):
    rows = people(430)

    def answer(request):
        at, size = number(request, "$skip", 0), min(120, number(request, "$top", 50))
        return {"value": rows[at : at + size], "@count": 430, "total": 430, "page_count": 120}

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec(
        "offset", param="$skip", total="total", size_param="$top", size=100, size_max=120
    )
    assert only(found).records_seen == 430
    assert "120 is the cap" in finding(found, "page_size").hint


def test_a_total_that_equals_one_page_only_is_not_trusted(vendor, find, people):
    rows = people(40)

    def answer(request):
        at = number(request, "offset", 0)
        return {"data": rows[at : at + 50], "total": len(rows[at : at + 50])}

    assert only(find(vendor.serve(answer))).paging == PagingSpec("offset", param="offset")


def test_the_largest_page_size_is_read_from_the_error(vendor, find, people):
    rows = people(260)

    def answer(request):
        size, at = number(request, "limit", 25), number(request, "offset", 0)
        if size > 75:
            return Reply.json({"detail": "limit: Input should be less than or equal to 75"}, status=422)
        return {"data": rows[at : at + size]}

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec("offset", param="offset", size_param="limit", size=75, size_max=75)
    assert finding(found, "page_size").hint == (
        "limit=12 brought 12 records; limit=1000 is refused (422), limit=75 is honoured, as its error says"
    )


@pytest.mark.parametrize("total", [2, 9, 50])
def test_a_source_that_fits_on_one_page_is_made_to_page(vendor, find, people, total):
    rows = people(total)

    def answer(request):
        at, size = int(request.params.get("cursor", "c0")[1:]), number(request, "limit", 50)
        return {"data": rows[at : at + size], "next_cursor": f"c{at + size}" if at + size < total else None}

    found = find(vendor.serve(answer))
    endpoint = only(found)
    assert (endpoint.paging.kind, endpoint.paging.param, endpoint.paging.path) == (
        "next_token",
        "cursor",
        "next_cursor",
    )
    assert finding(found, "paging").hint.startswith(
        f"with limit={max(1, total // 2)}, 'next_cursor' sent back as 'cursor'"
    )
    assert endpoint.complete
    assert endpoint.records_seen == total


def test_a_source_that_will_page_once_it_has_grown_is_a_warning(vendor, find, people):
    found = find(vendor.serve(lambda _: {"data": people(8), "next_page_token": None}))
    assert finding(found, "paging").severity == "warning"
    assert "'next_page_token' says that the source pages once it has grown" in finding(found, "paging").what


def test_one_answer_that_holds_as_many_as_asked_for_may_hide_more(vendor, find, people):
    found = find(vendor.serve(lambda request: people(number(request, "limit", 10))))
    assert only(found).paging == PagingSpec(size_param="limit", size=1000, size_max=1000)
    assert finding(found, "last_page").severity == "error"
    assert "there may be more" in finding(found, "last_page").what


def test_a_link_under_a_name_with_a_dot(vendor, find, people):
    rows = people(30)

    def answer(request):
        at = number(request, "$skiptoken", 0)
        link = {"@odata.nextLink": f"/things?$skiptoken={at + 10}"} if at < 20 else {}
        return {"value": rows[at : at + 10], **link}

    endpoint = only(find(vendor.serve(answer)))
    assert endpoint.paging == PagingSpec("next_link", path=r"@odata\.nextLink")
    assert endpoint.complete
    assert endpoint.records_seen == 30


def test_records_and_a_token_under_names_with_dots(vendor, find, people):
    rows = people(30)

    def answer(request):
        at = int(request.params.get("cursor", "c0")[1:])
        return {"v1.rows": {"a*?": rows[at : at + 10]}, "next.cursor": f"c{at + 10}" if at < 20 else None}

    endpoint = only(find(vendor.serve(answer)))
    assert endpoint.records == r"v1\.rows.a\*\?"
    assert endpoint.paging == PagingSpec("next_token", param="cursor", path=r"next\.cursor")
    assert endpoint.records_seen == 30


def test_parameters_that_are_ignored_are_not_paging(vendor, find, people):
    found = find(vendor.serve(lambda _: people(25)))
    assert only(found).paging == PagingSpec()
    assert "page, page_number" in finding(found, "paging").hint
    assert "ignored, the answer equals page 1" in finding(found, "paging").hint
    assert found.requests < 10


def test_more_pages_without_a_way_to_them_is_an_error(vendor, find, people):
    found = find(vendor.serve(lambda _: {"data": people(25), "total_count": 90}))
    assert finding(found, "paging").severity == "error"
    assert "'total_count' is 90" in finding(found, "paging").what


def test_pages_behind_the_last_key(vendor, find, people):
    rows = people(60)

    def answer(request):
        last = request.params.get("starting_after")
        at = next((n + 1 for n, row in enumerate(rows) if row["id"] == last), 0)
        return {"data": rows[at : at + 25], "has_more": at + 25 < 60}

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec("keyset", param="starting_after", path="id")
    assert "'starting_after' with the last record's 'id' brought 25 records" in finding(found, "paging").hint
    assert only(found).complete
    assert only(found).records_seen == 60
    assert not only(found).token_is_durable
    assert "a new 'id' may lie between old ones" in finding(found, "cursor").what


def test_pages_behind_the_last_id_of_records_in_no_order(vendor, find, people):
    rows = [row for pair in zip(people(30, start=30), people(30), strict=True) for row in pair]

    def answer(request):
        last = request.params.get("starting_after")
        at = next((n + 1 for n, row in enumerate(rows) if row["id"] == last), 0)
        return {"data": rows[at : at + 25], "has_more": at + 25 < 60}

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec(
        "next_token", param="starting_after", path="id", source="last", more="has_more"
    )
    assert only(found).complete
    assert only(found).records_seen == 60


def test_whole_numbers_that_ascend_are_a_cursor(vendor, find):
    def answer(request):
        first = int(request.params.get("since_id", 0)) + 1
        return [{"id": n, "name": f"Person {n}"} for n in range(first, min(first + 20, 51))]

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec("keyset", param="since_id", path="id")
    assert only(found).token_is_durable
    assert only(found).records_seen == 50


def test_a_link_header_alone(vendor, find, people):
    rows = people(30)

    def answer(request):
        at = number(request, "weird", 0)
        link = {"Link": f'</things?weird={at + 10}>; rel="next"'} if at < 20 else {}
        return Reply.json(rows[at : at + 10], headers=link)

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec("next_link", path="Link", source="header")
    assert only(found).complete
    assert only(found).records_seen == 30


def test_a_link_header_to_another_host_is_not_followed(vendor, find, people):
    link = {"Link": '<http://127.0.0.2:9/things?page=2>; rel="next"'}
    found = find(vendor.serve(lambda _: Reply.json(people(10), headers=link)))
    assert finding(found, "paging").severity == "error"
    assert "the header Link: leads to another host, where no credential is sent" in finding(found, "paging").hint


def test_paging_parameters_of_the_address_are_not_fixed(vendor, find, people):
    rows = people(30)

    def answer(request):
        at, size = number(request, "pageNo", 1), number(request, "count", 7)
        return {"data": rows[at * size - size : at * size]} if request.params.get("kind") == "a" else {"data": []}

    endpoint = only(find(vendor.serve(answer) + "?kind=a&pageNo=1&count=10"))
    assert endpoint.params == {"kind": "a"}
    assert endpoint.paging.param == "pageNo"
    assert endpoint.paging.size_param == "count"


def test_records_that_change_between_requests_are_told_apart_by_their_id(vendor, find, people):
    asked = []

    def answer(request):
        asked.append(1)
        at = number(request, "page", 1)
        return [{**row, "seen": len(asked)} for row in people(45)[at * 20 - 20 : at * 20]]

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec("page_number", param="page", start=1)
    assert "'id' does not" in finding(found, "steady").what


def test_the_budget_ends_the_reading_and_says_so(vendor, find, people):
    def answer(request):
        return {"data": people(10, start=number(request, "offset", 0))}

    found = find(vendor.serve(answer))
    assert found.requests <= 40
    assert len(vendor.server.log) == found.requests
    assert not only(found).complete
    assert finding(found, "last_page").severity == "warning"
    assert "the end was not seen" in finding(found, "last_page").what


def test_a_source_that_breaks_on_every_parameter_is_not_called_unpaged(vendor, find, people, clock):
    found = find(vendor.serve(lambda request: Reply.error(500, "oops") if request.params else people(9)))
    assert finding(found, "paging").severity == "warning"
    assert "the request budget ended before every way was tried" in finding(found, "paging").what


def test_an_order_that_is_not_fixed_is_a_warning(vendor, find, people):
    asked = []

    def answer(_):
        asked.append(1)
        return people(20, start=7 * len(asked))

    found = find(vendor.serve(answer))
    assert finding(found, "steady").severity == "warning"
    assert only(found).paging.kind == "single"


def test_what_a_terminal_would_obey_is_not_in_a_finding(vendor, find):
    found = find(vendor.serve(lambda _: {"da\x1b[2Jta": [{"id": 1, "\u202ename": "\x1b]0;title\x07"}]}))
    told = [text for each in found.findings for text in (each.what, each.hint)]
    assert all(text.isprintable() for text in [*told, *only(found).fields.values()])


def test_an_offset_that_counts_pages_is_not_taken_for_one(vendor, find, people):
    rows = people(300)

    def answer(request):
        at = number(request, "offset", 0) * 10
        return {"data": rows[at : at + 10], "total": 300}

    found = find(vendor.serve(answer))
    assert only(found).paging.kind == "single"
    assert finding(found, "paging").severity == "error"
    assert (
        "offset: brought 10 records, none of them on page 1, which is not the next page"
        in finding(found, "paging").hint
    )


def test_a_token_that_never_changes_is_not_paging(vendor, find, people):
    rows = people(20)

    def answer(request):
        return {"data": rows[10:] if request.params.get("token") == "abc" else rows[:10], "token": "abc"}

    assert only(find(vendor.serve(answer))).paging == PagingSpec()


def test_a_link_back_into_the_same_records_is_not_paging(vendor, find, people):
    def answer(request):
        return {"data": people(3 if "short" in request.params else 10), "next_view": "/things?short=1"}

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec()
    assert "next_view: following it brought 3 records, 3 of them on page 1" in finding(found, "paging").hint


def test_a_flag_that_lies_does_not_end_the_reading(vendor, find, people):
    rows = people(40)

    def answer(request):
        at = int(request.params.get("cursor", "c0")[1:])
        return {"data": rows[at : at + 10], "next_cursor": f"c{at + 10}" if at < 30 else None, "has_more": False}

    endpoint = only(find(vendor.serve(answer)))
    assert endpoint.paging == PagingSpec("next_token", param="cursor", path="next_cursor")
    assert endpoint.records_seen == 40


def test_a_large_page_that_holds_all_there_is_is_not_a_cap(vendor, find, people):
    rows = people(45)

    def answer(request):
        at, size = number(request, "offset", 0), number(request, "limit", 10)
        return rows[at : at + size]

    found = find(vendor.serve(answer))
    assert only(found).paging == PagingSpec("offset", param="offset", size_param="limit", size=100, size_max=1000)
    assert finding(found, "page_size").hint == "limit=5 brought 5 records; limit=1000 brought 45"
