"""Export requests: asked for, polled, then downloaded as a file of leads."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from headwater.simulate import Reply, Request, Route

from .account import Account
from .answers import refuse
from .records import moment

__all__ = ["Exports"]

COLUMNS = ("id", "name", "industry", "first_visit_date", "last_visit_date", "website_url", "visits", "quality")
Front = Callable[[Callable[[Request], Reply]], Callable[[Request], Reply]]


@dataclass
class _Export:
    account: Account
    days: tuple[date, date]
    feed: str | None
    created: datetime
    polls: int = 0


class Exports:
    """The export requests made so far. One is ready at its `polls`-th poll; a failing one never is."""

    def __init__(self, accounts: Mapping[str, Account], options: Mapping[str, Any]) -> None:
        self._accounts = accounts
        self._options = options
        self._made: list[_Export] = []

    def routes(self, front: Front) -> tuple[Route, ...]:
        """Return the three routes behind `front`."""
        return (
            Route("POST", "/export-requests", front(self._create)),
            Route("GET", "/export-requests/{export}", front(self._poll)),
            Route("GET", "/download/{file}", front(self._download)),
        )

    def _create(self, request: Request) -> Reply:
        try:
            asked = request.json()["data"]["attributes"]
            days = (date.fromisoformat(asked["start_date"]), date.fromisoformat(asked["end_date"]))
            account = self._accounts.get(str(asked["account_id"]))
        except (KeyError, TypeError, ValueError):
            return refuse(400, "data.attributes needs account_id, start_date and end_date.")
        if account is None:
            return refuse(403, "The token may not read this.")
        self._made.append(_Export(account, days, asked.get("custom_feed_id"), request.at))
        return self._show(request, len(self._made), status=201)

    def _poll(self, request: Request) -> Reply:
        number = self._number(request.captured["export"])
        if number is None:
            return refuse(404, "There is no such export request.")
        self._made[number - 1].polls += 1
        return self._show(request, number)

    def _show(self, request: Request, number: int, status: int = 200) -> Reply:
        export = self._made[number - 1]
        state = self._state(export)
        attributes = {
            "status": state,
            "created_at": moment(export.created),
            "status_url": f"{request.origin}/export-requests/{number}",
            "download_url": f"{request.origin}/download/{number}.csv" if state == "processed" else None,
        }
        return Reply.json(
            {"data": {"id": str(number), "type": "export_requests", "attributes": attributes}}, status=status
        )

    def _state(self, export: _Export) -> str:
        if not export.polls:
            return "pending"
        if export.polls < self._options["export_polls"]:
            return "processing"
        return "failed" if self._options["exports_fail"] else "processed"

    def _download(self, request: Request) -> Reply:
        number = self._number(request.captured["file"].removesuffix(".csv"))
        if number is None or self._state(self._made[number - 1]) != "processed":
            return refuse(404, "There is no such file.")
        export = self._made[number - 1]
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        found = export.account.leads_between(*export.days, export.feed)
        for one in found:
            record = export.account.leads.record(one)
            writer.writerow({"id": record["id"], **record["attributes"]})
        return Reply(200, text.getvalue().encode(), {"Content-Type": "text/csv; charset=utf-8"}, records=len(found))

    def _number(self, text: str) -> int | None:
        return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= len(self._made) else None
