"""The library a Headwater connector runs on: pages, cursors, rows, retries, limits, state and values.

It is copied beside `connector.py` when a connector is packaged, so it needs nothing but Python, `requests` and the SDK.
"""

from headwater_runtime.auth import ApiKey
from headwater_runtime.bad import Errors
from headwater_runtime.call import Body, Call, End, Form, Header, Part, Query, Slice, Start, UpTo
from headwater_runtime.client import Client, Page, Pages
from headwater_runtime.config import Choice, Config, Date, Int, Secret, Settings, Text, Toggle, Url
from headwater_runtime.cursor import FullRefresh, Token
from headwater_runtime.errors import (
    ConfigError,
    ContractError,
    HeadwaterError,
    SourceError,
    TransientError,
    TransportError,
)
from headwater_runtime.formats import Csv, Json, Jsonl, Xml
from headwater_runtime.paging import NextLink, NextToken, Offset, PageNumber, Single
from headwater_runtime.ranges import Windows
from headwater_runtime.records import Row, value_at
from headwater_runtime.retry import Retry
from headwater_runtime.rules import Rule
from headwater_runtime.sequence import Sequence
from headwater_runtime.source import Source
from headwater_runtime.stream import Beside, Stream
from headwater_runtime.tables import Table
from headwater_runtime.watermark import Watermark

__all__ = [
    "ApiKey",
    "Beside",
    "Body",
    "Call",
    "Choice",
    "Client",
    "Config",
    "ConfigError",
    "ContractError",
    "Csv",
    "Date",
    "End",
    "Errors",
    "Form",
    "FullRefresh",
    "Header",
    "HeadwaterError",
    "Int",
    "Json",
    "Jsonl",
    "NextLink",
    "NextToken",
    "Offset",
    "Page",
    "PageNumber",
    "Pages",
    "Part",
    "Query",
    "Retry",
    "Row",
    "Rule",
    "Secret",
    "Sequence",
    "Settings",
    "Single",
    "Slice",
    "Source",
    "SourceError",
    "Start",
    "Stream",
    "Table",
    "Text",
    "Toggle",
    "Token",
    "TransientError",
    "TransportError",
    "UpTo",
    "Url",
    "Watermark",
    "Windows",
    "Xml",
    "value_at",
]
