"""The library a Headwater connector runs on: pages, cursors, rows, retries, limits, state and values.

It is copied beside `connector.py` when a connector is packaged, so it needs nothing but Python, `requests` and the SDK.
"""

from headwater_runtime.auth import ApiKey
from headwater_runtime.client import Client, Page, Pages
from headwater_runtime.config import Choice, Config, Int, Secret, Settings, Text, Toggle, Url
from headwater_runtime.cursor import FullRefresh, Token
from headwater_runtime.errors import (
    ConfigError,
    ContractError,
    HeadwaterError,
    SourceError,
    TransientError,
    TransportError,
)
from headwater_runtime.paging import NextLink, NextToken, Offset, PageNumber, Single
from headwater_runtime.records import Row
from headwater_runtime.retry import Retry
from headwater_runtime.source import Source
from headwater_runtime.sync import Stream
from headwater_runtime.tables import Table

__all__ = [
    "ApiKey",
    "Choice",
    "Client",
    "Config",
    "ConfigError",
    "ContractError",
    "FullRefresh",
    "HeadwaterError",
    "Int",
    "NextLink",
    "NextToken",
    "Offset",
    "Page",
    "PageNumber",
    "Pages",
    "Retry",
    "Row",
    "Secret",
    "Settings",
    "Single",
    "Source",
    "SourceError",
    "Stream",
    "Table",
    "Text",
    "Toggle",
    "Token",
    "TransientError",
    "TransportError",
    "Url",
]
