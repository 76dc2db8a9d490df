"""Not executed: mypy checks that the public API can be used by a connector that is typed strictly."""

from __future__ import annotations

from collections.abc import Iterator

from headwater_runtime import (
    ApiKey,
    Choice,
    Client,
    Config,
    FullRefresh,
    Int,
    NextLink,
    NextToken,
    Offset,
    PageNumber,
    Pages,
    Retry,
    Row,
    Secret,
    Settings,
    Single,
    Source,
    Stream,
    Table,
    Text,
    Toggle,
    Token,
    Url,
)

CONFIG = Config(
    key=Secret("Key"),
    base_url=Url("Address", default="https://api.test"),
    size=Int("Size", default=10, low=1, high=100),
    region=Choice("Region", options=("eu", "us"), default="eu"),
    deep=Toggle("Deep"),
    title=Text("Title", default=""),
)
THINGS = Table("things", key=("id", "part"), columns={"price": {"type": "DECIMAL", "precision": 9, "scale": 2}})


def client(settings: Settings) -> Client:
    return Client(settings.base_url, auth=ApiKey("key", settings.key), retry=Retry(attempts=3))


def things(client: Client) -> Pages:
    return client.pages(
        "/things", records="data", paging=NextToken("next", param="cursor", more="more"), params={"n": 1}
    )


def thing(record: Row) -> Row | None:
    return record or None


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    yield Stream(things(client), {THINGS: thing}, cursor=Token(), checkpoint_rows=settings.size)
    for paging in (Single(), PageNumber("page"), Offset("offset", size_param="limit", size=10), NextLink("next")):
        yield Stream(client.pages("/x", paging=paging), {Table("x"): dict}, cursor=FullRefresh())


source = Source(CONFIG, client, streams)
declared: list[dict[str, object]] = source.schema({"key": "k"})
