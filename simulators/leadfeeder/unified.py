"""The newer unified API under /v1: another key, another paging, other limits and errors. Nothing of the legacy one is shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from headwater.simulate import Budget, Envelope, Meter, RateLimit, Reply, Request, Route, retry_after

from .account import Account
from .api import about

__all__ = ["Unified", "too_many"]

SIZE, LARGEST = 10, 100
TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
ENVELOPE = Envelope(records="data", next="", param="page[num]", key="id")
MONTH = 30 * 86_400.0


class Unified:
    """Routes under /v1 for the same accounts. `per_second` None leaves out every limit."""

    def __init__(self, accounts: Mapping[str, Account], key: str, per_second: int | None) -> None:
        self._accounts = accounts
        self._key = key
        # A burst of 15 over 10 a second: 15 in any 1.5 seconds.
        limits = [RateLimit(per_second * 3 // 2, 1.5), RateLimit(100_000, MONTH)] if per_second else []
        self.meter = Meter(*limits, announce=(retry_after,), refuse=too_many)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            Route("GET", "/v1/accounts", self._front(self._list)),
            Route("GET", "/v1/web-visits/companies", self._front(self._companies), ENVELOPE),
            Route("POST", "/v1/web-visits", self._front(self._visits), ENVELOPE),
        )

    def _front(self, handler: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        def checked(request: Request) -> Reply:
            if request.headers.get("x-api-key") != self._key:
                return _refuse(401)
            return handler(request)

        return self.meter(checked)

    def _list(self, _request: Request) -> Reply:
        accounts = [{"id": one.id, "type": "account", "attributes": about(one)} for one in self._accounts.values()]
        return Reply.json({"data": accounts, "meta": {"request_id": "req-1"}}, records=len(accounts))

    def _companies(self, request: Request) -> Reply:
        def show(account: Account, days: tuple[date, date], which: tuple[int, int]) -> Reply:
            found = account.leads_between(*days)
            records = [_renamed(account.leads.record(one), "company") for one in found[_cut(which)]]
            return _page(records, len(found), which)

        return self._answer(request, request.params, show)

    def _visits(self, request: Request) -> Reply:
        def show(account: Account, days: tuple[date, date], which: tuple[int, int]) -> Reply:
            found = account.visits_between(*days)
            records = [_renamed(account.visits.record(one), "web_visit") for one in found[_cut(which)]]
            return _page(records, len(found), which)

        try:
            body = request.json()
        except ValueError:
            return _refuse(400)
        return self._answer(request, body if isinstance(body, dict) else {}, show)

    def _answer(self, request: Request, asked: Mapping[str, Any], show: Callable[..., Reply]) -> Reply:
        account = self._accounts.get(request.params.get("account_id", ""))
        if account is None:
            return _refuse(403)
        # Where a POST takes its page is not documented: the query and the body both do.
        inner = asked.get("page")
        inner = inner if isinstance(inner, dict) else {}
        page = {**request.params, **{f"page[{name}]": one for name, one in inner.items()}}
        try:
            first, last = (date.fromisoformat(str(asked[name])) for name in ("start_date", "end_date"))
            number, size = int(page.get("page[num]", "1")), int(page.get("page[size]", str(SIZE)))
        except (KeyError, ValueError):
            return _refuse(400)
        if number < 1 or not 1 <= size <= LARGEST or first > last:
            return _refuse(400)
        return show(account, (first, last), (number, size))


def too_many(_budget: Budget) -> Reply:
    """Return the documented refusal."""
    return Reply.json({"code": "too_many_requests", "message": "Rate limit exceeded"}, status=429)


def _refuse(status: int) -> Reply:
    code = TITLES[status].lower().replace(" ", "_")
    error = {"errors": [{"code": code, "title": TITLES[status]}], "meta": {"request_id": "req-1"}}
    return Reply.json(error, status=status)


def _cut(which: tuple[int, int]) -> slice:
    number, size = which
    return slice((number - 1) * size, number * size)


def _page(records: list[dict[str, Any]], count: int, which: tuple[int, int]) -> Reply:
    pages = -(-count // which[1])
    return Reply.json({"data": records, "meta": {"page_count": pages, "request_id": "req-1"}}, records=len(records))


def _renamed(record: dict[str, Any], kind: str) -> dict[str, Any]:
    return {**record, "type": kind}
