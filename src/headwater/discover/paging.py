"""How an endpoint is paged, found by asking: each way is believed only when it brings another page than the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from headwater.discover.key import id_like
from headwater.discover.records import escaped, outside
from headwater.discover.trial import Endpoint, Trial, next_of
from headwater.discover.vocabulary import KEYSET_PARAMS, MORE_NAME, OFFSET_PARAMS, PAGE_PARAMS, TOKEN_PARAMS
from headwater.model.spec import PagingSpec
from headwater_runtime.errors import ContractError
from headwater_runtime.keyset import Keyset
from headwater_runtime.records import MISSING, lookup
from headwater_runtime.transport import Response

__all__ = ["Found", "find_paging", "goes_on", "may_page", "says_more"]

TOKEN_NAME = re.compile(r"next|cursor|token|after|scroll|continu|bookmark|marker", re.IGNORECASE)
NOT_TOKEN = re.compile(r"prev|before|first|has_?more|has_?next|access_?token|csrf|total|count|url$", re.IGNORECASE)
CHECK = 2  # the page number that tells a first page from a second whether numbering begins at 0 or at 1


@dataclass(frozen=True)
class Found:
    """A way of paging that worked, with what was seen."""

    paging: PagingSpec
    evidence: str
    trial: Trial


def find_paging(endpoint: Endpoint) -> Found | None:
    """Return the first way of paging that brings a second page: a link, a token, a page number, an offset, the last key.

    What was tried in vain is left in `endpoint.asides`.
    """
    ways = (_next_link, _link_header, _next_token, _numbered, _last_key)
    return next((found for way in ways if (found := way(endpoint))), None)


def may_page(endpoint: Endpoint) -> str:
    """Return the field that would hold a token or link if there were more records, or "".

    Asked when everything came in one answer: such a source pages once it has grown.
    """
    for path, value in outside(endpoint.first.body, endpoint.records):
        name = path.rpartition(".")[2]
        if value in (None, "") and TOKEN_NAME.search(path) and not NOT_TOKEN.search(name.removesuffix("url")):
            return path
        if value is False and MORE_NAME.match(name):
            return path
    return ""


def goes_on(endpoint: Endpoint, paging: PagingSpec, trial: Trial) -> bool:
    """Tell whether there are records behind those of `trial`, which asked for the first page in another size."""
    if paging.kind == "next_link" and paging.source == "header":
        return bool(next_of(trial.reply.headers))
    if paging.kind == "keyset" or paging.source == "last":
        return bool(endpoint.ask({paging.param: lookup(trial.rows[-1], paging.path), **trial.params}).rows)
    if paging.kind in {"next_token", "next_link"}:
        return lookup(trial.reply.body, paging.path) not in {MISSING, None, ""}
    if paging.kind == "offset":
        return bool(endpoint.ask({paging.param: len(trial.rows)}).rows)
    return paging.kind == "page_number" and bool(endpoint.ask({paging.param: paging.start + 1, **trial.params}).rows)


def says_more(endpoint: Endpoint) -> str:
    """Return what in the first answer says that there are more records than it holds, or "".

    Asked when no paging was found: the difference between a small source and an unknown way of paging.
    """
    if endpoint.link_header:
        return "the header Link names a next page"
    for path, value in outside(endpoint.first.body, endpoint.records):
        name = path.rpartition(".")[2]
        if value is True and MORE_NAME.match(name):
            return f"'{path}' is true"
        number = isinstance(value, int) and not isinstance(value, bool)
        if (
            number
            and re.search(r"total", path, re.IGNORECASE)
            and "page" not in path.lower()
            and value > len(endpoint.rows)
        ):
            return f"'{path}' is {value}"
        if isinstance(value, str) and "next" in path.lower() and value:
            return f"'{path}' holds something"
    return ""


def _next_link(endpoint: Endpoint) -> Found | None:
    for path, value in outside(endpoint.first.body, endpoint.records):
        if not (
            isinstance(value, str) and "next" in path.lower() and value.startswith(("http://", "https://", "/", "?"))
        ):
            continue
        trial = endpoint.follow(value)
        if trial.reply.trouble == "another host":
            there = urlsplit(urljoin(endpoint.reader.address.base_url, value))
            endpoint.asides.append(f"{path}: leads to {there.scheme}://{there.hostname}, where no credential is sent")
        elif not trial.moved:
            endpoint.asides.append(f"{path}: following it {trial.evidence if trial.rows else 'brought no page'}")
        elif lookup(endpoint.first.body, path) != value:
            endpoint.asides.append(f"{path}: works, but its name cannot be written as a path")
        else:
            kind = "an absolute" if value.startswith("http") else "a relative"
            evidence = f"'{path}' holds {kind} link; following it {trial.evidence}"
            return Found(PagingSpec("next_link", path=path), evidence, trial)
    return None


def _link_header(endpoint: Endpoint) -> Found | None:
    if not endpoint.link_header:
        return None
    trial = endpoint.follow(endpoint.link_header)
    if trial.moved:
        evidence = f"the header Link holds a link with rel=next; following it {trial.evidence}"
        return Found(PagingSpec("next_link", path="Link", source="header"), evidence, trial)
    away = "leads to another host, where no credential is sent"
    told = away if trial.reply.trouble == "another host" else f"following it {trial.evidence}"
    endpoint.asides.append(f"the header Link: {told}")
    return None


def _last_key(endpoint: Endpoint) -> Found | None:
    """Ask for what comes behind the last record, by its id."""
    column = id_like(endpoint.rows)
    if not column:
        return None
    found = endpoint.find([], KEYSET_PARAMS, endpoint.rows[-1][column], lambda _, trial: trial.moved)
    if found is None:
        return None
    param, trial = found
    evidence = f"'{param}' with the last record's '{column}' {trial.evidence}"
    path = escaped(column)
    try:
        Keyset(path, param).after(None, None, [*endpoint.rows, *trial.rows[trial.known :]], Response(200))
    except ContractError:
        return Found(PagingSpec("next_token", param=param, path=path, source="last"), evidence, trial)
    return Found(PagingSpec("keyset", param=param, path=path), f"{evidence}; the ids ascend", trial)


def _next_token(endpoint: Endpoint) -> Found | None:
    tokens = [
        (path, value)
        for path, value in outside(endpoint.first.body, endpoint.records)
        if isinstance(value, (str, int))
        and not isinstance(value, bool)
        and value != ""
        and TOKEN_NAME.search(path)
        and not NOT_TOKEN.search(path.rpartition(".")[2])
        and lookup(endpoint.first.body, path) == value
    ]
    for path, value in sorted(tokens, key=lambda token: "next" not in token[0].lower()):

        def accept(name: str, trial: Trial, path: str = path, value: Any = value) -> bool:  # noqa: ARG001
            return trial.moved and lookup(trial.reply.body, path) != value

        found = endpoint.find(list(_likely_params(path)), TOKEN_PARAMS, value, accept)
        if found is not None:
            name, trial = found
            evidence = f"'{path}' sent back as '{name}' {trial.evidence}"
            return Found(PagingSpec("next_token", param=name, path=path), evidence, trial)
    return None


def _likely_params(path: str) -> Iterator[str]:
    """Yield the parameter names a token at `path` is most likely sent back as: its own name with and without "next"."""
    own = path.rpartition(".")[2]
    bare = re.sub(r"^next_?", "", own, flags=re.IGNORECASE)
    bare = bare[:1].lower() + bare[1:]
    if re.fullmatch(r"end_?cursor", own, re.IGNORECASE):
        yield from ("after", "cursor")
    if bare and bare != own:
        yield bare
    yield own


def _numbered(endpoint: Endpoint) -> Found | None:
    hints = endpoint.hints
    pages = [name for name in PAGE_PARAMS if name.lower() in hints]
    offsets = [name for name in OFFSET_PARAMS if name.lower() in hints]
    other_pages = [name for name in PAGE_PARAMS if name not in pages]
    other_offsets = [name for name in OFFSET_PARAMS if name not in offsets]
    for way, likely, others in (
        (_page_number, pages, []),
        (_offset, offsets, []),
        (_page_number, [], other_pages),
        (_offset, [], other_offsets),
    ):
        found = way(endpoint, likely, others)
        if found is not None:
            return found
    return None


def _page_number(endpoint: Endpoint, likely: list[str], others: list[str]) -> Found | None:
    starts: dict[str, int] = {}

    def accept(name: str, trial: Trial) -> bool:
        if not (trial.moved or trial.outcome == "none"):
            return False
        if endpoint.ask({name: 1}).outcome == "same":
            starts[name] = 1
        elif endpoint.ask({name: 0}).outcome == "same":
            starts[name] = 0
        return name in starts

    found = endpoint.find(likely, others, CHECK, accept)
    if found is None:
        return None
    name, trial = found
    start = starts[name]
    evidence = f"{name}={start} equals the first page and {name}={CHECK} {trial.evidence}"
    return Found(PagingSpec("page_number", param=name, start=start), evidence, trial)


def _offset(endpoint: Endpoint, likely: list[str], others: list[str]) -> Found | None:
    count = len(endpoint.rows)
    second = endpoint.identify(endpoint.rows[1]) if count > 1 else ""

    def accept(name: str, trial: Trial) -> bool:
        if not (trial.moved or trial.outcome == "none"):
            return False
        if count == 1:
            return True
        shifted = endpoint.ask({name: 1})
        return bool(shifted.rows) and endpoint.identify(shifted.rows[0]) == second

    found = endpoint.find(likely, others, count, accept)
    if found is None:
        return None
    name, trial = found
    proof = f", and {name}=1 began with the second record" if count > 1 else ""
    evidence = f"{name}={count} {trial.evidence}{proof}"
    return Found(PagingSpec("offset", param=name), evidence, trial)
