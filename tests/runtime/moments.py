"""Moments in UTC, short to write."""

from datetime import datetime, timezone


def moment(*parts):
    return datetime(*parts, tzinfo=timezone.utc)
