"""Write a vendor's fake API: routes as plain functions over seeded data, served over real HTTP, with faults on demand."""

from headwater.simulate.access import Basic, Bearer, Key, guarded
from headwater.simulate.conditions import Conditions, Event
from headwater.simulate.course import Course
from headwater.simulate.envelope import Envelope
from headwater.simulate.failing import Asked, Heavy, Poisoned, Unwell, failed
from headwater.simulate.fault import CONTRACT_BREAKS, REQUEST_FAULTS, Fault, FaultPlan, FaultRule
from headwater.simulate.jobs import Jobs
from headwater.simulate.jwt import Jwt, PublicKey
from headwater.simulate.login import Login
from headwater.simulate.message import Handler, Reply, Request
from headwater.simulate.meter import (
    Budget,
    Meter,
    rate_limit_draft,
    reset_epoch,
    reset_iso,
    reset_seconds,
    retry_after,
    retry_after_date,
)
from headwater.simulate.oauth import OAuth
from headwater.simulate.odd import errors_in_200, flaky, html, huge, mislabelled, redirected, truncated, unmodified
from headwater.simulate.ordered import Ordered
from headwater.simulate.paged import Size, paged
from headwater.simulate.paging import Cut, Given, Keyset, NextLink, NextToken, Offset, PageNumber, Scroll, Single
from headwater.simulate.population import Population, Record, choice, draw
from headwater.simulate.position_token import PositionToken
from headwater.simulate.postgres_proxy import POSTGRES_FAULTS, PostgresProxy
from headwater.simulate.postgres_server import PostgresServer, postgres
from headwater.simulate.rate_limit import RateLimit
from headwater.simulate.remembered import Remembered
from headwater.simulate.request_log import Exchange
from headwater.simulate.rows import After, Equals, Refusal, Rows, Since, Within, deletions, rows
from headwater.simulate.server import Server, serve
from headwater.simulate.shape import Csv, Json, JsonLines, Xml, gzip_file, gzipped, streamed, zip_file
from headwater.simulate.simulation import Overlap, Route, Simulation, Truth
from headwater.simulate.simulator import Simulator, load_simulator
from headwater.simulate.timeline import Following, Spans, Timeline
from headwater.simulate.wsgi import wsgi

__all__ = [
    "CONTRACT_BREAKS",
    "POSTGRES_FAULTS",
    "REQUEST_FAULTS",
    "After",
    "Asked",
    "Basic",
    "Bearer",
    "Budget",
    "Conditions",
    "Course",
    "Csv",
    "Cut",
    "Envelope",
    "Equals",
    "Event",
    "Exchange",
    "Fault",
    "FaultPlan",
    "FaultRule",
    "Following",
    "Given",
    "Handler",
    "Heavy",
    "Jobs",
    "Json",
    "JsonLines",
    "Jwt",
    "Key",
    "Keyset",
    "Login",
    "Meter",
    "NextLink",
    "NextToken",
    "OAuth",
    "Offset",
    "Ordered",
    "Overlap",
    "PageNumber",
    "Poisoned",
    "Population",
    "PositionToken",
    "PostgresProxy",
    "PostgresServer",
    "PublicKey",
    "RateLimit",
    "Record",
    "Refusal",
    "Remembered",
    "Reply",
    "Request",
    "Route",
    "Rows",
    "Scroll",
    "Server",
    "Simulation",
    "Simulator",
    "Since",
    "Single",
    "Size",
    "Spans",
    "Timeline",
    "Truth",
    "Unwell",
    "Within",
    "Xml",
    "choice",
    "deletions",
    "draw",
    "errors_in_200",
    "failed",
    "flaky",
    "guarded",
    "gzip_file",
    "gzipped",
    "html",
    "huge",
    "load_simulator",
    "mislabelled",
    "paged",
    "postgres",
    "rate_limit_draft",
    "redirected",
    "reset_epoch",
    "reset_iso",
    "reset_seconds",
    "retry_after",
    "retry_after_date",
    "rows",
    "serve",
    "streamed",
    "truncated",
    "unmodified",
    "wsgi",
    "zip_file",
]
