"""The benchmark's source, as `connectors/cpg` has it, with larger pages."""

from headwater_runtime import ApiKey, Client, Config, Int, NextToken, Pages, Secret, Settings, Url

CONFIG = Config(
    api_key=Secret("API key"),
    base_url=Url("Address of the API"),
    page_size=Int("Records per request", default=1_000, low=1),
    checkpoint_rows=Int("Rows between two checkpoints", default=10_000, low=1),
)


def client(settings: Settings) -> Client:
    """Send the key in a header."""
    return Client(settings.base_url, auth=ApiKey("api_key", settings.api_key))


def cpg_data(client: Client, settings: Settings) -> Pages:
    """All records in the order the API keeps them."""
    return client.pages(
        "/cpg_data",
        records="cpg_records",
        paging=NextToken("next_cursor", param="cursor"),
        params={"page_size": settings.page_size},
    )
