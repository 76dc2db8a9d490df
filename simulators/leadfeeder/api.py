"""The legacy JSON:API: accounts, leads, visits, custom feeds and the tracking script of the accounts a token can see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from headwater.simulate import Envelope, Meter, Remembered, Reply, Request, Route

from .account import FEEDS, Account, Shown
from .answers import document, page, page_of, refuse, resource

__all__ = ["Api"]

ENVELOPE = Envelope(records="data", next="links.next", param="page[number]", key="id", link=True)
UNPAID, FOREIGN = "555555", "999999"  # answered with 402 and 403
Endpoint = Callable[[Request, Account], Reply]


class Api:
    """Routes over the accounts. `meter` counts every request, and the option `revoked_at` names the one from which the token is void."""

    def __init__(self, accounts: Mapping[str, Account], token: str, meter: Meter, options: Mapping[str, Any]) -> None:
        self._accounts = accounts
        self._token = token
        self._meter = meter
        self._options = options
        self.asked = 0

    def routes(self) -> tuple[Route, ...]:
        """Return the routes that need an account, and `/accounts` itself."""
        one = "/accounts/{account}"
        return (
            Route("GET", "/accounts", self.front(self._list)),
            self._route(one, "accounts", lambda _, account: document("accounts", account.id, about(account))),
            self._route(f"{one}/leads", "leads", self._leads, ENVELOPE),
            self._route(f"{one}/leads/{{lead}}", "leads", self._lead),
            self._route(f"{one}/leads/{{lead}}/visits", "visits", self._visits_of, ENVELOPE),
            self._route(f"{one}/visits", "visits", self._visits, ENVELOPE),
            self._route(f"{one}/custom-feeds", "custom-feeds", _feeds),
            self._route(f"{one}/custom-feeds/{{feed}}", "custom-feeds", _feed),
            self._route(f"{one}/custom-feeds/{{feed}}/leads", "leads", self._leads, ENVELOPE),
            self._route(f"{one}/website-tracking-script", "website-tracking-script", _script),
        )

    def front(self, handler: Callable[[Request], Reply]) -> Callable[[Request], Reply]:
        """Return `handler` behind the meter and the check of the token."""

        def checked(request: Request) -> Reply:
            self.asked += 1
            revoked = self._options["revoked_at"] and self.asked >= self._options["revoked_at"]
            if revoked or request.headers.get("authorization") != f"Token token={self._token}":
                return refuse(401, "The API token is not valid.")
            return handler(request)

        return self._meter(checked)

    def _route(self, path: str, scope: str, endpoint: Endpoint, envelope: Envelope | None = None) -> Route:
        def handler(request: Request) -> Reply:
            account = self._accounts.get(request.captured["account"])
            if request.captured["account"] == UNPAID:
                return refuse(402, "The account has no paying plan.")
            if request.captured["account"] == FOREIGN or scope in self._options["forbidden"]:
                return refuse(403, "The token may not read this.")
            return endpoint(request, account) if account else refuse(404, "There is no such account.")

        return Route("GET", path, self.front(handler), envelope)

    def _list(self, _request: Request) -> Reply:
        accounts = [{"id": one.id, "type": "accounts", "attributes": about(one)} for one in self._accounts.values()]
        return Reply.json({"data": accounts}, records=len(accounts))

    def _leads(self, request: Request, account: Account) -> Reply:
        days = self._days(request)
        feed = request.captured.get("feed") or request.params.get("custom_feed_id")
        if feed is not None and feed not in FEEDS:
            return refuse(404, "There is no such custom feed.")
        if isinstance(days, Reply):
            return days
        return self._page(request, account.leads_between(*days, feed), account.lead_texts)

    def _lead(self, request: Request, account: Account) -> Reply:
        index = _lead_index(request, account)
        if index is None:
            return refuse(404, "There is no such lead.")
        return resource(account.leads.record(index))

    def _visits(self, request: Request, account: Account) -> Reply:
        days = self._days(request)
        if isinstance(days, Reply):
            return days
        return self._page(request, account.visits_between(*days), account.visit_texts)

    def _visits_of(self, request: Request, account: Account) -> Reply:
        days, index = self._days(request), _lead_index(request, account)
        if index is None:
            return refuse(404, "There is no such lead.")
        if isinstance(days, Reply):
            return days
        return self._page(request, account.visits_of(index, *days), account.visit_texts)

    def _page(self, request: Request, indices: Any, shown: Remembered[Shown]) -> Reply:
        which = page_of(request, clamp=self._options["clamp_size"])
        if isinstance(which, Reply):
            return which
        return page(request, indices, shown, which, null_next=self._options["null_next"])

    def _days(self, request: Request) -> tuple[date, date] | Reply:
        try:
            first, last = (date.fromisoformat(request.params[name]) for name in ("start_date", "end_date"))
        except (KeyError, ValueError):
            return refuse(self._options["date_error"], "start_date and end_date must be dates as YYYY-MM-DD.")
        if first > last:
            return refuse(self._options["date_error"], "start_date must not be after end_date.")
        return first, last


def about(account: Account) -> dict[str, Any]:
    """Return the attributes of an account."""
    return {
        "name": account.name,
        "subscription": "premium",
        "on_trial": False,
        "subscription_addons": [],
        "timezone": "Europe/Helsinki",
        "website_tracking_status": "tracking",
    }


def _lead_index(request: Request, account: Account) -> int | None:
    number = request.captured["lead"].removeprefix("lead-")
    index = int(number) - 1 if number.isascii() and number.isdigit() else -1
    return index if 0 <= index < len(account.leads) else None


def _feeds(_request: Request, _account: Account) -> Reply:
    feeds = [{"id": one, "type": "custom_feeds", "attributes": {"name": name}} for one, name in FEEDS.items()]
    return Reply.json({"data": feeds}, records=len(feeds))


def _feed(request: Request, _account: Account) -> Reply:
    feed = request.captured["feed"]
    return document("custom_feeds", feed, {"name": FEEDS[feed]}) if feed in FEEDS else refuse(404, "No such feed.")


def _script(_request: Request, account: Account) -> Reply:
    html = "<script>/* the tracker */</script>"
    attributes = {"script_hash": f"hash{account.id}", "script_html": html, "timezone": "Europe/Helsinki"}
    return document("website_tracking_scripts", account.id, attributes)
