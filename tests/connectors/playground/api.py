"""The practice API: four ways of paging, two of reading on, four of signing in, an export and a tree. Knows no tables."""

from dataclasses import replace

from headwater_runtime import (
    ApiKey,
    Basic,
    Bearer,
    Call,
    Client,
    Config,
    Csv,
    Login,
    NextLink,
    NextToken,
    Offset,
    PageNumber,
    Pages,
    Part,
    Secret,
    Settings,
    Start,
    Text,
    Url,
)

CONFIG = Config(
    base_url=Url("Address of the API"),
    username=Text("User of the basic sign-in"),
    password=Secret("Password of the basic sign-in"),
    token=Secret("Bearer token"),
    api_key=Secret("API key"),
    session_username=Text("User of the session sign-in"),
    session_password=Secret("Password of the session sign-in"),
)


def client(settings: Settings) -> Client:
    """A few requests at once, ten a second: more are refused with Retry-After, which is waited for."""
    return Client(settings.base_url)


def paged(client: Client) -> dict[str, Pages]:
    """The same records, paged in each way there is."""
    since = {"updated_since": Start("%Y-%m-%dT%H:%M:%SZ")}

    def numbered(name: str, paging: NextLink | PageNumber | Offset, **params: int) -> Pages:
        return client.pages(f"/pagination/{name}", records="data", paging=paging, params={**since, **params})

    return {
        "next_page_url": numbered("next_page_url", NextLink("next_page_url"), per_page=50),
        "page_number": numbered(
            "page_number", PageNumber("page", total_pages="total_pages", size_param="per_page", size=50)
        ),
        "offset": numbered("offset", Offset("offset", size_param="limit", size=50, total="total")),
    }


def scrolled(client: Client) -> Pages:
    """The records by a token that outlives the sync: it says after which moment to go on."""
    return client.pages("/pagination/keyset", records="data", paging=NextToken("scroll_param", param="scroll_param"))


def changed(client: Client) -> Pages:
    """The records changed since a moment, all at once."""
    return client.pages("/incremental/timestamp", records="data", params={"since": Start("%Y-%m-%dT%H:%M:%SZ")})


def steps(client: Client) -> Pages:
    """The records of a range of numbers."""
    call = Call("/incremental/step", params={"start_id": Part("first"), "end_id": Part("last")})
    return client.pages(call, records="data")


def exported(client: Client) -> Pages:
    """All records as one CSV file."""
    return client.pages("/export/csv", format=Csv())


def signed_in(client: Client, settings: Settings) -> dict[str, Pages]:
    """Some of the records, behind each way of signing in."""
    login = Call("/auth/session_token/login", json=dict(_session(settings)))
    auths = {
        "http_basic": Basic(settings.username, settings.password),
        "http_bearer": Bearer(settings.token),
        "api_key": ApiKey("Authorization", f"apiKey {settings.api_key}"),
        "session_token/data": Login(login, token="token", prefix="Token "),
    }
    return {name: replace(client, auth=auth).pages(f"/auth/{name}", records="data") for name, auth in auths.items()}


def _session(settings: Settings) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("username", settings.session_username), ("password", settings.session_password)


def companies(client: Client) -> Pages:
    """The companies."""
    return client.pages("/cursors/companies", records="data")


def departments(client: Client) -> Pages:
    """The departments of a company."""
    return client.pages("/cursors/{company_id}/departments", records="data")
