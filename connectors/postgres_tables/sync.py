"""How each table is read, and from where the next sync goes on."""

from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase

from headwater_runtime import FullRefresh, Settings, Stream, Watermark
from headwater_runtime.sql import Database, Since

import models


def streams(db: Database, settings: Settings) -> Iterator[Stream]:
    """Read what has changed where a table tells when its rows did, else all of it.

    The database says which tables there are, at each sync. One without a key is read whole, and its rows only ever come.
    """
    for found in db.tables(schema=settings.schema, include=settings.include, exclude=settings.exclude):
        key = models.key(found, settings.keys)
        since = models.changed(found, settings.updated) if key else None
        at = Since(since, zone=settings.zone) if since else None
        rows = db.table(found.name, schema=found.schema, key=key, since=at, chunk=settings.chunk)
        if since:
            cursor = Watermark(since, lag=timedelta(seconds=settings.lag), zone=settings.zone)
        else:
            mirrored = any(fnmatchcase(found.name, pattern) for pattern in settings.vanished)
            cursor = FullRefresh(delete_vanished=bool(key) and mirrored)
        deleted = models.marked(found, settings.deleted) if key else None
        yield Stream(rows, {found.table(key=key): dict}, cursor, deleted=deleted)
