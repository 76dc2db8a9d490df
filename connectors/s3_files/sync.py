"""Which files fill which table, and how the next sync knows the files it has read."""

from collections.abc import Iterator
from datetime import timedelta

from headwater_runtime import Errors, Settings, Stream
from headwater_runtime.storage import Manifest, Place

import models


def streams(place: Place, settings: Settings) -> Iterator[Stream]:
    """Read the files that are new or have changed. What cannot be read of them becomes rows of `errors`."""
    errors = Errors(models.ERRORS, limit=10_000)
    for name, pattern, key in settings.tables:
        files = place.files(pattern, may_be_empty=settings.may_be_empty)
        seen = Manifest(delete_vanished=settings.delete_vanished and not key, settle=timedelta(seconds=settings.settle))
        yield Stream(files, {models.table(name, key): dict}, seen, errors=errors, parallel=settings.parallel)
