"""The CPG demo API: its settings, its key and its one endpoint. Knows no tables."""

from headwater_runtime import ApiKey, Client, Config, Int, NextToken, Pages, Secret, Settings, Url

CONFIG = Config(
    api_key=Secret("CPG API key"),
    base_url=Url("Address of the API", default="https://sdk-demo-api-dot-internal-sales.uc.r.appspot.com"),
    page_size=Int("Records per request", default=100, low=1, high=200),
)


def client(settings: Settings) -> Client:
    """Send the key as header `api_key`, as the API's README has it."""
    return Client(settings.base_url, auth=ApiKey("api_key", settings.api_key))


def cpg_data(client: Client, settings: Settings) -> Pages:
    """All records in the order the API keeps them. A page's cursor still works after the data has grown."""
    return client.pages(
        "/cpg_data",
        records="cpg_records",
        paging=NextToken("next_cursor", param="cursor"),
        params={"page_size": settings.page_size},
    )
