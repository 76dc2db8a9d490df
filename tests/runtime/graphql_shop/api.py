"""The shop's queries: what is asked of them, and how each level is paged. Knows no tables."""

from headwater_runtime import Bearer, Client, Config, GraphQL, Int, Offset, Part, Relay, Secret, Settings, Url

CONFIG = Config(
    base_url=Url("Address of the API"),
    token=Secret("Token"),
    page_size=Int("Orders a page", default=10, low=1, high=250),
)

TAX = "fragment Tax on Tax { id name rate }"
LINE = (
    TAX
    + """
fragment Line on Line {
  id sku quantity price { amount currency }
  taxes(first: 2) { nodes { ...Tax } pageInfo { hasNextPage endCursor } }
}"""
)
TAXES = (
    TAX
    + """
query Taxes($line: ID!, $after: String) {
  line(id: $line) { taxes(first: 2, after: $after) { nodes { ...Tax } pageInfo { hasNextPage endCursor } } }
}"""
)
LINES = (
    LINE
    + """
query Lines($order: ID!, $first: Int!, $after: String) {
  order(id: $order) { lines(first: $first, after: $after) { nodes { ...Line } pageInfo { hasNextPage endCursor } } }
}"""
)
ORDERS = (
    LINE
    + """
query Orders($first: Int!, $after: String) {
  orders(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id number total { amount currency }
      lines(first: 2) { nodes { ...Line } pageInfo { hasNextPage endCursor } }
    }
  }
}"""
)
CUSTOMERS = """
query Customers($offset: Int!, $limit: Int!) {
  customers(offset: $offset, limit: $limit) { total items { id name country } }
}"""


def client(settings: Settings) -> Client:
    """One token for everything."""
    return Client(settings.base_url, auth=Bearer(settings.token))


def orders(client: Client, settings: Settings) -> GraphQL:
    """Orders with all their lines, with all their taxes."""
    taxes = client.graphql(TAXES, "data.line.taxes.nodes", paging=Relay(), variables={"line": Part("id")})
    lines = client.graphql(
        LINES,
        "data.order.lines.nodes",
        paging=Relay(size=3),
        variables={"order": Part("id")},
        nested={"taxes.nodes": taxes},
    )
    return client.graphql(
        ORDERS, "data.orders.nodes", paging=Relay(size=settings.page_size), nested={"lines.nodes": lines}
    )


def customers(client: Client, settings: Settings) -> GraphQL:
    """Customers, by offset."""
    paging = Offset("offset", size_param="limit", size=settings.page_size, total="data.customers.total")
    return client.graphql(CUSTOMERS, "data.customers.items", paging=paging)
