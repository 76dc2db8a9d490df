"""Drawn sources: whatever pages, sizes and names, what was discovered reads everything, today and after growth."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.discover import discover
from headwater.discover.address import parse
from headwater.discover.reader import Reader
from headwater.discover.walk import reading
from headwater_runtime.clock import FakeClock
from headwater_runtime.transport import Response

PARAMS = {
    "page_number": ["page", "p", "pageNo", "page[number]"],
    "offset": ["offset", "skip", "$skip", "startAt"],
    "next_token": ["cursor", "page_token", "after", "scroll_cursor"],
    "next_link": ["from_row", "at"],
}
URL = "https://api.example.com/v1/things"


@dataclass(frozen=True)
class Source:
    """A Transport that is a paged vendor."""

    kind: str
    param: str
    start: int
    records: int
    usual: int
    cap: int
    size_param: str
    strict: bool
    path: tuple[str, ...]
    says_total: bool
    last_token_stays: bool

    def send(self, request):
        query = {**dict(parse_qsl(urlsplit(request.url).query)), **request.params}
        unknown = sorted(set(query) - {self.param, self.size_param})
        if self.strict and unknown:
            return self._reply({"error": f"Unexpected parameters: {', '.join(unknown)}"}, 400)
        size = min(self.cap, int(query.get(self.size_param) or self.usual))
        at = self._position(query, size)
        rows = [
            {"id": number, "name": f"n{number % 3}"} for number in range(at, min(at + size, self.records)) if at >= 0
        ]
        return self._reply(self._envelope(rows, at, size))

    def close(self):
        """Nothing is open."""

    def _position(self, query, size):
        given = query.get(self.param)
        if given is None:
            return 0
        if self.kind == "page_number":
            return (int(given) - self.start) * size
        digits = given.removeprefix("t-")
        return int(digits) if digits.isdigit() else 0

    def _envelope(self, rows, at, size):
        body = rows
        for name in reversed(self.path):
            body = {name: body}
        if not self.path:
            return body
        goes_on = at + size < self.records
        if self.kind == "next_token":
            body["next"] = f"t-{at + size}" if goes_on else None
            if self.last_token_stays:
                body |= {"next": f"t-{min(at + size, self.records)}", "has_more": goes_on}
        if self.kind == "next_link":
            body["links"] = {"next": f"?{self.param}={at + size}&{self.size_param}={size}" if goes_on else None}
        if self.says_total:
            body |= {"total": self.records, "pages": -(-self.records // size)}
        return body

    def _reply(self, body, status=200):
        return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())


@st.composite
def sources(draw):
    kind = draw(st.sampled_from(sorted(PARAMS)))
    usual = draw(st.integers(2, 30))
    envelope = st.sampled_from([("data",), ("result", "items"), ("things",)])
    return Source(
        kind=kind,
        param=draw(st.sampled_from(PARAMS[kind])),
        start=draw(st.integers(0, 1)),
        records=draw(st.integers(1, 120)),
        usual=usual,
        cap=draw(st.integers(usual, 60)),
        size_param=draw(st.sampled_from(["limit", "per_page", "pageSize", "$top"])),
        strict=draw(st.booleans()),
        path=draw(envelope if kind in {"next_token", "next_link"} else st.one_of(envelope, st.just(()))),
        says_total=draw(st.booleans()),
        last_token_stays=draw(st.booleans()),
    )


def read_all(source, endpoint):
    """Read `source` as a connector written from `endpoint` would."""
    reader = Reader(parse(URL, {}), source, FakeClock(), limit=1_000)
    pages = reading(reader, endpoint.records, endpoint.paging, endpoint.paging.size)
    return [row["id"] for page in pages.read() for row in page.records]


@settings(max_examples=300, deadline=None)
@given(sources(), st.integers(1, 100))
def test_what_is_discovered_reads_everything_today_and_after_growth(source, growth):
    found = discover(URL, name="Drawn", headers={}, transport=source, clock=FakeClock())
    (endpoint,) = found.spec.endpoints
    assert found.requests <= 40
    assert endpoint.records == ".".join(source.path)
    assert read_all(source, endpoint) == list(range(source.records))
    grown = replace(source, records=source.records + growth)
    silent = all(finding.severity == "info" for finding in found.findings if finding.id == "discover.paging")
    if silent:
        assert read_all(grown, endpoint) == list(range(grown.records))
    if source.records > 1:
        assert (endpoint.paging.kind, endpoint.paging.param) == (
            source.kind,
            "" if source.kind == "next_link" else source.param,
        )
        assert silent
