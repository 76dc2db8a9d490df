"""The library a Headwater connector runs on: pages, cursors, rows, retries, limits, state and values.

It is copied beside `connector.py` when a connector is packaged, so it needs nothing but Python, `requests` and the SDK.
"""

from headwater_runtime.auth import ApiKey, Basic, Bearer, Jwt, Login, OAuth2
from headwater_runtime.bad import Errors
from headwater_runtime.call import Body, Call, End, Form, Header, Part, Query, Slice, Start, UpTo
from headwater_runtime.client import Client
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
from headwater_runtime.graphql.flat import Each, Flat
from headwater_runtime.graphql.paging import Relay
from headwater_runtime.graphql.reader import GraphQL
from headwater_runtime.job import Job, Links, Poll
from headwater_runtime.keyset import Keyset
from headwater_runtime.pages import Page, Pages
from headwater_runtime.paging import Last, NextLink, NextToken, Offset, PageNumber, Single, Sizes
from headwater_runtime.ranges import Windows
from headwater_runtime.records import Row, value_at
from headwater_runtime.retry import Retry
from headwater_runtime.rules import Rule
from headwater_runtime.sequence import Sequence
from headwater_runtime.source import Source
from headwater_runtime.stream import Beside, Stream
from headwater_runtime.tables import Table
from headwater_runtime.traffic import Limit
from headwater_runtime.watermark import Watermark

__all__ = [
    "ApiKey",
    "Basic",
    "Bearer",
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
    "Each",
    "End",
    "Errors",
    "Flat",
    "Form",
    "FullRefresh",
    "GraphQL",
    "Header",
    "HeadwaterError",
    "Int",
    "Job",
    "Json",
    "Jsonl",
    "Jwt",
    "Keyset",
    "Last",
    "Limit",
    "Links",
    "Login",
    "NextLink",
    "NextToken",
    "OAuth2",
    "Offset",
    "Page",
    "PageNumber",
    "Pages",
    "Part",
    "Poll",
    "Query",
    "Relay",
    "Retry",
    "Row",
    "Rule",
    "Secret",
    "Sequence",
    "Settings",
    "Single",
    "Sizes",
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
