"""Times as sources write them: ISO 8601, the same on every Python that runs a connector, and zones by their names."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from headwater_runtime.errors import ConfigError

__all__ = ["iso", "zone_named"]

# Python 3.10's `fromisoformat` knows fractions of three and six digits only, and neither Z nor +0000.
ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?)?"
)


def iso(text: str) -> datetime:
    """Return the moment that `text` tells in ISO 8601, aware if it tells a zone; a date is its midnight.

    Of a fraction the first six digits count. Raises ValueError for anything else.
    """
    found = ISO.fullmatch(text.strip())
    if found is None:
        raise ValueError("not ISO 8601")
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    naive = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond)  # noqa: DTZ001
    return naive if zone is None else naive.replace(tzinfo=_offset(zone))


def _offset(text: str) -> timezone:
    if text in {"Z", "z", "UTC"}:
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def zone_named(name: str, where: str) -> tzinfo:
    """Return the zone with a name like Europe/Helsinki. Raises ConfigError at `where` for one that is not known."""
    if name == "UTC":
        return timezone.utc  # a machine may know no zone but this
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ConfigError(
            f"'{name}' is not a time zone", where=where, hint="use a name like Europe/Helsinki"
        ) from error
