"""Not executed: mypy checks that the public API can be used by a connector that is typed strictly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from headwater_runtime import (
    ApiKey,
    Basic,
    Bearer,
    Beside,
    Body,
    Call,
    Choice,
    Client,
    Config,
    Csv,
    Date,
    End,
    Errors,
    Form,
    FullRefresh,
    Header,
    Int,
    Job,
    Json,
    Jsonl,
    Jwt,
    Keyset,
    Last,
    Limit,
    Links,
    Login,
    NextLink,
    NextToken,
    OAuth2,
    Offset,
    PageNumber,
    Pages,
    Part,
    Poll,
    Query,
    Retry,
    Row,
    Rule,
    Secret,
    Sequence,
    Settings,
    Single,
    Sizes,
    Slice,
    Source,
    Start,
    Stream,
    Table,
    Text,
    Toggle,
    Token,
    UpTo,
    Url,
    Watermark,
    Windows,
    Xml,
    value_at,
)

DAY = timedelta(days=1)
CONFIG = Config(
    key=Secret("Key"),
    base_url=Url("Address", default="https://api.test"),
    size=Int("Size", default=10, low=1, high=100),
    region=Choice("Region", options=("eu", "us"), default="eu"),
    first=Date("First day", default="2024-01-01"),
    deep=Toggle("Deep"),
    title=Text("Title", default=""),
)
THINGS = Table("things", key=("id", "part"), columns={"price": {"type": "DECIMAL", "precision": 9, "scale": 2}})
PARTS, ERRORS = Table("parts", key="id"), Table("errors", key="id")


def claims(now: datetime) -> dict[str, object]:
    return {"iss": "me", "exp": int((now + DAY).timestamp())}


def client(settings: Settings) -> Client:
    return Client(
        settings.base_url,
        auth=ApiKey("key", settings.key),
        retry=Retry(attempts=3, also=(520,), patience=60.0, breaker=5),
        rules=(Rule("end", status=404, where={"code": "none"}), Rule("wait", status=(429, 412), seconds=60.0)),
        limits=(Limit(100, seconds=60, remaining="x-left", reset="x-reset"),),
        test=Call("/me"),
    )


def others(settings: Settings) -> Iterator[Client]:
    for auth in (
        ApiKey(Query("key"), settings.key),
        Bearer(settings.key),
        Basic("user", settings.key),
        OAuth2("https://login.test/token", "id", settings.key, refresh_token="r", rotates=True),
        Login(Call("/login", json={"key": settings.key}), token="token", prefix="Token "),
        Jwt(settings.key, claims),
    ):
        yield Client(settings.base_url, auth=auth)


def things(client: Client) -> Pages:
    return client.pages(
        "/things", records="data", paging=NextToken("next", param="cursor", more="more"), params={"n": 1}
    )


def exports(client: Client) -> Job:
    return client.job(
        create=Call("/exports", json={"from": Start(), "to": End("%Y-%m-%d")}),
        id="id",
        poll=Poll(Call("/exports/{job}"), status="status", done=("ready",), failed=("failed",)),
        download=Links("files.*.url", format=Csv()),
        delete=Call("/exports/{job}", "DELETE"),
    )


def thing(record: Row) -> Row | None:
    return record or None


def parts(record: Row) -> list[Row]:
    return [{"id": part} for part in value_at(record, "parts", [])]


def hidden(at: Slice) -> str:
    return f"since {at.start or datetime.now(timezone.utc):%Y-%m-%d}"


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    every = Stream(things(client), {THINGS: thing, PARTS: parts}, cursor=Token(), checkpoint_rows=settings.size)
    yield every
    for number, paging in enumerate(
        (Single(), PageNumber("page", start=0), Offset("offset", size_param="limit", size=10))
    ):
        yield Stream(
            client.pages("/x", paging=paging),
            {Table(f"x{number}", key="id"): dict},
            cursor=FullRefresh(delete_vanished=True),
        )
    for number, next_one in enumerate((NextLink(Header("Link")), NextToken(Last("id"), param=Body("after")))):
        yield Stream(
            client.pages(Call("/y", json={}), paging=next_one), {Table(f"y{number}"): Beside("included?", thing)}
        )
    form = client.pages(Call("/f", form={"n": "10"}), paging=NextToken("next", param=Form("after")))
    yield Stream(form, {Table("f"): thing}, cursor=Token())
    keyset = Keyset("id", param="since_id", size_param="take", size=Sizes(100, 10, 1), skip_param="skip")
    ids = client.pages(Call("/z", params={"until": UpTo(), "since": Start()}), paging=keyset, format=Json(large=True))
    yield Stream(ids, {Table("z"): thing}, cursor=Sequence(things(client), changed="at"), parallel=4)
    days = Windows(settings.first, step=30 * DAY, unit=DAY, lookback=DAY, most=1_000)
    yield Stream(exports(client), {Table("e"): thing}, cursor=days, checkpoint_slices=True, errors=Errors(ERRORS))
    marked = client.pages(Call("/lists/{id}/w", params={"q": hidden, "list": Part("id")}), format=Jsonl())
    mark = Watermark("at", start="2024-01-01", order="descending")
    yield Stream(marked, {Table("w"): thing}, cursor=mark, per=every, when=bool, carry={"list": "id"}, version=2)
    yield Stream(client.pages("/{r}/v", format=Xml()), {Table("v"): thing}, per=[{"r": "eu"}], name="v")


source = Source(CONFIG, client, streams, parallel=2)
declared: list[dict[str, object]] = source.schema({"key": "k"})
