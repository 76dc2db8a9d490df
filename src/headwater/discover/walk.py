"""The walk: reads the source to its end, or to the end of the budget, with the very loop the written connector will run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headwater.discover.reader import Reader
from headwater.discover.records import outside
from headwater.discover.trial import fingerprint
from headwater.discover.vocabulary import MORE_NAME
from headwater.model.spec import PagingSpec
from headwater_runtime.call import Header
from headwater_runtime.client import Client, Page, Pages
from headwater_runtime.errors import HeadwaterError
from headwater_runtime.keyset import Keyset
from headwater_runtime.paging import Last, NextLink, NextToken, Offset, PageNumber, Paging, Single
from headwater_runtime.records import Row

__all__ = ["Walk", "reading", "reread", "settle", "walk"]

NOT_FOUND = 404  # what some sources answer behind the last page


@dataclass(frozen=True)
class Walk:
    """What was read: `sizes` records a page, the plain values beside the records of each page, how it ended."""

    rows: list[Row]
    sizes: list[int]
    positions: list[Any]
    asides: list[dict[str, Any]]
    complete: bool
    trouble: str = ""
    status: int = 0

    @property
    def filled(self) -> int:
        """The number of pages that held records."""
        return sum(1 for size in self.sizes if size)


def reading(reader: Reader, records: str, paging: PagingSpec, size: int) -> Pages:
    """Return the endpoint as the runtime reads it, with `size` records a page where the source lets one choose."""
    address = reader.address
    client = Client(
        address.base_url,
        auth=address.access,
        headers=address.all_headers,
        transport=reader,
        clock=reader.clock,
    )
    params: Mapping[str, Any] = {
        name: value for name, value in address.all_params.items() if name not in {paging.param, paging.size_param}
    }
    if paging.size_param and paging.kind not in {"page_number", "offset", "keyset"}:
        params = {**params, paging.size_param: size}
    return client.pages(address.path, records=records, paging=_paging(paging, size), params=params)


def walk(reader: Reader, pages: Pages) -> Walk:
    """Read `pages` from the start, leaving one request of the budget for what comes after."""
    rows: list[Row] = []
    sizes: list[int] = []
    positions: list[Any] = []
    asides: list[dict[str, Any]] = []
    complete, trouble = False, ""
    reading_on = pages.read()
    try:
        while reader.left > 1:
            page = next(reading_on, None)
            if page is None:
                complete = True
                break
            rows += page.records
            sizes.append(len(page.records))
            positions.append(page.position)
            asides.append(dict(outside(json.loads(reader.last.body), pages.records)))
    except HeadwaterError as error:
        trouble = error.what
    return Walk(rows, sizes, positions, asides, complete, trouble, reader.last.status)


def reread(pages: Pages, position: Any) -> Sequence[Row] | None:
    """Return the page at `position` once more, in a reading of its own; None if the source refuses."""
    try:
        page: Page | None = next(iter(pages.read(position)), None)
    except HeadwaterError:
        return None
    return page.records if page is not None else None


def settle(walked: Walk, paging: PagingSpec) -> tuple[Walk, PagingSpec]:
    """Add to `paging` what only the walk can show, `total`, `total_pages`, `more`, and call a walk complete that they end.

    A total is taken only if it is the same on at least two pages and equals what was read: a number that happens to be the
    size of a page would end every later sync too early.
    """
    if paging.kind == "next_token":
        return _settle_more(walked, paging)
    ended = walked.complete or walked.status == NOT_FOUND
    if not ended or walked.filled < 2:
        return walked, paging
    if paging.kind == "offset":
        return walked, replace(paging, total=_constant(walked, len(walked.rows), "total"))
    if paging.kind == "page_number":
        path = _constant(walked, walked.filled, "page")
        return (replace(walked, complete=True, trouble="") if path else walked), replace(paging, total_pages=path)
    return walked, paging


def _settle_more(walked: Walk, paging: PagingSpec) -> tuple[Walk, PagingSpec]:
    """Take the flag that ends the reading if the last page still holds a token: without it, reading would go on in circles."""
    first = walked.asides[0] if walked.asides else {}
    for path in [
        path for path, value in first.items() if type(value) is bool and MORE_NAME.match(path.rpartition(".")[2])
    ]:
        flags = [aside.get(path) is True for aside in walked.asides]
        if all(flags) and not walked.complete and not walked.trouble:
            # The end was not seen. A source may leave a token on its last page, and this flag is then what ends the reading.
            return walked, replace(paging, more=path)
        end = flags.index(False) if False in flags else -1
        kept = sum(walked.sizes[: end + 1])
        before = {fingerprint(row) for row in walked.rows[:kept]}
        honest = all(fingerprint(row) in before for row in walked.rows[kept:])
        if end >= 0 and honest and walked.positions[end] is not None:
            rows = walked.rows[:kept]
            cut = slice(0, end + 1)
            whole = replace(
                walked,
                rows=rows,
                sizes=walked.sizes[cut],
                positions=walked.positions[cut],
                asides=walked.asides[cut],
                complete=True,
                trouble="",
            )
            return whole, replace(paging, more=path)
    return walked, paging


def _constant(walked: Walk, expected: int, hint: str) -> str:
    """Return the path whose value was `expected` on every page that held records, one with `hint` in it first."""
    pages = [aside for aside, size in zip(walked.asides, walked.sizes, strict=True) if size]
    paths = [
        path
        for path, value in pages[0].items()
        if type(value) is int and value == expected and all(page.get(path) == value for page in pages)
    ]
    return min(paths, key=lambda path: hint not in path.lower(), default="")


def _paging(spec: PagingSpec, size: int) -> Paging:
    sized = {"size_param": spec.size_param, "size": size} if spec.size_param else {}
    if spec.kind == "page_number":
        return PageNumber(spec.param, start=spec.start, total_pages=spec.total_pages or None, **sized)  # type: ignore[arg-type]
    if spec.kind == "offset":
        return Offset(spec.param, total=spec.total or None, **sized)  # type: ignore[arg-type]
    if spec.kind == "keyset":
        return Keyset(spec.path, spec.param, **sized)  # type: ignore[arg-type]
    path = {"body": spec.path, "header": Header(spec.path), "last": Last(spec.path)}[spec.source] if spec.path else ""
    if spec.kind == "next_token":
        return NextToken(path, spec.param, more=spec.more or None)  # type: ignore[arg-type]
    return NextLink(path) if spec.kind == "next_link" else Single()  # type: ignore[arg-type]
