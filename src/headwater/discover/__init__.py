"""Layer 2: finds out by experiment how an endpoint answers, pages and keys its records."""

from headwater.discover.discovery import Discovery, discover

__all__ = ["Discovery", "discover"]
