"""Which query feeds which table, and from which id and which day the next sync goes on."""

from collections.abc import Iterator
from datetime import timedelta

from headwater_runtime import Client, Errors, Sequence, Settings, Stream

import api
import models

QUERIES = (
    (api.CONTACTS, {models.CONTACTS: models.contact}),
    (api.INDIVIDUALS, {models.INDIVIDUALS: models.individual}),
    (api.GIFTS, {models.GIFTS: models.gift, models.DESIGNATIONS: models.designations}),
)


def streams(client: Client, settings: Settings) -> Iterator[Stream]:
    """Read what was added above the last id, and below it what was modified since the day of the last sync.

    A query that fails even at size 1 becomes a row of `errors`, and the sync goes on.
    """
    errors = Errors(models.ERRORS, limit=1_000)
    for path, into in QUERIES:
        ids = Sequence(api.newest(client, path), changed="modifiedDateTimeUtc", unit=timedelta(days=1))
        yield Stream(api.rows(client, settings, path), into, cursor=ids, errors=errors, parallel=settings.parallel)
