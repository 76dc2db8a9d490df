"""The benchmark's source by offset: its answers say how many records there are."""

from headwater_runtime import ApiKey, Client, Config, Int, Offset, Pages, Secret, Settings, Url

CONFIG = Config(
    api_key=Secret("API key"),
    base_url=Url("Address of the API"),
    page_size=Int("Records per request", default=100, low=1),
    in_flight=Int("Requests at a time", default=1, low=1),
)


def client(settings: Settings) -> Client:
    """Send the key in a header."""
    return Client(settings.base_url, auth=ApiKey("api_key", settings.api_key))


def cpg_data(client: Client, settings: Settings) -> Pages:
    """All records in the order the API keeps them."""
    paging = Offset("offset", size_param="limit", size=settings.page_size, total="total")
    return client.pages("/cpg_data", records="cpg_records", paging=paging)
