"""Leadfeeder (Dealfront): its settings, its two kinds of key, its limits and its two endpoints. Knows no tables."""

from dataclasses import replace
from urllib.parse import quote

from headwater_runtime import (
    ApiKey,
    Call,
    Choice,
    Client,
    Config,
    Date,
    End,
    Int,
    Limit,
    PageNumber,
    Pages,
    Retry,
    Rule,
    Secret,
    Settings,
    Start,
    Text,
    Url,
)

CONFIG = Config(
    LEADFEEDER_API_TOKEN=Secret("Leadfeeder API token or key"),
    LEADFEEDER_ACCOUNT_ID=Text("Leadfeeder account id"),
    LEADFEEDER_BASE_API_URL=Url("Address of the API", default="https://api.leadfeeder.com"),
    api_generation=Choice("The kind of key", options=("token", "key"), default="token"),
    start_date_override=Date("First day to read", default="2024-01-01"),
    page_size=Int("Records per request", default=100, low=1, high=100),
)
DAYS = {"start_date": Start("%Y-%m-%d"), "end_date": End("%Y-%m-%d")}  # both days are included


def client(settings: Settings) -> Client:
    """Tokens of the first generation read at 100 requests a minute, keys of the second at 10 a second.

    Neither generation documents a header with its limit; a refused request waits for the next minute, as clients do.
    """
    if settings.api_generation == "key":
        auth, limit = ApiKey("X-Api-Key", settings.LEADFEEDER_API_TOKEN), Limit(10, seconds=1)
    else:
        auth = ApiKey("Authorization", f"Token token={settings.LEADFEEDER_API_TOKEN}")
        limit = Limit(100, seconds=60)
    return Client(
        settings.LEADFEEDER_BASE_API_URL,
        auth=auth,
        limits=(limit,),
        retry=Retry(attempts=5),
        rules=(
            Rule("wait", status=429, seconds=60),
            Rule("end", status=402, hint="the account has no paying plan, so it has no rows"),
        ),
    )


def leads(client: Client, settings: Settings) -> Pages:
    """Describe the leads with a visit on the days asked for, their places in `included`; at most 10,000 an answer to one range."""
    if settings.api_generation == "key":
        return _second(client, settings, Call("/v1/web-visits/companies", params={**DAYS, "include": "company"}))
    return _first(client, settings, "leads")


def visits(client: Client, settings: Settings) -> Pages:
    """Describe the visits of all leads on the days asked for, their places in `included`."""
    if settings.api_generation == "key":
        return _second(client, settings, Call("/v1/web-visits", json=DAYS))
    return _first(client, settings, "visits")


def _first(client: Client, settings: Settings, what: str) -> Pages:
    account = quote(settings.LEADFEEDER_ACCOUNT_ID, safe="")
    paging = PageNumber("page[number]", size_param="page[size]", size=settings.page_size, ends_short=True)
    return client.pages(Call(f"/accounts/{account}/{what}", params=DAYS), records="data", paging=paging)


def _second(client: Client, settings: Settings, call: Call) -> Pages:
    paging = PageNumber("page[num]", size_param="page[size]", size=settings.page_size, total_pages="meta.page_count")
    params = {**call.params, "account_id": settings.LEADFEEDER_ACCOUNT_ID}
    return client.pages(replace(call, params=params), records="data", paging=paging)
