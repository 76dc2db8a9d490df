"""Virtuous CRM+: its settings, its limits and how its query endpoints are asked. Knows no tables."""

from typing import Any

from headwater_runtime import (
    Bearer,
    Body,
    Call,
    Client,
    Config,
    Int,
    Keyset,
    Limit,
    Offset,
    Pages,
    Retry,
    Secret,
    Settings,
    Sizes,
    Start,
    UpTo,
    Url,
)

CONFIG = Config(
    api_key=Secret("Virtuous API key"),
    base_url=Url("Address of the API", default="https://api.virtuoussoftware.com"),
    page_size=Int("Records per request at most", default=1000, low=1, high=1000),
    parallel=Int("Requests at a time", default=8, low=1, high=8),
)
CONTACTS = "/api/Contact/Query/FullContact"
INDIVIDUALS = "/api/ContactIndividual/Query"
GIFTS = "/api/Gift/Query/FullGift"


def client(settings: Settings) -> Client:
    """Keep to the limit, which is the organisation's, 5,000 or 1,500 an hour: the headers say which, and when the hour is over."""
    return Client(
        settings.base_url,
        auth=Bearer(settings.api_key),
        limits=(Limit(5_000, seconds=3_600, remaining="x-ratelimit-remaining", reset="x-ratelimit-reset"),),
        retry=Retry(also=(520,)),  # the edge proxy's own
        test=Call("/api/Organization/Current"),
    )


def rows(client: Client, settings: Settings, path: str) -> Pages:
    """Describe the rows of `path` in the order of their ids, so that an edit or a deletion while reading moves nothing.

    Asked for above one id and up to another, and, where only changes are wanted, modified on or after a day. `skip` and
    `take` belong in the query string; `skip` stays 0 except to step over a row that fails alone.
    """
    conditions = [
        _condition("Id", "GreaterThan", 0),
        _condition("Id", "LessThanOrEqual", UpTo()),
        _condition("Last Modified Date", "OnOrAfter", Start("%Y-%m-%d")),  # left out where all rows are wanted
    ]
    paging = Keyset(
        "id",
        param=Body("groups.0.conditions.0.value"),
        size_param="take",
        size=Sizes(1000, 500, 250, 50, 10, 1, most=settings.page_size),
        skip_param="skip",
    )
    body = {"groups": [{"conditions": conditions}], "sortBy": "Id", "descending": False}
    return client.pages(Call(path, json=body), records="list", paging=paging)


def newest(client: Client, path: str) -> Pages:
    """Describe the row with the highest id that can be read."""
    body = {"groups": [], "sortBy": "Id", "descending": True}
    return client.pages(Call(path, json=body), records="list", paging=Offset("skip", size_param="take", size=Sizes(1)))


def _condition(parameter: str, operator: str, value: object) -> dict[str, Any]:
    return {"parameter": parameter, "operator": operator, "value": value}
