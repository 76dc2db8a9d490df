"""Which endpoint feeds which table, and from where the next sync goes on."""

from collections.abc import Iterator

from headwater_runtime import Client, FullRefresh, Settings, Stream, Token, Watermark

import api
from models import COMPANIES, DEPARTMENTS, row, table

LAST = 200  # the highest number the API gives a record in a range
RANGES = [{"first": first, "last": first + 49} for first in range(1, LAST, 50)]


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    """Every endpoint once, each read on as far as the API lets one."""
    mark = Watermark("updatedAt", start="2020-01-01")
    for name, pages in api.paged(client).items():
        yield Stream(pages, {table(name): row}, cursor=mark)
    yield Stream(api.scrolled(client), {table("keyset"): row}, cursor=Token())
    yield Stream(api.changed(client), {table("timestamp"): row}, cursor=mark)
    yield Stream(api.steps(client), {table("step"): row}, per=RANGES, parallel=4)
    yield Stream(api.exported(client), {table("csv"): row}, cursor=FullRefresh(delete_vanished=True))
    for name, pages in api.signed_in(client, settings).items():
        yield Stream(pages, {table(name.replace("/", "_")): row})
    every = Stream(api.companies(client), {COMPANIES: row})
    yield every
    yield Stream(api.departments(client), {DEPARTMENTS: row}, per=every)
