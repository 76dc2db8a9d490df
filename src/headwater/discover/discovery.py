"""The discovery of one endpoint: the order of the experiments, and the findings they give."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from headwater.discover import refusal
from headwater.discover.address import Address, parse
from headwater.discover.findings import Findings
from headwater.discover.key import id_like
from headwater.discover.paging import Found, find_paging, goes_on, may_page, says_more
from headwater.discover.reader import Reader, Reply
from headwater.discover.records import Candidate, candidates
from headwater.discover.size import Size, find_size
from headwater.discover.survey import survey
from headwater.discover.trial import Endpoint, count, fingerprint
from headwater.errors import DiscoveryError
from headwater.model.finding import Finding
from headwater.model.spec import PagingSpec, SourceSpec, connector_name
from headwater_runtime.clock import Clock
from headwater_runtime.transport import Transport

__all__ = ["Discovery", "discover"]

EXPERIMENTS = 30  # requests to find out how the endpoint is paged
ALL = 40  # and with those, at most, to read it
DENIED = frozenset({401, 403})


@dataclass(frozen=True)
class Discovery:
    """What was found out, with its evidence. `secrets` are the values given, by configuration key; they are in nothing else."""

    spec: SourceSpec
    findings: tuple[Finding, ...]
    requests: int
    secrets: Mapping[str, str] = field(repr=False)


def discover(
    url: str,
    *,
    name: str,
    headers: Mapping[str, str],
    transport: Transport,
    clock: Clock,
    on_finding: Callable[[Finding], None] = lambda _: None,
) -> Discovery:
    """Find out how the endpoint at `url` is read, in at most 40 requests, and say what was not checked.

    Every finding of severity "error" names something that keeps a connector written from the spec from reading everything.
    Raises DiscoveryError if the endpoint cannot be read at all. No secret is in a finding or an error.
    """
    address = parse(url, headers)
    valid = connector_name(name)
    if not valid:
        raise DiscoveryError(
            "nothing of this name is left for a connection", where=repr(name), hint="use latin letters"
        )
    reader = Reader(address, transport, clock, EXPERIMENTS)
    first = reader.get()
    findings = Findings(f"GET {address.path}", on_finding)
    bearer = address.as_bearer() if first.status in DENIED else None
    if bearer is not None:
        again = _as_bearer(reader, address, bearer)
        if again.usable:
            first, address = again, bearer
            findings.add(
                "access", "the key is taken as a bearer token", "in the header it was given for it was refused"
            )
    refusal.check(first, address)
    if first.path != address.path:
        address = replace(address, path=first.path)
        reader.address = address
    endpoint = _endpoint(reader, first, findings)
    paging = _paging(endpoint, findings)
    reader.limit = ALL
    spec = survey(endpoint, paging, valid, findings)
    _limits(reader, findings)
    source = SourceSpec(
        name=valid,
        title=name,
        base_url=address.base_url,
        auth=address.auth,
        headers=address.headers,
        secret_headers=address.secret_headers,
        endpoints=(spec,),
    )
    return Discovery(source, tuple(findings.all), reader.requests, address.secrets)


def _as_bearer(reader: Reader, address: Address, bearer: Address) -> Reply:
    """Ask once more with the key as a bearer token, and leave the reader with what works."""
    reader.address = bearer
    again = reader.get()
    if not again.usable:
        reader.address = address
    return again


def _endpoint(reader: Reader, first: Reply, findings: Findings) -> Endpoint:
    """Find the records in the first answer and what tells them apart."""
    found = candidates(first.body, reader.address.path.rstrip("/").rpartition("/")[2])
    if not found or _is_one_object(first.body, found[0]):
        raise DiscoveryError(
            "the endpoint answers one object, not a list of records",
            where=f"GET {reader.address.path}",
            hint="start from the endpoint that lists these objects; a single object cannot be synced by this automation",
        )
    best, others = found[0], [candidate for candidate in found[1:] if candidate.rows]
    place = f"'{best.path}'" if best.path else "the body itself"
    if not best.rows:
        raise DiscoveryError(
            f"the source is empty: {place} is a list of 0 records",
            where=f"GET {reader.address.path}",
            hint="neither paging nor a key can be found out from nothing; add a record or a parameter that finds some",
        )
    rivals = (
        f"; other lists of objects, smaller or named like accessories: {', '.join(map(str, others))}" if others else ""
    )
    findings.add("records", f"the records are in {place}", f"{len(best.rows)} objects in the first answer{rivals}")
    again = reader.get()
    repeated = (
        next((one.rows for one in candidates(again.body, "") if one.path == best.path), []) if again.usable else []
    )
    endpoint = Endpoint(reader, best.path, first, best.rows)
    if repeated == best.rows:
        return endpoint
    column = id_like(best.rows)
    if column and [row.get(column) for row in repeated] == [row[column] for row in best.rows]:
        findings.add(
            "steady", f"records change between two equal requests, '{column}' does not", "pages are told apart by it"
        )
        return replace(endpoint, identify=lambda row: fingerprint({column: row.get(column)}))
    findings.add(
        "steady",
        "two equal requests brought different records",
        "the order is not fixed or the source changes quickly: pages read one after the other can miss records",
        "warning",
    )
    return endpoint


def _is_one_object(body: object, best: Candidate) -> bool:
    """Tell an object with a list inside from an envelope around the records."""
    identified = isinstance(body, dict) and any(name in body for name in ("id", "_id", "uuid"))
    return identified and best.rank[0] != 0


def _paging(endpoint: Endpoint, findings: Findings) -> PagingSpec:
    found = find_paging(endpoint)
    size = find_size(endpoint, lambda trial: goes_on(endpoint, found.paging if found else PagingSpec(), trial))
    if found is None and size is not None:
        found = _paging_of_small_pages(endpoint, size)
    if found is None:
        _unpaged(endpoint, findings)
    else:
        findings.add("paging", _paging_text(found.paging), found.evidence)
    paging = found.paging if found is not None else PagingSpec()
    if size is None:
        evidence = f"{count(len(endpoint.rows), 'record')} a page"
        findings.add("page_size", "no parameter that sets the page size was found", evidence)
        return paging
    asked = size.size if found is not None else size.largest or size.size  # one answer: as large as it gets
    findings.add("page_size", f"'{size.param}' sets the page size; the connector asks for {asked}", size.evidence)
    return replace(paging, size_param=size.param, size=asked, size_max=size.largest)


def _paging_of_small_pages(endpoint: Endpoint, size: Size) -> Found | None:
    """Make a source that fits on one page show how it pages, by asking for smaller pages."""
    smaller = endpoint.with_base({size.param: size.fewer}) if len(endpoint.rows) > 1 else None
    found = find_paging(smaller) if smaller is not None else None
    return replace(found, evidence=f"with {size.param}={size.fewer}, {found.evidence}") if found is not None else None


def _paging_text(paging: PagingSpec) -> str:
    place = {
        "body": f"at '{paging.path}'",
        "header": f"in the header {paging.path}",
        "last": f"'{paging.path}' of a page's last record",
    }
    return {
        "next_link": f"paged by the next link {place[paging.source]}",
        "next_token": f"paged by the token {place[paging.source]}, sent back as '{paging.param}'",
        "keyset": f"paged by key: the last '{paging.path}' sent back as '{paging.param}'",
        "page_number": f"paged by number: '{paging.param}' from {paging.start}",
        "offset": f"paged by offset: '{paging.param}'",
    }[paging.kind]


def _unpaged(endpoint: Endpoint, findings: Findings) -> None:
    """Say that everything came in one answer, or that more exists than was found a way to."""
    tried = "; ".join(endpoint.asides) or "nothing in the answer looks like a token or a link"
    more = says_more(endpoint)
    if more:
        findings.add(
            "paging", f"there is more than one page ({more}), but no way to the next was found", tried, "error"
        )
    elif not endpoint.reader.left:
        findings.add(
            "paging",
            "no way to a second page was found, but the request budget ended before every way was tried",
            tried,
            "warning",
        )
    elif may_page(endpoint):
        findings.add(
            "paging",
            f"everything comes in one answer today, but '{may_page(endpoint)}' says that the source pages once it has grown",
            "the way to the next page shows only then: discover it again when there are more records",
            "warning",
        )
    else:
        findings.add("paging", "not paged: everything comes in one answer", tried)


def _limits(reader: Reader, findings: Findings) -> None:
    limits = {
        name: value for name, value in reader.last.headers.items() if re.search(r"rate-?limit-?(limit|policy)$", name)
    }
    if limits:
        shown = ", ".join(f"{name}: {value}" for name, value in limits.items())
        findings.add("limits", "the source tells its rate limit", shown)
    if reader.waited:
        findings.add(
            "limits",
            f"the source limits the rate: waited {reader.waited:.0f} s as told",
            f"{reader.requests} requests",
            "warning",
        )
