"""The words real APIs use: what to try as a parameter, in this order, and what to make of a field's name."""

from __future__ import annotations

import re

__all__ = [
    "ASIDE",
    "KEYSET_PARAMS",
    "MORE_NAME",
    "OFFSET_PARAMS",
    "PAGE_PARAMS",
    "PAGING_NAME",
    "PUBLIC_HEADER",
    "SECRET_NAME",
    "SECRET_VALUE",
    "SIZE_PARAMS",
    "TOKEN_PARAMS",
    "UNTELLING",
    "USUAL",
]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TOKEN_PARAMS = _words(
    "cursor page_token pageToken next_token nextToken after starting_after scroll_cursor scroll_id continuation_token"
    " continuationToken continuation token marker bookmark next_cursor nextCursor next_page_token page next offset start from"
)
PAGE_PARAMS = _words(
    "page page_number pageNumber p page[number] pageNo page_no pageIndex page_index currentPage current_page"
)
OFFSET_PARAMS = _words("offset skip start $skip startIndex start_index startAt from page[offset]")
SIZE_PARAMS = _words(
    "limit page_size per_page pageSize perPage size $top page[size] max_results maxResults page_limit pagelen rows take first"
    " count top results_per_page num"
)
KEYSET_PARAMS = _words("starting_after after after_id since_id last_id min_id start_after")

USUAL = frozenset(
    _words("data results result items records value values entries entities hits rows objects list content elements")
)
ASIDE = frozenset(
    _words(
        "errors error warnings messages links link facets included columns meta metadata aggregations filters sort schema fields"
        " pagination paging notices notes debug"
    )
)
UNTELLING = re.compile(r"^(v?\d+(\.\d+)*|api|rest|list|search|query|all|json|index)$|\.", re.IGNORECASE)
MORE_NAME = re.compile(
    r"^(has_?(more|next)(_?(page|items|results|records))?|more|next_?page_?exists|(is_?)?truncated)$", re.IGNORECASE
)
PAGING_NAME = re.compile(r"page|next|cursor|continuation|scroll|after|limit|size", re.IGNORECASE)
SECRET_NAME = re.compile(
    r"auth|key(?!word)|token|secret|passw|pwd|credential|signature|^sig$|session|cookie|app_?id$", re.IGNORECASE
)
# A header of another name is taken for a credential: what an allow-list forgets becomes a setting, not a line of code.
PUBLIC_HEADER = re.compile(
    r"^(accept(-.*)?|content-type|user-agent|referer|origin|prefer|cache-control|if-.*|x-requested-with|.*-?version)$",
    re.IGNORECASE,
)
SECRET_VALUE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+/=.~-]{20,}")
