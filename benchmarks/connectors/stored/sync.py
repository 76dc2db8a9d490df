"""Which files feed which table."""

from collections.abc import Iterator

from headwater_runtime import Settings, Stream
from headwater_runtime.storage import Manifest, Place

from models import ORDERS


def streams(place: Place, settings: Settings) -> Iterator[Stream]:
    """Read the files that are new; their format is found by their names and content."""
    yield Stream(place.files(settings.pattern), {ORDERS: dict}, Manifest())
