"""paged: a route that shows records page by page, in any way of paging over any selection in any form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater.simulate.access import Access, guarded
from headwater.simulate.failing import Asked, Failing, failed
from headwater.simulate.message import Handler, Reply, Request
from headwater.simulate.paging import By, Given, whole_number
from headwater.simulate.place import Place, parameter
from headwater.simulate.population import Population
from headwater.simulate.rows import Refusal, Rows, rows
from headwater.simulate.shape import Json, Shape

__all__ = ["Size", "paged"]


@dataclass(frozen=True)
class Size:
    """How many records a page holds: `default` unless `param` asks for another, up to `most`. "" is a fixed size."""

    param: str = "limit"
    default: int = 10
    most: int = 100
    clamp: bool = False
    place: Place = "query"

    def of(self, request: Request) -> int:
        """Return the size of this page; Refusal for an impossible one."""
        size = whole_number(parameter(request, self.place, self.param), self.default, self.param)
        if size < 1 or (size > self.most and not self.clamp):
            raise Refusal(400, f"{self.param} must be from 1 to {self.most}.")
        return min(size, self.most)


def paged(
    source: Rows | Population,
    by: By,
    *,
    size: Size = Size(),
    shape: Shape = Json(),  # noqa: B008  (frozen)
    access: Access | None = None,
    failing: Sequence[Failing] = (),
    refuse: Callable[[int, str], Reply] = Reply.error,
) -> Handler:
    """Return a route over `source` paged `by` a way of paging, each page in `shape`, behind `access` if given.

    `failing` are the ways in which its queries fail.
    """
    selected = rows(source) if isinstance(source, Population) else source

    def handler(request: Request) -> Reply:
        try:
            found, wanted = selected.find(request), size.of(request)
            cut = by.cut(Given(request, found, wanted, selected.record))
        except Refusal as refusal:
            return refuse(refusal.status, str(refusal))
        if failure := failed(failing, Asked(wanted, found, cut.indices), refuse):
            return failure
        records = [selected.record(index) for index in cut.indices]
        body = b"".join(shape.chunks(records, cut.fields))
        return Reply(200, body, {"Content-Type": shape.content_type, **cut.headers}, records=len(records))

    return guarded(handler, access, refuse=refuse) if access else handler
